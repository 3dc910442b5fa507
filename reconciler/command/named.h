/* The deployment that a person named, and the store that is told about it. */
#ifndef EK_COMMAND_NAMED_H
#define EK_COMMAND_NAMED_H

#include "reconciler/command/fleet.h"

struct ek_named {
    struct ek_fleet fleet; /* the store is open; specs only when they were needed */
    char account[64];
    char deployment[64];
    char who[160];
};

/* Options with the specs that --specs names in place of what the verb takes as arguments; free
 * nothing. `words` has room for two. */
struct ek_options ek_options_for_specs(const struct ek_options *options, const char *words[2]);

/* All of a verb that does one thing to a named deployment; the exit status. "acme/orders" is taken
 * as it is, so that no specs are needed; a name alone is looked up in the specs (--specs, --git).
 * Says EK-0805 when they have no such deployment, EK-1140 when several accounts have one. */
int ek_named_command(const struct ek_options *options, const char *verb,
                     int (*act)(const struct ek_options *options, const struct ek_named *named,
                                struct ek_error *err));

/* Something that somebody said about it. Borrowed. */
struct ek_said_of_named {
    const char *kind;   /* of event */
    int64_t at_ms;      /* wall clock */
    const char *text;   /* one sentence */
    const char *detail; /* a JSON object */
};

/* Write it down. */
int ek_named_record(const struct ek_named *named, const struct ek_said_of_named *said,
                    struct ek_error *err);

#endif
