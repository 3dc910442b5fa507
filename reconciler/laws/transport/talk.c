/* Law 1: every two members can talk in both directions at every moment, and would still if
 * either of them crashed and came back with what its files say. */
#include "reconciler/laws/transport/talk.h"

#include <stdlib.h>
#include <string.h>

#include "reconciler/laws/law.h"
#include "reconciler/tls_protocols.h"

/* One face of a member: what it is now, or what it would come back as. */
struct face {
    bool there;
    enum ek_ssl_mode mode;
    const struct ek_certificate_state *certificate;
    const struct ek_trust_state *trust;
    const char *keys; /* options that people set */
};

/* Whether one member reaches another. UNSURE: by options whose sense is not known here. */
enum reach { REACH_NO, REACH_UNSURE, REACH_YES };

static bool dials_by_tls(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_PREFER || mode == EK_SSL_REQUIRE;
}

static bool takes_tls(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_ALLOW || mode == EK_SSL_PREFER || mode == EK_SSL_REQUIRE;
}

static bool takes_plaintext(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_DISABLED || mode == EK_SSL_ALLOW || mode == EK_SSL_PREFER;
}

static bool trusts(const struct ek_trust_state *trust, const uint8_t *authority)
{
    if (trust->present != EK_YES)
        return false;
    for (size_t i = 0; i < trust->count && i < EK_TRUSTED_MAX; i++)
        if (memcmp(trust->sha256[i], authority, 32) == 0)
            return true;
    return false;
}

static bool is_on(const struct face *face, const char *name)
{
    char value[8];
    return ek_option_value(face->keys, name, value, sizeof value);
}

/* Whether what it presents, or whom it trusts, is decided by more than its certificate and its file
 * of authorities. */
static bool has_ways_of_its_own(const struct face *face)
{
    static const char *const known[] = {"net.tls.allowConnectionsWithoutCertificates",
                                        "net.tls.allowInvalidCertificates",
                                        "net.tls.allowInvalidHostnames",
                                        "net.tls.disabledProtocols",
                                        "net.tls.tlsCipherConfig",
                                        "net.tls.logVersions",
                                        "net.tls.FIPSMode"};
    struct ek_option_text option;
    char proof[32];
    ek_option_value(face->keys, "security.clusterAuthMode", proof, sizeof proof);
    if (strcmp(proof, "x509") == 0 || strcmp(proof, "sendX509") == 0)
        return true;
    for (const char *at = face->keys; ek_option_differs(&at, "", &option);) {
        bool is_known = strncmp(option.name, "net.tls.", 8) != 0 &&
                        strncmp(option.name, "setParameter.", 13) != 0;
        for (size_t i = 0; !is_known && i < sizeof known / sizeof *known; i++)
            is_known = strcmp(option.name, known[i]) == 0;
        if (!is_known)
            return true;
    }
    return false;
}

static enum reach shake_hands(const struct face *dialler, const struct face *taker)
{
    static const char disabled[] = "net.tls.disabledProtocols";
    static const char ciphers[] = "net.tls.tlsCipherConfig";
    char theirs[2][EK_OPTION_KEYS_SIZE];
    char lists[2][EK_OPTION_KEYS_SIZE];
    ek_option_value(dialler->keys, disabled, theirs[0], sizeof theirs[0]);
    ek_option_value(taker->keys, disabled, theirs[1], sizeof theirs[1]);
    if (!ek_protocols_meet(theirs[0], theirs[1]))
        return REACH_NO;
    ek_option_value(dialler->keys, ciphers, lists[0], sizeof lists[0]);
    ek_option_value(taker->keys, ciphers, lists[1], sizeof lists[1]);
    return strcmp(lists[0], lists[1]) == 0 || ek_protocols_meet_latest(theirs[0], theirs[1])
               ? REACH_YES
               : REACH_UNSURE;
}

static bool shows_name(const struct ek_certificate_state *certificate, const char *host)
{
    char name[EK_HOST_SIZE];
    ek_host_without_port(host, name, sizeof name);
    return certificate->present == EK_YES && strcmp(certificate->name, name) == 0;
}

static struct face crashed_face(const struct ek_state *state, size_t m)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    enum ek_ssl_mode mode = transport->mode_configured;
    return (struct face){.there = mode != EK_SSL_UNKNOWN,
                         .mode = mode,
                         .keys = ek_state_text(state, transport->options_configured.keys),
                         .certificate = &certificates->certificate_installed,
                         .trust = &certificates->trust_installed};
}

static struct face running_face(const struct ek_state *state, size_t m)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    enum ek_ssl_mode mode = transport->mode_running;
    if (ek_member(state, m)->process == EK_NO)
        return crashed_face(state, m); /* as which it will run next */
    return (struct face){.there = mode != EK_SSL_UNKNOWN,
                         .mode = mode,
                         .keys = ek_state_text(state, transport->options_running.keys),
                         .certificate = &certificates->certificate_running,
                         .trust = &certificates->trust_running};
}

/* Whether each end takes what the other one proves. */
static bool prove_themselves(const struct ek_state *state, const struct face *dialler,
                             const struct face *taker, const char *host)
{
    const uint8_t *authority = ek_certificates(state)->authority_sha256;
    bool anybody = is_on(dialler, "net.tls.allowInvalidCertificates");
    bool any_name = anybody || is_on(dialler, "net.tls.allowInvalidHostnames");
    bool taker_good =
        taker->certificate->issued_by_authority == EK_YES && trusts(dialler->trust, authority);
    bool dialler_good =
        dialler->certificate->issued_by_authority == EK_YES && trusts(taker->trust, authority);
    return (any_name || shows_name(taker->certificate, host)) && (anybody || taker_good) &&
           (dialler_good || is_on(taker, "net.tls.allowInvalidCertificates"));
}

static enum reach reaches(const struct ek_state *state, const struct face *dialler,
                          const struct face *taker, const char *host)
{
    if (!dialler->there || !taker->there)
        return REACH_YES; /* of what is not known nothing is known to be broken */
    if (!dials_by_tls(dialler->mode))
        return takes_plaintext(taker->mode) ? REACH_YES : REACH_NO;
    enum reach reach = takes_tls(taker->mode) ? shake_hands(dialler, taker) : REACH_NO;
    if (reach == REACH_NO)
        return REACH_NO;
    if (has_ways_of_its_own(dialler) || has_ways_of_its_own(taker))
        return REACH_UNSURE;
    return prove_themselves(state, dialler, taker, host) ? reach : REACH_NO;
}

static bool same_proofs(const struct face *a, const struct face *b)
{
    return strcmp(a->keys, b->keys) == 0 &&
           a->certificate->issued_by_authority == b->certificate->issued_by_authority &&
           a->trust->present == b->trust->present && a->trust->count == b->trust->count &&
           memcmp(a->trust->sha256, b->trust->sha256, sizeof a->trust->sha256) == 0;
}

/* How two members meet, in one of the four combinations of how each runs and would come back. */
struct meeting {
    struct face dialler, taker;
    enum reach reach;
};

static struct meeting meeting_of(const struct ek_state *state, size_t from, size_t to,
                                 int combination)
{
    struct meeting meeting = {
        .dialler = combination & 1 ? crashed_face(state, from) : running_face(state, from),
        .taker = combination & 2 ? crashed_face(state, to) : running_face(state, to)};
    meeting.reach = reaches(state, &meeting.dialler, &meeting.taker, ek_member(state, to)->host);
    return meeting;
}

bool ek_law_talk_breaks(const struct ek_state *before, const struct ek_state *after, size_t from,
                        size_t to)
{
    for (int combination = 0; combination < 4; combination++) {
        const struct meeting then = meeting_of(before, from, to, combination);
        const struct meeting now = meeting_of(after, from, to, combination);
        bool as_unsure = then.reach == REACH_UNSURE && now.reach == REACH_UNSURE &&
                         same_proofs(&then.dialler, &now.dialler) &&
                         same_proofs(&then.taker, &now.taker);
        if (then.reach != REACH_NO && now.reach != REACH_YES && !as_unsure)
            return true;
    }
    return false;
}

/* ---- the state after the step, by the fields that it touches ---- */

static void enact_on_certificates(const struct ek_law_question *q, struct ek_state *after)
{
    size_t m = (size_t)q->step->member;
    struct ek_member_certificates *certificates = ek_member_certificates(after, m);
    if (ek_law_touches(q, &ek_field_trust_installed)) {
        struct ek_trust_state trust = {.present = EK_YES, .count = 1};
        memcpy(trust.sha256[0], ek_certificates(after)->authority_sha256, 32);
        certificates->trust_installed = trust;
    }
    if (ek_law_touches(q, &ek_field_certificate_installed)) {
        certificates->certificate_installed.present = EK_YES;
        certificates->certificate_installed.issued_by_authority = EK_YES;
        ek_domain_name(q->spec, ek_law_label(q), m, certificates->certificate_installed.name,
                       EK_CERTIFICATE_NAME_SIZE);
    }
    if (ek_law_touches(q, &ek_field_process)) {
        certificates->certificate_running = certificates->certificate_installed;
        certificates->trust_running = certificates->trust_installed;
    }
}

static int enact_on_member(const struct ek_law_question *q, struct ek_state **state)
{
    size_t m = (size_t)q->step->member;
    int result = 0;
    if (ek_law_touches(q, &ek_field_mode_configured))
        ek_member_transport(*state, m)->mode_configured = ek_law_mode(q, &ek_field_mode_configured);
    if (ek_law_touches(q, &ek_field_options_configured))
        result = ek_options_written(state, m, NULL);
    struct ek_state *after = *state;
    struct ek_member_transport *transport = ek_member_transport(after, m);
    if (ek_law_touches(q, &ek_field_mode_running))
        transport->mode_running = ek_law_mode(q, &ek_field_mode_running);
    if (ek_law_touches(q, &ek_field_process)) {
        ek_member(after, m)->process = EK_YES;
        transport->mode_running = transport->mode_configured;
        transport->options_running = transport->options_configured;
    }
    enact_on_certificates(q, after);
    return result;
}

static int enact(const struct ek_law_question *q, struct ek_state **after)
{
    int result = 0;
    if (q->step->member >= 0)
        result = enact_on_member(q, after);
    for (size_t i = 0; ek_law_touches(q, &ek_field_host) && i < (*after)->member_count; i++)
        ek_wanted_host(q->spec, ek_law_label(q), i, ek_member(*after, i)->host, EK_HOST_SIZE);
    return result;
}

static bool is_broken(const struct ek_law_question *q)
{
    struct ek_state *after = NULL;
    bool broken = false;
    if (ek_set(q->state)->initiated != EK_YES)
        return false;
    if (ek_state_clone(q->state, &after, NULL) != 0 || enact(q, &after) != 0) {
        *q->no_memory = true;
        free(after);
        return false;
    }
    for (size_t from = 0; !broken && from < after->member_count; from++)
        for (size_t to = 0; !broken && to < after->member_count; to++)
            if (from != to && ek_law_talk_breaks(q->state, after, from, to))
                broken = ek_broken(q,
                                   "member %s could no longer reach member %s, now or after a "
                                   "crash of one of them",
                                   ek_member(after, from)->name, ek_member(after, to)->name);
    free(after);
    return broken;
}

const struct ek_law ek_law_talk = {
    .id = "EK-0201",
    .guards =
        EK_FIELDS(&ek_field_mode_running, &ek_field_mode_configured, &ek_field_options_configured,
                  &ek_field_process, &ek_field_host, &ek_field_certificate_installed,
                  &ek_field_trust_installed, &ek_field_domain_label),
    .is_broken = is_broken,
};
