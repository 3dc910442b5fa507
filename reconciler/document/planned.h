/* What is planned, and what it was planned from: what documents and reports are made of. */
#ifndef EK_DOCUMENT_PLANNED_H
#define EK_DOCUMENT_PLANNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"
#include "reconciler/kernel/plan.h"

struct json_t;

/* What a change does to a deployment's spec. */
enum ek_touched { EK_TOUCHED_UNASKED, EK_TOUCHED_ADDED, EK_TOUCHED_CHANGED };

/* The plan of one deployment and what it was made from. Borrowed. */
struct ek_planned {
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_policy *policy;
    const struct ek_plan *plan;
    const char (*problems)[EK_PROBLEM_SIZE]; /* as in struct ek_observation, or NULL */
    int64_t observed_ms;
    uint8_t spec_digest[EK_SHA256_SIZE];
    const char *less_consent; /* how the specs ask for less consent than before, or NULL */
    /* Of the plan of a change only: */
    enum ek_touched touched;
    const char *renamed;             /* the deployment whose servers these were, or NULL */
    const struct ek_planned *before; /* what the specs before the change would need, or NULL */
    const char *before_problem;      /* why that could not be told, or NULL */
    /* Of a plan that was read from a file: its part of the document, whose words about what was
     * observed stand for facts that the file does not hold; else NULL. */
    const struct json_t *shown;
};

/* A deployment that a change takes out of the specs. */
struct ek_plan_gone {
    const char *name;
    const char *account;
    const char *renamed; /* the new deployment that has its servers, or NULL */
};

/* What a change touches besides what is planned. */
struct ek_plan_change {
    const char *base;   /* the commit that it starts from */
    size_t base_errors; /* the specs there are broken: everything is planned */
    size_t untouched;   /* deployments that it leaves as they are */
    const struct ek_plan_gone *gone;
    size_t gone_count;
};

/* A deployment that could not be looked at. */
struct ek_plan_failure {
    const struct ek_deployment_spec *spec;
    const struct ek_error *error;
};

/* Where the specs came from; borrowed, NULL where there is nothing to say. */
struct ek_plan_source {
    const char *directory; /* absolute path of a plain directory or file, or NULL: git */
    const char *url;
    const char *path; /* folder inside the commit's tree */
    const char *commit;
    const char *commit_subject;
};

struct ek_plan_set {
    struct ek_plan_source source;
    const struct ek_planned *planned;
    size_t count;
    const char *next_command; /* what applies it: "evenkeel apply orders.plan", or NULL */
    const struct ek_plan_change *change; /* NULL: everything in the specs is planned */
    const struct ek_plan_failure *failures;
    size_t failure_count;
    const char *name;  /* where it is known already, in a file; or NULL */
    const char *fleet; /* what tells the comment about it from others: a folder; NULL: "" */
};

#endif
