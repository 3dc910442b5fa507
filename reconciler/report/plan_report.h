/* Plans for people and machines: text, Markdown and JSON of the same structs. */
#ifndef EK_REPORT_PLAN_REPORT_H
#define EK_REPORT_PLAN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
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
    uint8_t spec_digest[32];
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

/* The document that is printed as JSON and stored as a plan file; the caller owns it. It
 * carries "sha256", the plan's name: the digest of all the rest but the time and what the plan
 * waits for. NULL without memory, which is also all that the names and digests below fail for. */
struct json_t *ek_plan_json(const struct ek_plan_set *set);

/* The digest of a document as above, whatever its "sha256" says. */
int ek_plan_json_digest(const struct json_t *document, char ret_hex[65], struct ek_error *err);

/* What the plan waits for, as the document has it; the caller owns it. */
struct json_t *ek_plan_waits_json(const struct ek_planned *planned);

/* The name of one deployment's plan (ek_planned_name) from its part of the document. */
int ek_plan_json_name(const struct json_t *deployment, char ret_hex[65], struct ek_error *err);

/* The name of the plans together: 64 hex digits, the "sha256" of their document. */
int ek_plan_name(const struct ek_plan_set *set, char ret_hex[65], struct ek_error *err);

/* The name of one deployment's plan: 64 hex digits. The same for the same spec and the same
 * observed state, whatever the commit and whenever; what people approve. */
int ek_planned_name(const struct ek_planned *planned, char ret_hex[65], struct ek_error *err);

/* Append the plan as text: at most 100 columns, the totals as the last line. */
void ek_plan_text(const struct ek_plan_set *set, bool colour, struct ek_buffer *text);

/* Append a comment for a pull request, with its marker. As long as it has to be: comment.h splits.
 */
void ek_plan_markdown(const struct ek_plan_set *set, struct ek_buffer *text);

/* Set the arguments of a step as keys of an object, as ek_json_set does: those that any kind of
 * step has, null (or false) where this step's kind has none such. */
void ek_step_arguments_json(const struct ek_step *step, struct json_t **object);

/* "preferSSL", or "preferTLS" where the specs are written so. */
const char *ek_mode_word(const struct ek_deployment_spec *spec, enum ek_ssl_mode mode);

/* The connection string of the members' hosts as they are, or with `wanted` as they will be
 * under `label`. */
void ek_connection_string(const struct ek_deployment_spec *spec, const struct ek_state *state,
                          const char *label, bool wanted, struct ek_buffer *text);

/* The label that the SSL domain has or will have by this plan, "" for none. */
const char *ek_planned_label(const struct ek_planned *planned);

/* Append "3f2c1ab..9d8e7f6 touches 2 of 98 deployments (1 new)." and the like, for a set that has a
 * change. */
void ek_plan_change_words(const struct ek_plan_set *set, struct ek_buffer *text);

/* Append a word as a shell wants it: as it is, or in quotes. */
void ek_shell_word(struct ek_buffer *text, const char *word);

#endif
