/* An aspect: one thing that specs can ask for, with all that the kernel needs to know of it.
 *
 * Its folder in aspects/ has the rows and the pure functions; observe.c and act.c reach for the
 * drivers. A new aspect is its folders, a line in aspects.def and its phases in order.def. */
#ifndef EK_KERNEL_ASPECT_H
#define EK_KERNEL_ASPECT_H

#include "reconciler/kernel/step.h"

/* The parts of an aspect: enum ek_part_id counts them in this order. */
enum { EK_PART_WHOLE, EK_PART_MEMBERS, EK_PART_LIST, EK_PARTS_OF_ASPECT };

enum { EK_ASPECTS = EK_ASPECT_PARTS / EK_PARTS_OF_ASPECT };

struct ek_question;
struct ek_observer;
struct ek_show;

/* What an aspect has to say when a member's server is started or restarted. Pure; each slot MAY be
 * NULL. */
struct ek_restart_rules {
    /* Whether something that member m runs can only be changed by a restart, and what (for people;
     * static storage). */
    bool (*needs_restart)(const struct ek_question *q, size_t m, const char **ret_why);

    /* Whether a restart now would bring m closer to what is wanted. Asked only where
     * needs_restart. */
    bool (*restart_helps)(const struct ek_question *q, size_t m);

    /* Block when what a start of m depends on could not be read; true: blocked. */
    bool (*unread)(const struct ek_question *q, size_t m);

    /* Block or propose what has to come before m is started again after it came not up. */
    bool (*before_start)(const struct ek_question *q, size_t m);

    /* Block or propose what has to come before m is restarted. */
    bool (*before_restart)(const struct ek_question *q, size_t m);

    /* Part of the effect of a start: a new process of m runs what its files say. */
    void (*run_from_files)(struct ek_state *state, size_t m);
};

struct ek_aspect {
    const char *name;
    size_t sizes[EK_PARTS_OF_ASPECT]; /* of the elements of its parts, in bytes; 0: no such part */
    const char *list_key;             /* in JSON; NULL: it has no list */
    const struct ek_field *const *fields;    /* NULL last */
    const struct ek_step_kind *const *steps; /* NULL last */
    const struct ek_restart_rules *restarts; /* or NULL */
    const struct ek_observer *observer;      /* reconciler/execute/observe.h, or NULL */
    const struct ek_show *show;              /* reconciler/document/show.h, or NULL */
};

/* Aspect of that index below EK_ASPECTS, in the order of aspects.def. */
const struct ek_aspect *ek_aspect_at(size_t index);

/* A member's name, for keys of facts and for messages. */
const char *ek_member_name(const struct ek_state *state, size_t member);

/* What tells this deployment in the world from any other that looks the same, "" when it is not
 * known or not made yet: a plan is for the one that it was made from. */
const char *ek_state_identity(const struct ek_state *state);

#endif
