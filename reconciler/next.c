/* next: the planner, one function per phase, in the order of preference. Pure. */
#include "reconciler/next.h"

#include <stdlib.h>
#include <string.h>

#include "reconciler/next_internal.h"

typedef bool phase(const struct ek_question *q);

/* ---- repair: a member that our own restart left down ---- */

static bool propose_certificate(const struct ek_question *q, size_t m)
{
    const char *why;
    if (!ek_next_certificate_due(q, m, &why))
        return false;
    return ek_propose(q, EK_STEP_ISSUE_CERTIFICATE, (int)m, "%s", why) != NULL;
}

static bool propose_file_of(const struct ek_question *q, size_t m, enum ek_ssl_mode mode,
                            const char *why)
{
    const struct ek_member_observed *member = &q->state->members[m];
    static const uint8_t none[32];
    const uint8_t *wanted = mode == EK_SSL_DISABLED ? none : member->options_wanted.digest;
    if (mode == member->mode_configured &&
        memcmp(member->options_configured.digest, wanted, sizeof none) == 0)
        return false;
    ek_propose(q, EK_STEP_WRITE_CONFIGURATION, (int)m, "%s", why)->mode = mode;
    return true;
}

static bool propose_file(const struct ek_question *q, size_t m, const char *why)
{
    return propose_file_of(q, m, ek_next_file_mode(q, m), why);
}

static bool prepare_authority(const struct ek_question *q);

/* What a start with TLS can't do without. The way back to disabled needs nothing of it. */
static bool equip(const struct ek_question *q, size_t m)
{
    const struct ek_certificate_state *certificate = &q->state->members[m].certificate_installed;
    if (q->state->members[m].mode_configured <= EK_SSL_DISABLED || !ek_next_wants_tls(q))
        return false;
    if (q->state->authority == EK_YES)
        return propose_certificate(q, m);
    return (certificate->present != EK_YES || certificate->not_after_s <= q->policy->now_s) &&
           prepare_authority(q);
}

static bool repair(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_member_observed *member = &q->state->members[m];
        if (member->process != EK_NO || member->restart_begun != EK_YES)
            continue;
        if (member->configuration == EK_UNKNOWN)
            return ek_block_configuration(q, m);
        if (ek_next_unread_of(q, m) || equip(q, m) ||
            propose_file(q, m, "before it is started again"))
            return true;
        ek_propose(q, EK_STEP_START, (int)m, "its restart was begun and did not come up")->mode =
            member->mode_configured;
        return true;
    }
    return false;
}

/* ---- prepare: what nothing notices ---- */

static bool prepare_authority(const struct ek_question *q)
{
    if (!ek_next_wants_tls(q) || q->state->authority == EK_YES)
        return false;
    if (q->state->authority == EK_UNKNOWN)
        return ek_block(q, "EK-0126", false, -1, "see the cause; restore the authority's files",
                        "the certificate authority %s could not be read",
                        q->spec->certificates.authority);
    ek_propose(q, EK_STEP_CREATE_AUTHORITY, -1, "%s does not exist yet",
               q->spec->certificates.authority);
    return true;
}

static bool prepare_names(const struct ek_question *q)
{
    if (!ek_next_wants_tls(q))
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        if (q->state->members[m].domain_name_bound == EK_YES)
            continue;
        struct ek_step *step = ek_propose(q, EK_STEP_BIND_NAME, (int)m, "not bound yet");
        if (!step->label[0])
            memcpy(step->label, q->policy->new_label, sizeof step->label);
        return true;
    }
    return false;
}

static bool prepare_trust(const struct ek_question *q)
{
    if (!ek_next_wants_tls(q))
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_trust_state *trust = &q->state->members[m].trust_installed;
        if (trust->present == EK_YES && trust->count == 1 &&
            memcmp(trust->sha256[0], q->state->authority_sha256, 32) == 0)
            continue;
        ek_propose(q, EK_STEP_INSTALL_TRUST, (int)m, "does not trust %s yet",
                   q->spec->certificates.authority);
        return true;
    }
    return false;
}

static bool prepare_certificates(const struct ek_question *q)
{
    if (!ek_next_wants_tls(q))
        return false;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (propose_certificate(q, m))
            return true;
    return false;
}

static bool prepare_user(const struct ek_question *q)
{
    if (q->state->initiated != EK_YES || q->state->authentication != EK_YES ||
        q->state->own_user == EK_YES)
        return false;
    if (q->state->own_user == EK_UNKNOWN)
        return ek_block(q, "EK-0108", true, -1,
                        "see the cause; Evenkeel needs the set's keyFile once",
                        "whether Evenkeel can log in to the replica set is not known");
    if (q->primary < 0)
        return ek_block(q, "EK-0112", true, -1, "wait for the election, or see the members' logs",
                        "the replica set has no primary");
    return ek_propose(q, EK_STEP_CREATE_USER, -1, "Evenkeel logs in as its own user") != NULL;
}

/* ---- create: a deployment that never ran ---- */

static bool spec_host_unresolved(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if (q->state->members[m].spec_host_resolves == EK_NO)
            return ek_block(q, "EK-0120", false, (int)m,
                            "make the name resolve, or correct replicaSet.members",
                            "the host of member %s, %s, does not resolve",
                            q->state->members[m].name, q->spec->members[m].host);
    return false;
}

static bool create_member(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    enum ek_ssl_mode wanted = q->spec->ssl_mode;
    if (member->process == EK_YES) {
        if (member->state != EK_MEMBER_UNINITIATED)
            return ek_block(q, "EK-0105", true, (int)m, "check the network and the server's log",
                            "member %s does not answer", member->name);
        if (member->mode_running == wanted)
            return false;
        return ek_block(q, "EK-0122", false, (int)m,
                        "stop it, empty its data directory, and run this again",
                        "member %s runs without a configuration and with sslMode %s", member->name,
                        ek_ssl_mode_name(member->mode_running));
    }
    if (member->process == EK_UNKNOWN || (member->data != EK_NO && member->restart_begun != EK_YES))
        return ek_block(q, "EK-0106", false, (int)m,
                        "start it, look at its log, and run this again",
                        "member %s is down: its server process does not run", member->name);
    if (member->key_file == EK_UNKNOWN || member->configuration == EK_UNKNOWN)
        return ek_block(q, "EK-0132", true, (int)m,
                        "see the cause; what is not known is not replaced",
                        "member %s: whether it has a keyFile and a configuration could not be read",
                        member->name);
    if (member->key_file != EK_YES) {
        ek_propose(q, EK_STEP_INSTALL_KEY_FILE, (int)m, "a new member");
        return true;
    }
    if (member->configuration != EK_YES || member->mode_configured != wanted ||
        (wanted > EK_SSL_DISABLED &&
         memcmp(member->options_configured.digest, member->options_wanted.digest, 32) != 0)) {
        ek_propose(q, EK_STEP_WRITE_CONFIGURATION, (int)m, "a new member")->mode = wanted;
        return true;
    }
    ek_propose(q, EK_STEP_START, (int)m, "a new member")->mode = wanted;
    return true;
}

static bool create(const struct ek_question *q)
{
    if (q->state->initiated != EK_NO)
        return false;
    if (!ek_next_wants_tls(q) && spec_host_unresolved(q))
        return true;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (create_member(q, m))
            return true;
    ek_propose(q, EK_STEP_INITIATE, -1, "a new replica set");
    return true;
}

/* ---- change at run time ---- */

static bool hosts_as_wanted(const struct ek_question *q)
{
    char wanted[280];
    for (size_t m = 0; m < q->state->member_count; m++)
        if (!ek_wanted_host(q->spec, q->state->domain_label, m, wanted, sizeof wanted) ||
            strcmp(q->state->members[m].host, wanted) != 0)
            return false;
    return true;
}

static bool join_domain(const struct ek_question *q)
{
    if (!ek_next_wants_tls(q) || hosts_as_wanted(q))
        return false;
    if (ek_next_unsettled(q))
        return true;
    ek_propose(q, EK_STEP_RECONFIGURE, -1, "the members join their SSL domain");
    return true;
}

/* A client that dials one member in plaintext dials the others so when it has to: nobody goes to
 * requireSSL before all of them have moved. */
static bool plaintext_clients_in_the_way(const struct ek_question *q, enum ek_ssl_mode mode)
{
    if (mode != EK_SSL_REQUIRE || q->spec->maintenance.plaintext_clients == EK_PLAINTEXT_DISCONNECT)
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_member_observed *member = &q->state->members[m];
        if (member->plaintext_clients > 0)
            return ek_block(q, "EK-0119", false, (int)m,
                            "move them to TLS, or set maintenance.plaintextClients: disconnect",
                            "%lld client connections to member %s are still in plaintext",
                            (long long)member->plaintext_clients, member->name);
    }
    return false;
}

static bool raise_member(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    const char *why;
    if (member->arbiter || member->mode_running < EK_SSL_ALLOW ||
        member->mode_running >= q->spec->ssl_mode)
        return false;
    if (ek_next_needs_restart(q, m, &why))
        return false; /* the restart will carry it */
    enum ek_ssl_mode mode = (enum ek_ssl_mode)(member->mode_running + 1);
    if (!ek_next_mode_fits(q, m, mode))
        return false;
    if (ek_next_unsettled(q) || plaintext_clients_in_the_way(q, mode))
        return true;
    ek_propose(q, EK_STEP_SET_SSL_MODE, (int)m, "at run time")->mode = mode;
    return true;
}

/* Secondaries first: what goes wrong goes wrong where nobody writes. */
static bool for_secondaries_then_primary(const struct ek_question *q,
                                         bool (*propose)(const struct ek_question *q, size_t m))
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if ((int)m != q->primary && propose(q, m))
            return true;
    return q->primary >= 0 && propose(q, (size_t)q->primary);
}

static bool raise_modes(const struct ek_question *q)
{
    return for_secondaries_then_primary(q, raise_member);
}

/* A file that a crash would take further from what is wanted keeps the peers where they are. */
static bool file_leads_astray(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    return abs((int)member->mode_configured - (int)q->spec->ssl_mode) >
           abs((int)member->mode_running - (int)q->spec->ssl_mode);
}

static bool follow_with_file(const struct ek_question *q, size_t m)
{
    const char *why;
    if (ek_next_needs_restart(q, m, &why) && !file_leads_astray(q, m))
        return false; /* its file is written right before the restart */
    return propose_file(q, m, "so that a crash changes nothing");
}

static bool follow_with_files(const struct ek_question *q)
{
    return for_secondaries_then_primary(q, follow_with_file);
}

/* ---- restart ---- */

/* A restart that would end in the mode it began in, with nothing else new, helps nobody. */
static bool restart_helps(const struct ek_question *q, size_t m)
{
    const char *why;
    if (!ek_next_needs_restart(q, m, &why))
        return false;
    if (ek_next_file_mode(q, m) != q->state->members[m].mode_running)
        return true;
    return q->state->members[m].mode_running <= q->spec->ssl_mode &&
           ek_next_runs_old_files(q, m, &why);
}

/* Whose certificate has ended comes first: the others can't be restarted beside it. */
static bool goes_before(const struct ek_question *q, size_t a, size_t b)
{
    const struct ek_member_observed *first = &q->state->members[a];
    const struct ek_member_observed *second = &q->state->members[b];
    if (ek_next_lapsed(q, a) != ek_next_lapsed(q, b))
        return ek_next_lapsed(q, a);
    if (first->priority < second->priority || first->priority > second->priority)
        return first->priority < second->priority;
    return a > b;
}

typedef bool concern(const struct ek_question *q, size_t m);

static int choose_restart(const struct ek_question *q, bool arbiters, concern *concerned)
{
    int chosen = -1;
    for (size_t m = 0; m < q->state->member_count; m++)
        if ((int)m != q->primary && q->state->members[m].arbiter == arbiters && concerned(q, m) &&
            (chosen < 0 || goes_before(q, m, (size_t)chosen)))
            chosen = (int)m;
    return chosen;
}

static bool could_lead(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    return (int)m != q->primary && member->state == EK_MEMBER_SECONDARY && member->priority > 0 &&
           member->votes > 0 && !member->delayed;
}

/* Whom the server hands over to: the highest priority, the first of equals. */
static int successor(const struct ek_question *q)
{
    int chosen = -1;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (could_lead(q, m) &&
            (chosen < 0 || q->state->members[m].priority > q->state->members[chosen].priority))
            chosen = (int)m;
    return chosen;
}

/* The server hands over to whoever has the last write at that instant: the expected successor,
 * or any other that could lead. So none of them may lack the keys. */
static bool cannot_sign_yet(const struct ek_question *q)
{
    if (q->state->authentication != EK_YES)
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        int64_t key = q->state->members[m].signing_key;
        if (!could_lead(q, m) || (key > 0 && key == q->state->members[q->primary].signing_key))
            continue;
        return ek_block(q, "EK-0116", true, (int)m, "wait a moment; it loads the keys by itself",
                        "member %s has not loaded the keys that sign the cluster time yet; elected "
                        "now it would refuse every client",
                        q->state->members[m].name);
    }
    return false;
}

static bool voters_without(const struct ek_question *q, size_t m)
{
    int votes = 0;
    int left = 0;
    for (size_t i = 0; i < q->state->member_count; i++) {
        votes += q->state->members[i].votes;
        left += i == m ? 0 : q->state->members[i].votes;
    }
    return left > votes / 2;
}

static bool interrupts_writes(const struct ek_question *q, size_t m)
{
    int data_left = 0;
    for (size_t i = 0; i < q->state->member_count; i++)
        if (i != m && !q->state->members[i].arbiter && !q->state->members[i].delayed)
            data_left++;
    bool last_secondary =
        !q->state->members[m].arbiter && data_left < 2 && !ek_next_left_behind(q, m);
    return last_secondary || !voters_without(q, m);
}

static bool interruption_refused(const struct ek_question *q, size_t m)
{
    if (q->spec->maintenance.interruption == EK_INTERRUPTION_ACCEPT || !interrupts_writes(q, m))
        return false;
    return ek_block(q, "EK-0118", false, (int)m,
                    "add a data-bearing member, or set maintenance.interruption: accept",
                    "restarting member %s would interrupt writes: the replica set has no member "
                    "to spare",
                    q->state->members[m].name);
}

/* Will anything be left to restart once m is back? */
static bool more_restarts_after(const struct ek_question *q, size_t m, enum ek_ssl_mode after)
{
    const char *why;
    for (size_t i = 0; i < q->state->member_count; i++)
        if (i != m && ek_next_needs_restart(q, i, &why))
            return true;
    return after > q->spec->ssl_mode;
}

/* Outside a window a restart changes no more than it must. */
static enum ek_ssl_mode mode_after_restart(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode running = q->state->members[m].mode_running;
    return ek_next_window_closed(q) && ek_next_mode_fits(q, m, running) ? running
                                                                        : ek_next_file_mode(q, m);
}

/* On the way down nobody's certificate is renewed but the one without which a member, coming back
 * in a mode that still has TLS, would not start. */
static bool propose_certificate_for(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    enum { STARTS_WITHIN_S = 3600 };
    int64_t left_s = q->state->members[m].certificate_installed.not_after_s - q->policy->now_s;
    char name[256];
    if (mode == EK_SSL_DISABLED || left_s >= STARTS_WITHIN_S || q->state->authority != EK_YES ||
        !ek_domain_name(q->spec, q->state->domain_label, m, name, sizeof name))
        return false;
    ek_propose(q, EK_STEP_ISSUE_CERTIFICATE, (int)m, "without a valid one it would not start");
    return true;
}

static bool propose_restart(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    const char *why;
    ek_next_needs_restart(q, m, &why);
    enum ek_ssl_mode after = mode_after_restart(q, m);
    if (interruption_refused(q, m) || plaintext_clients_in_the_way(q, after) ||
        ek_next_cut_off(q, m, after) || propose_certificate_for(q, m, after))
        return true;
    if (propose_file_of(q, m, after, "read at the next start"))
        return true;
    struct ek_step *step = ek_propose(q, EK_STEP_RESTART, (int)m, "%s", why);
    step->mode = after;
    step->hold = q->primary >= 0 && (int)m != q->primary &&
                 member->priority > q->state->members[q->primary].priority &&
                 more_restarts_after(q, m, after);
    return true;
}

static bool hand_over(const struct ek_question *q)
{
    int other = successor(q);
    if (other < 0) {
        if (q->state->member_count == 1)
            return propose_restart(q, (size_t)q->primary);
        return ek_block(q, "EK-0115", false, q->primary, "give another member votes and priority",
                        "no other member could take over from primary %s",
                        q->state->members[q->primary].name);
    }
    if (interruption_refused(q, (size_t)q->primary) || cannot_sign_yet(q))
        return true;
    ek_propose(q, EK_STEP_STEP_DOWN, q->primary, "a primary is never stopped")->other = other;
    return true;
}

static bool restarts_of(const struct ek_question *q, concern *concerned)
{
    int m = choose_restart(q, false, concerned);
    int arbiter = choose_restart(q, true, concerned);
    bool urgent = arbiter >= 0 && ek_next_lapsed(q, (size_t)arbiter);
    bool primary = m < 0 && !urgent && q->primary >= 0 && concerned(q, (size_t)q->primary);
    /* An arbiter's mode never changes at run time: restarted last, it goes furthest at once. */
    if (urgent || m < 0)
        m = arbiter;
    if (m < 0 && !primary)
        return false;
    if (m >= 0 && ek_next_lost(q, (size_t)m) ? ek_next_unsettled_but(q, (size_t)m)
                                             : ek_next_unsettled(q))
        return true;
    return primary ? hand_over(q) : propose_restart(q, (size_t)m);
}

static bool restarts(const struct ek_question *q)
{
    return restarts_of(q, restart_helps);
}

/* Nothing else gets on while a member is lost. */
static bool fetch_back(const struct ek_question *q)
{
    return restarts_of(q, ek_next_lost);
}

static bool urgent_restart(const struct ek_question *q, size_t m)
{
    return ek_next_renewal_urgent(q, m) && restart_helps(q, m) &&
           ek_next_mode_fits(q, m, q->state->members[m].mode_running);
}

/* Renewals that can't wait for the window come before everything that does. */
static bool renew_urgently(const struct ek_question *q)
{
    return ek_next_window_closed(q) && restarts_of(q, urgent_restart);
}

/* ---- clean up ---- */

static int wanted_primary(const struct ek_question *q)
{
    enum ek_choice choice = q->spec->maintenance.reinstate_primary;
    if (q->primary < 0 || choice == EK_CHOICE_NO)
        return -1;
    int best = q->primary;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (could_lead(q, m) && q->state->members[m].priority > q->state->members[best].priority)
            best = (int)m;
    int former = q->policy->former_primary;
    if (best == q->primary && choice == EK_CHOICE_YES && former >= 0 &&
        could_lead(q, (size_t)former) &&
        q->state->members[former].priority >= q->state->members[best].priority)
        best = former;
    return best == q->primary ? -1 : best;
}

static bool reinstate(const struct ek_question *q)
{
    int other = wanted_primary(q);
    if (other < 0)
        return false;
    if (ek_next_unsettled(q) || cannot_sign_yet(q))
        return true;
    ek_propose(q, EK_STEP_REINSTATE, q->primary, "%s is the one that should lead",
               q->state->members[other].name)
        ->other = other;
    return true;
}

static bool leave_domain(const struct ek_question *q)
{
    if (ek_next_wants_tls(q) || hosts_as_wanted(q))
        return false;
    if (spec_host_unresolved(q) || ek_next_unsettled(q))
        return true;
    ek_propose(q, EK_STEP_RECONFIGURE, -1, "the members go back to the names in the specs");
    return true;
}

/* Everybody runs and would run what is wanted, or the ladder has a rung too few. */
static bool stuck(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_member_observed *member = &q->state->members[m];
        if (member->mode_running == q->spec->ssl_mode &&
            member->mode_configured == q->spec->ssl_mode)
            continue;
        return ek_block(q, "EK-0117", false, (int)m,
                        "bring the members' files and modes within one stage of each other",
                        "member %s (running %s, configured %s) can't be moved towards %s without "
                        "cutting it off from a peer",
                        member->name, ek_ssl_mode_name(member->mode_running),
                        ek_ssl_mode_name(member->mode_configured),
                        ek_ssl_mode_name(q->spec->ssl_mode));
    }
    return false;
}

static phase *const phases[] = {
    ek_next_contradicted,
    repair,
    ek_next_unread,
    prepare_authority,
    prepare_names,
    prepare_trust,
    prepare_certificates,
    create,
    prepare_user,
    renew_urgently,
    fetch_back,
    join_domain,
    raise_modes,
    follow_with_files,
    restarts,
    stuck,
    reinstate,
    leave_domain,
};

void ek_next(const struct ek_deployment_spec *spec, const struct ek_state *state,
             const struct ek_policy *policy, struct ek_verdict *ret_verdict)
{
    struct ek_question q = {.spec = spec,
                            .state = state,
                            .policy = policy,
                            .primary = ek_state_primary(state),
                            .verdict = ret_verdict};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (phases[i](&q)) {
            ek_next_withhold(&q, phases[i] == renew_urgently);
            return;
        }
    memset(ret_verdict, 0, sizeof *ret_verdict);
    ret_verdict->kind = EK_VERDICT_DONE;
}
