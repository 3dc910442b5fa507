/* Inside specs/: what the passes over a tree share. In order: bind (keys, types, defaults),
 * derive (defaults that depend on other keys), rules (one document), references (all). */
#ifndef EK_SPECS_CHECK_H
#define EK_SPECS_CHECK_H

#include "specs/arena.h"
#include "specs/keys.h"
#include "specs/node.h"
#include "specs/report.h"
#include "specs/spec.h"

struct ek_check;

/* A document and the struct that it became. */
struct ek_subject {
    struct ek_check *check; /* that it is a part of */
    const struct ek_document *document;
    const struct ek_kind *kind;
    void *value;                         /* struct of the kind, in the arena of the result */
    bool broken;                         /* something is wrong with it, or with what it needs */
    const struct ek_diagnostic *trouble; /* the first one in it, or NULL */
};

struct ek_check {
    struct ek_arena *result;            /* what the specs keep */
    struct ek_arena *scratch;           /* nodes and texts until the end of the run */
    struct ek_diagnostics *diagnostics; /* errors */
    struct ek_diagnostics *warnings;
    struct ek_subject *subjects;
    size_t count;
    bool configuration; /* of a controller, not specs of a fleet */
    bool incomplete;    /* a part of the tree could not be read: a name that leads nowhere may lead
                           there, so that nothing is said about it */
};

/* Fill `value` (zeroed) from a document by the kind's table; diagnostics for everything that
 * the table does not allow. */
void ek_bind(struct ek_check *check, const struct ek_document *document, const struct ek_kind *kind,
             void *value);

void ek_derive(struct ek_check *check, const struct ek_subject *subject);
void ek_check_rules(const struct ek_subject *subject);
void ek_check_members(const struct ek_subject *subject);
void ek_check_references(struct ek_check *check);
void ek_check_collisions(struct ek_check *check);

/* After all passes: mark every subject that a diagnostic stands in, and those that can't be without
 * one that is marked. */
void ek_check_mark_broken(struct ek_check *check, const struct ek_documents *documents);

/* The node at "spec.replicaSet.members[1].host", or NULL when it was not written. */
const struct ek_node *ek_subject_node(const struct ek_subject *subject, const char *path);

/* True when nothing was wrong at the node of `path`, or when it was not written. */
bool ek_subject_sound(const struct ek_subject *subject, const char *path);

/* Its place; of what was not written, the place of the nearest key above it. */
struct ek_place ek_subject_place(const struct ek_subject *subject, const char *path);

/* Report a broken rule at that place, with the path as the key; ek_subject_hint may follow. */
void ek_subject_report(const struct ek_subject *subject, const char *path, const char *id,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Give what was reported last a hint. */
void ek_subject_hint(const struct ek_subject *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The strings at the kind's name and account offsets; NULL when not (yet) given. */
const char *ek_subject_name(const struct ek_subject *subject);
const char *ek_subject_account(const struct ek_subject *subject);

#endif
