/* The roster: every deployment that some repository speaks of, or spoke of, and what that means
 * for it. Pure: from the repositories' desired states and the roster before. */
#ifndef EK_LOOP_ROSTER_H
#define EK_LOOP_ROSTER_H

#include "reconciler/loop/desired.h"

enum ek_standing {
    EK_STANDING_WANTED,  /* by one sound spec */
    EK_STANDING_BROKEN,  /* its spec, or what that needs, has an error: nothing of it is applied */
    EK_STANDING_CLAIMED, /* two repositories claim it, or its servers: neither gets its way */
    EK_STANDING_REMOVED, /* no longer in the specs: left alone */
};

struct ek_wanted {
    char account[64];
    char name[64];
    enum ek_standing standing;
    const struct ek_desired *desired;      /* WANTED, BROKEN: of which repository; else NULL */
    const struct ek_deployment_spec *spec; /* WANTED */
    char file[256];                        /* where it is, or was, written */
    char repository[64];                   /* that it belongs to, or belonged to */
    char sentence[512];                    /* all but WANTED: why not */
};

struct ek_roster {
    struct ek_wanted *items; /* sorted by account and name */
    size_t count;
};

/* `desired[i]` may be NULL: a repository that could not be read yet. `before` may be NULL. What it
 * points into must outlive it. */
int ek_roster_make(const struct ek_desired *const *desired, size_t count,
                   const struct ek_roster *before, struct ek_roster *ret_roster,
                   struct ek_error *err);
void ek_roster_done(struct ek_roster *roster);

#endif
