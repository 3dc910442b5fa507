/* verify: every promise of the spec observed again, and the litmus test (S6). */
#ifndef EK_EXECUTE_VERIFY_H
#define EK_EXECUTE_VERIFY_H

#include "reconciler/execute/world.h"

enum ek_check_result { EK_CHECK_PASSED, EK_CHECK_FAILED, EK_CHECK_UNKNOWN };

struct ek_check {
    int member;    /* -1: the deployment */
    char name[64]; /* stable: "tls-by-name", "tls-by-address", "sslmode-running", … */
    enum ek_check_result result;
    char sentence[384]; /* what was seen, for people */
};

/* Room for checks, the caller's. */
struct ek_checks {
    struct ek_check *checks;
    size_t max;
    size_t count; /* how many were written */
};

/* Observe and check; at most `max` checks are written. Fails only as ek_observe does.
 * While sslMode is not disabled: connecting by name over TLS works; the same by IP address fails
 * with a certificate validation error (and with nothing else); the certificate served is the one
 * installed, by the authority, with the member's name only, its key encrypted on the host.
 * Always: sslMode running and configured agree with the spec; members healthy; hosts in the
 * configuration as wanted; while disabled: a TLS client is refused. */
int ek_verify(struct ek_world *world, int64_t deadline, struct ek_checks *ret_checks,
              struct ek_error *err);

#endif
