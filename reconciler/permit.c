/* permit: the laws, one predicate each. Shares nothing with the planner but the structs. */
#include "reconciler/permit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/permit_talk.h"

struct hearing {
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_step *step;
    const struct ek_policy *policy;
    char *sentence; /* what would be broken */
    size_t size;
};

typedef bool law(const struct hearing *h); /* true: broken */

static bool broken(const struct hearing *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool broken(const struct hearing *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(h->sentence, h->size, format, args);
    va_end(args);
    return true;
}

static const struct ek_member_observed *subject(const struct hearing *h)
{
    return h->step->member < 0 ? NULL : &h->state->members[h->step->member];
}

static bool is(const struct hearing *h, enum ek_step_kind kind)
{
    return h->step->kind == kind;
}

static bool moves_the_primary(const struct hearing *h)
{
    return is(h, EK_STEP_STEP_DOWN) || is(h, EK_STEP_REINSTATE);
}

/* Steps that the running set feels. */
static bool is_felt(const struct hearing *h)
{
    return is(h, EK_STEP_RESTART) || is(h, EK_STEP_SET_SSL_MODE) || is(h, EK_STEP_RECONFIGURE) ||
           moves_the_primary(h);
}

/* ---- law 1 ---- */

static void enact_on_member(struct ek_state *after, const struct ek_step *step)
{
    struct ek_member_observed *member = &after->members[step->member];
    switch (step->kind) {
    case EK_STEP_WRITE_CONFIGURATION: member->mode_configured = step->mode; break;
    case EK_STEP_SET_SSL_MODE: member->mode_running = step->mode; break;
    case EK_STEP_START:
    case EK_STEP_RESTART:
        member->process = EK_YES;
        member->mode_running = member->mode_configured;
        member->certificate_running = member->certificate_installed;
        member->trust_running = member->trust_installed;
        break;
    case EK_STEP_INSTALL_TRUST:
        member->trust_installed.present = EK_YES;
        member->trust_installed.count = 1;
        memcpy(member->trust_installed.sha256[0], after->authority_sha256, 32);
        break;
    case EK_STEP_ISSUE_CERTIFICATE:
        member->certificate_installed.present = EK_YES;
        member->certificate_installed.issued_by_authority = EK_YES;
        break;
    default: break;
    }
}

static void enact(const struct hearing *h, struct ek_state *after)
{
    ek_state_copy(after, h->state);
    if (h->step->member >= 0)
        enact_on_member(after, h->step);
    if (is(h, EK_STEP_ISSUE_CERTIFICATE))
        ek_domain_name(h->spec, h->step->label, (size_t)h->step->member,
                       after->members[h->step->member].certificate_installed.name, 256);
    if (is(h, EK_STEP_RECONFIGURE))
        for (size_t i = 0; i < after->member_count; i++)
            ek_wanted_host(h->spec, h->step->label, i, after->members[i].host,
                           sizeof after->members[i].host);
}

static bool pairs_talk(const struct hearing *h)
{
    struct ek_state after;
    if (h->state->initiated != EK_YES)
        return false;
    enact(h, &after);
    for (size_t from = 0; from < after.member_count; from++)
        for (size_t to = 0; to < after.member_count; to++) {
            if (from == to || !ek_talk_breaks(h->state, &after, from, to))
                continue;
            return broken(h,
                          "member %s could no longer reach member %s, now or after a crash of "
                          "one of them",
                          after.members[from].name, after.members[to].name);
        }
    return false;
}

static bool starts_again(const struct hearing *h)
{
    const struct ek_member_observed *member = subject(h);
    enum ek_ssl_mode mode = is(h, EK_STEP_WRITE_CONFIGURATION) ? h->step->mode
                            : member                           ? member->mode_configured
                                                               : EK_SSL_DISABLED;
    if (!is(h, EK_STEP_WRITE_CONFIGURATION) && !is(h, EK_STEP_RESTART) && !is(h, EK_STEP_START))
        return false;
    if (mode == EK_SSL_UNKNOWN)
        return broken(h, "what member %s would start with is not known", member->name);
    if (mode == EK_SSL_DISABLED)
        return false;
    const struct ek_certificate_state *certificate = &member->certificate_installed;
    if (certificate->present != EK_YES || certificate->not_after_s <= h->policy->now_s)
        return broken(h, "member %s would not start: it has no certificate that is valid now",
                      member->name);
    if (member->trust_installed.present != EK_YES)
        return broken(h, "member %s would not start: it has no authority to trust", member->name);
    return false;
}

static bool ended_in_use(const struct hearing *h, const struct ek_member_observed *member)
{
    return member->process == EK_YES && member->certificate_running.present == EK_YES &&
           member->certificate_running.not_after_s <= h->policy->now_s;
}

/* Connections by TLS that exist outlive a certificate; none is made anew with one that has ended:
 * by who comes back, to who comes back, or by who dials TLS from now on. */
static bool no_new_connection_meets_an_ended_certificate(const struct hearing *h)
{
    bool restart = is(h, EK_STEP_RESTART);
    bool begins = is(h, EK_STEP_SET_SSL_MODE) && subject(h)->mode_running == EK_SSL_ALLOW;
    if (!restart && !begins)
        return false;
    enum ek_ssl_mode then = restart ? subject(h)->mode_configured : h->step->mode;
    bool dialled = then == EK_SSL_PREFER || then == EK_SSL_REQUIRE;
    for (size_t i = 0; i < h->state->member_count; i++) {
        const struct ek_member_observed *member = &h->state->members[i];
        bool dials = restart && (member->mode_running == EK_SSL_PREFER ||
                                 member->mode_running == EK_SSL_REQUIRE);
        if (!ended_in_use(h, member) || (!dialled && !dials))
            continue;
        if ((int)i == h->step->member && restart)
            continue; /* it comes back with another */
        return broken(h, "the certificate of member %s has ended; it would be cut off",
                      member->name);
    }
    return false;
}

enum { CLOCK_TOLERANCE_MS = 5 * 60 * 1000 };

static bool clocks_agree(const struct hearing *h)
{
    bool dated = is(h, EK_STEP_CREATE_AUTHORITY) || is(h, EK_STEP_ISSUE_CERTIFICATE) || is_felt(h);
    for (size_t i = 0; dated && i < h->state->member_count; i++) {
        const struct ek_member_observed *member = &h->state->members[i];
        bool known = member->clock_ahead_ms != EK_CLOCK_UNKNOWN;
        bool tls = h->spec->ssl_mode > EK_SSL_DISABLED || member->mode_running > EK_SSL_DISABLED;
        if (known && tls &&
            (member->clock_ahead_ms > CLOCK_TOLERANCE_MS ||
             member->clock_ahead_ms < -CLOCK_TOLERANCE_MS))
            return broken(h, "the clock of member %s's host is %lld s from Evenkeel's",
                          member->name, (long long)(member->clock_ahead_ms / 1000));
    }
    return false;
}

/* ---- law 2 ---- */

static bool fit(const struct hearing *h, const struct ek_member_observed *member)
{
    if (member->process == EK_NO || member->reachable != EK_YES)
        return false;
    if (member->state == EK_MEMBER_PRIMARY || member->state == EK_MEMBER_ARBITER)
        return true;
    if (member->state != EK_MEMBER_SECONDARY)
        return false;
    return member->delayed ||
           (member->lag_ms >= 0 && member->lag_ms <= h->spec->maintenance.max_lag_s * 1000);
}

static bool is_taken_by_peers(const struct hearing *h,
                              const struct ek_certificate_state *certificate, const char *host)
{
    return certificate->issued_by_authority == EK_YES && strcmp(certificate->name, host) == 0 &&
           certificate->not_after_s > h->policy->now_s;
}

/* A secondary that its peers do without already, since none of them takes its certificate: its
 * restart with a good one takes nothing from them. */
static bool is_lost_until_restarted(const struct hearing *h)
{
    const struct ek_member_observed *member = subject(h);
    if (!is(h, EK_STEP_RESTART) || member->state != EK_MEMBER_SECONDARY ||
        member->reachable != EK_YES)
        return false;
    uint64_t others = ~((uint64_t)1 << h->step->member);
    char host[280];
    ek_host_without_port(member->host, host, sizeof host);
    for (size_t i = 0; i < h->state->member_count; i++)
        if ((others >> i & 1) && h->state->members[i].mode_running < EK_SSL_PREFER)
            return false; /* in plaintext nobody asks for it */
    return (member->viewed_by & others) && !(member->healthy_for & others) &&
           member->certificate_running.present == EK_YES &&
           !is_taken_by_peers(h, &member->certificate_running, host) &&
           is_taken_by_peers(h, &member->certificate_installed, host);
}

static bool one_at_a_time(const struct hearing *h)
{
    if (!is_felt(h) || h->state->initiated != EK_YES)
        return false;
    uint64_t lost = is_lost_until_restarted(h) ? (uint64_t)1 << h->step->member : 0;
    for (size_t i = 0; i < h->state->member_count; i++)
        if (!(lost >> i & 1) && !fit(h, &h->state->members[i]))
            return broken(
                h, "member %s is %s and not caught up; nothing else is disturbed until it is",
                h->state->members[i].name, ek_member_state_name(h->state->members[i].state));
    for (size_t viewed = 0; viewed < h->state->member_count; viewed++) {
        const struct ek_member_observed *member = &h->state->members[viewed];
        uint64_t unwell = member->viewed_by & ~member->healthy_for & ~((uint64_t)1 << viewed);
        if (!(lost >> viewed & 1) && (unwell & ~lost))
            return broken(h, "member %s is not healthy in the eyes of a peer", member->name);
    }
    return false;
}

static bool majority_stays(const struct hearing *h)
{
    if (!is(h, EK_STEP_RESTART) || h->state->initiated != EK_YES)
        return false;
    if (h->spec->maintenance.interruption == EK_INTERRUPTION_ACCEPT)
        return false;
    int all = 0;
    int staying = 0;
    int copies = 0;
    for (size_t i = 0; i < h->state->member_count; i++) {
        const struct ek_member_observed *member = &h->state->members[i];
        all += member->votes;
        if ((int)i == h->step->member || !fit(h, member))
            continue;
        staying += member->votes;
        copies += !member->arbiter && !member->delayed;
    }
    if (2 * staying <= all)
        return broken(h, "without member %s only %d of %d votes would be left", subject(h)->name,
                      staying, all);
    bool replicates = fit(h, subject(h)) || !is_lost_until_restarted(h);
    if (!subject(h)->arbiter && copies < 2 && replicates)
        return broken(h, "member %s is the last caught-up secondary", subject(h)->name);
    return false;
}

/* ---- law 3 ---- */

static bool primary_is_not_stopped(const struct hearing *h)
{
    if (!is(h, EK_STEP_RESTART) || subject(h)->state != EK_MEMBER_PRIMARY)
        return false;
    for (size_t i = 0; i < h->state->member_count; i++)
        if ((int)i != h->step->member && !h->state->members[i].arbiter)
            return broken(h, "member %s is the primary; it steps down before it is stopped",
                          subject(h)->name);
    return false;
}

static int ears(uint64_t set)
{
    return __builtin_popcountll(set);
}

/* Whom the server really hands over to, only the server knows. */
static bool somebody_electable_cannot_sign(const struct hearing *h)
{
    for (size_t i = 0; i < h->state->member_count; i++) {
        const struct ek_member_observed *member = &h->state->members[i];
        bool electable = member->state == EK_MEMBER_SECONDARY && member->priority > 0;
        if (electable &&
            (member->signing_key <= 0 || member->signing_key != subject(h)->signing_key))
            return broken(h, "member %s does not sign the cluster time with the primary's key yet",
                          member->name);
    }
    return false;
}

static bool successor_is_eligible(const struct hearing *h)
{
    if (!moves_the_primary(h))
        return false;
    if (subject(h)->state != EK_MEMBER_PRIMARY)
        return broken(h, "member %s is not the primary any more", subject(h)->name);
    if (h->step->other < 0)
        return broken(h, "nobody is named to take over from member %s", subject(h)->name);
    const struct ek_member_observed *heir = &h->state->members[h->step->other];
    if (heir->state != EK_MEMBER_SECONDARY || heir->priority <= 0 || heir->votes < 1 ||
        heir->arbiter)
        return broken(h, "member %s can't be elected", heir->name);
    if (heir->lag_ms < 0 || heir->lag_ms > h->spec->maintenance.max_lag_s * 1000)
        return broken(h, "member %s has not caught up", heir->name);
    size_t count = h->state->member_count;
    int sees = 1;
    for (size_t i = 0; i < count; i++)
        if ((int)i != h->step->other && (h->state->members[i].healthy_for >> h->step->other & 1))
            sees++;
    if (2 * ears(heir->healthy_for | (uint64_t)1 << h->step->other) <= (int)count ||
        2 * sees <= (int)count)
        return broken(h, "member %s and a majority don't reach each other both ways", heir->name);
    return h->state->authentication == EK_YES && somebody_electable_cannot_sign(h);
}

/* ---- laws 4, 5 ---- */

static bool reconfiguration_is_based_on_what_was_seen(const struct hearing *h)
{
    if (!is(h, EK_STEP_RECONFIGURE))
        return false;
    if (h->step->config_version != h->state->config_version)
        return broken(h, "the configuration has version %lld by now, the step was made for %lld",
                      (long long)h->state->config_version, (long long)h->step->config_version);
    if (h->state->foreign_member[0])
        return broken(h, "the configuration has a member that the specs don't name: %s",
                      h->state->foreign_member);
    return false;
}

static bool names_resolve_before_use(const struct hearing *h)
{
    if (!is(h, EK_STEP_RECONFIGURE) && !is(h, EK_STEP_INITIATE))
        return false;
    bool in_domain = h->spec->ssl_mode != EK_SSL_DISABLED;
    for (size_t i = 0; i < h->state->member_count; i++) {
        const struct ek_member_observed *member = &h->state->members[i];
        if (in_domain ? member->domain_name_bound != EK_YES : member->spec_host_resolves == EK_NO)
            return broken(h, "the new name of member %s does not resolve to it", member->name);
    }
    return false;
}

/* ---- law 6 ---- */

static bool no_client_is_shut_out(const struct hearing *h)
{
    if (h->spec->maintenance.plaintext_clients == EK_PLAINTEXT_DISCONNECT)
        return false;
    bool requires = (is(h, EK_STEP_SET_SSL_MODE) && h->step->mode == EK_SSL_REQUIRE) ||
                    (is(h, EK_STEP_RESTART) && subject(h)->mode_configured == EK_SSL_REQUIRE);
    if (!requires || subject(h)->plaintext_clients <= 0)
        return false;
    return broken(h, "%lld clients of member %s are still in plaintext",
                  (long long)subject(h)->plaintext_clients, subject(h)->name);
}

static bool ladder_is_climbed_by_rungs(const struct hearing *h)
{
    if (!is(h, EK_STEP_SET_SSL_MODE))
        return false;
    enum ek_ssl_mode from = subject(h)->mode_running;
    bool known = (from == EK_SSL_ALLOW && h->step->mode == EK_SSL_PREFER) ||
                 (from == EK_SSL_PREFER && h->step->mode == EK_SSL_REQUIRE);
    if (!known)
        return broken(h, "member %s can't go from %s to %s at run time", subject(h)->name,
                      ek_ssl_mode_name(from), ek_ssl_mode_name(h->step->mode));
    return false;
}

/* ---- law 8 ---- */

static bool trust_outlives_certificates(const struct hearing *h)
{
    if (!is(h, EK_STEP_INSTALL_TRUST))
        return false;
    for (size_t i = 0; i < h->state->member_count; i++) {
        const struct ek_member_observed *member = &h->state->members[i];
        if (member->mode_running >= EK_SSL_ALLOW && member->certificate_running.present == EK_YES &&
            member->certificate_running.issued_by_authority == EK_NO)
            return broken(h, "member %s still presents a certificate of another authority",
                          member->name);
    }
    return false;
}

/* ---- doubt ---- */

static bool nothing_unread_is_replaced(const struct hearing *h)
{
    const struct ek_member_observed *member = subject(h);
    bool unread = false;
    switch (h->step->kind) {
    case EK_STEP_CREATE_AUTHORITY: unread = h->state->authority == EK_UNKNOWN; break;
    case EK_STEP_INSTALL_TRUST: unread = member->trust_installed.present == EK_UNKNOWN; break;
    case EK_STEP_ISSUE_CERTIFICATE:
        unread = member->certificate_installed.present == EK_UNKNOWN;
        break;
    case EK_STEP_INSTALL_KEY_FILE: unread = member->key_file == EK_UNKNOWN; break;
    case EK_STEP_WRITE_CONFIGURATION:
        unread = member->configuration == EK_UNKNOWN ||
                 (h->step->mode != EK_SSL_DISABLED && member->options_wanted.known != EK_YES);
        break;
    default: break;
    }
    return unread &&
           broken(h, "what %s would replace could not be read", ek_step_row(h->step->kind)->verb);
}

/* ---- law 10 ---- */

static bool deployment_is_not_paused(const struct hearing *h)
{
    return h->policy->paused && broken(h, "the deployment is paused");
}

/* A restart that keeps everything but a certificate that is about to end, or the stepdown of a
 * primary right before its own. */
static bool saves_a_certificate(const struct hearing *h)
{
    if (!is(h, EK_STEP_RESTART) && !is(h, EK_STEP_STEP_DOWN))
        return false;
    const struct ek_member_observed *member = subject(h);
    const struct ek_certificate_state *ending = &member->certificate_running;
    const struct ek_certificate_state *successor = &member->certificate_installed;
    if (ending->present != EK_YES || successor->present != EK_YES)
        return false;
    if (ending->not_after_s >= h->policy->now_s + h->spec->maintenance.urgent_renewal_s)
        return false;
    if (successor->not_after_s <= ending->not_after_s)
        return false;
    return is(h, EK_STEP_STEP_DOWN) || member->mode_configured == member->mode_running;
}

static bool window_is_open(const struct hearing *h)
{
    if (h->policy->consent.window != EK_WINDOW_CLOSED || !is_felt(h) || saves_a_certificate(h))
        return false;
    return broken(h, "no maintenance window is open");
}

static bool plan_is_approved(const struct hearing *h)
{
    return h->policy->consent.approval == EK_AGREEMENT_MISSING &&
           broken(h, "nobody who may has approved the plan");
}

static bool plan_is_signed(const struct hearing *h)
{
    return h->policy->consent.signature == EK_AGREEMENT_MISSING &&
           broken(h, "the plan is not signed by a key that the specs name");
}

static const struct {
    const char *id;
    law *is_broken;
} laws[] = {
    {"EK-0201", pairs_talk},
    {"EK-0202", starts_again},
    {"EK-0203", one_at_a_time},
    {"EK-0204", majority_stays},
    {"EK-0205", primary_is_not_stopped},
    {"EK-0206", successor_is_eligible},
    {"EK-0207", reconfiguration_is_based_on_what_was_seen},
    {"EK-0208", names_resolve_before_use},
    {"EK-0209", no_client_is_shut_out},
    {"EK-0210", ladder_is_climbed_by_rungs},
    {"EK-0211", trust_outlives_certificates},
    {"EK-0212", deployment_is_not_paused},
    {"EK-0213", window_is_open},
    {"EK-0214", plan_is_approved},
    {"EK-0215", plan_is_signed},
    {"EK-0216", clocks_agree},
    {"EK-0217", no_new_connection_meets_an_ended_certificate},
    {"EK-0218", nothing_unread_is_replaced},
};

int ek_permit(const struct ek_deployment_spec *spec, const struct ek_state *state,
              const struct ek_step *step, const struct ek_policy *policy,
              struct ek_broken_law *ret_first)
{
    int count = 0;
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        char sentence[sizeof ret_first->sentence] = "";
        struct hearing h = {.spec = spec,
                            .state = state,
                            .step = step,
                            .policy = policy,
                            .sentence = sentence,
                            .size = sizeof sentence};
        if (!laws[i].is_broken(&h))
            continue;
        if (count++ == 0 && ret_first) {
            snprintf(ret_first->id, sizeof ret_first->id, "%s", laws[i].id);
            memcpy(ret_first->sentence, sentence, sizeof sentence);
        }
    }
    return count;
}
