/* What the files of the planner share. Nobody else includes this, permit least of all. */
#ifndef EK_NEXT_INTERNAL_H
#define EK_NEXT_INTERNAL_H

#include "reconciler/next.h"

/* One question to the planner, with what can be read off it once. */
struct ek_question {
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_policy *policy;
    int primary;
    struct ek_verdict *verdict;
};

/* Fill the verdict; both return true, so that a phase can `return propose(…)`. */
struct ek_step *ek_propose(const struct ek_question *q, enum ek_step_kind kind, int member,
                           const char *why, ...) __attribute__((format(printf, 4, 5)));
bool ek_block(const struct ek_question *q, const char *id, bool passing, int member,
              const char *hint, const char *sentence, ...) __attribute__((format(printf, 6, 7)));

bool ek_block_configuration(const struct ek_question *q, size_t m); /* m's file is not understood */

/* Phases that only look: true when the verdict is "blocked". */
bool ek_next_contradicted(
    const struct ek_question *q); /* reality does not match the specs, or is unknown */
bool ek_next_unread(const struct ek_question *q); /* something that TLS needs is not known */
bool ek_next_unread_of(const struct ek_question *q, size_t m); /* of member m */
bool ek_next_unsettled(const struct ek_question *q); /* not healthy enough to disturb anything */

/* The same, but for what is said of and by member m. */
bool ek_next_unsettled_but(const struct ek_question *q, size_t m);

/* Whether no peer sees secondary m, which runs with a certificate that they can't take: a restart
 * with a good one may bring it back, and takes it from nobody. */
bool ek_next_lost(const struct ek_question *q, size_t m);

/* Whether m is, as far as is known, not within the lag that is allowed: no write counts on it. */
bool ek_next_left_behind(const struct ek_question *q, size_t m);

/* The furthest sslMode towards the wanted one that member m's file may name now, so that m
 * and each of its peers go on talking whatever crashes; its current one when it can't move. */
enum ek_ssl_mode ek_next_file_mode(const struct ek_question *q, size_t m);

/* Whether m may run `mode` beside its peers as they run and as they are configured. */
bool ek_next_mode_fits(const struct ek_question *q, size_t m, enum ek_ssl_mode mode);

/* Whether something that m runs can only be changed by a restart, and what (for people). */
bool ek_next_needs_restart(const struct ek_question *q, size_t m, const char **ret_why);

/* The part of it that is about files: certificate, trust or options that were read at its start
 * are not the ones there now. */
bool ek_next_runs_old_files(const struct ek_question *q, size_t m, const char **ret_why);

/* Whether m runs with a certificate that no peer can take, and a good one is installed. */
bool ek_next_bad_certificate(const struct ek_question *q, size_t m);

/* Whether m's certificate must be issued (again), and why. */
bool ek_next_certificate_due(const struct ek_question *q, size_t m, const char **ret_why);

/* Blocked when another member runs with a certificate that has ended and one of the two would dial
 * TLS once m came back in `mode`: connections that exist go on, new ones are refused. */
bool ek_next_cut_off(const struct ek_question *q, size_t m, enum ek_ssl_mode mode);

/* Whether the certificate that m runs with has ended. */
bool ek_next_lapsed(const struct ek_question *q, size_t m);

/* A certificate that m serves ends so soon that it waits for no window, and its successor is
 * installed. */
bool ek_next_renewal_urgent(const struct ek_question *q, size_t m);

bool ek_next_window_closed(const struct ek_question *q);

/* A proposed step for which the policy lacks something turns into "blocked"; `urgent`: it may do
 * without a window. */
void ek_next_withhold(const struct ek_question *q, bool urgent);

/* TLS is wanted, or a member still uses it. */
bool ek_next_wants_tls(const struct ek_question *q);

#endif
