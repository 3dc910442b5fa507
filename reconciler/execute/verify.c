#include "reconciler/execute/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/execute/world_internal.h"

enum { HANDSHAKE_MS = 5000 };

struct verify {
    struct ek_world *world;
    const struct ek_deployment_spec *spec;
    const struct ek_observation *observation;
    const struct ek_state *state;
    struct ek_check *checks;
    size_t max;
    size_t count;
};

static void __attribute__((format(printf, 5, 6)))
add(struct verify *v, int member, const char *name, enum ek_check_result result, const char *format,
    ...)
{
    va_list arguments;
    if (v->count >= v->max)
        return;
    struct ek_check *check = &v->checks[v->count++];
    *check = (struct ek_check){.member = member, .result = result};
    snprintf(check->name, sizeof check->name, "%s", name);
    va_start(arguments, format);
    vsnprintf(check->sentence, sizeof check->sentence, format, arguments);
    va_end(arguments);
}

static enum ek_check_result result_of(enum ek_tri holds)
{
    static const enum ek_check_result results[] = {
        [EK_UNKNOWN] = EK_CHECK_UNKNOWN, [EK_NO] = EK_CHECK_FAILED, [EK_YES] = EK_CHECK_PASSED};
    return results[holds];
}

static enum ek_tri tri(bool holds)
{
    return holds ? EK_YES : EK_NO;
}

/* ---- always ---- */

static void check_health(struct verify *v, size_t i)
{
    const struct ek_member *member = ek_member(v->state, i);
    uint64_t unwell = member->viewed_by & ~member->healthy_for;
    if (member->reachable != EK_YES) {
        add(v, (int)i, "healthy", member->process == EK_NO ? EK_CHECK_FAILED : EK_CHECK_UNKNOWN,
            "%s",
            v->observation->problems[i][0] ? v->observation->problems[i] : "it does not answer");
        return;
    }
    for (size_t k = 0; k < v->state->member_count; k++)
        if (unwell >> k & 1) {
            add(v, (int)i, "healthy", EK_CHECK_FAILED, "%s reports it as not healthy",
                v->spec->members[k].name);
            return;
        }
    if (member->lag_ms > v->spec->maintenance.max_lag_s * 1000)
        add(v, (int)i, "healthy", EK_CHECK_FAILED, "it is %lld ms behind the primary",
            (long long)member->lag_ms);
    else
        add(v, (int)i, "healthy",
            member->state ? result_of(tri(ek_member_state_serves(member->state)))
                          : EK_CHECK_UNKNOWN,
            "it is %s", ek_member_state_name(member->state));
}

static void check_mode(struct verify *v, size_t i, const char *name, const char *where,
                       enum ek_ssl_mode mode)
{
    enum ek_tri holds = mode ? tri(mode == v->spec->ssl_mode) : EK_UNKNOWN;
    const char *(*word)(enum ek_ssl_mode) =
        v->spec->ssl_mode_written_as_tls ? ek_tls_mode_name : ek_ssl_mode_name;
    if (holds == EK_NO)
        add(v, (int)i, name, EK_CHECK_FAILED, "%s sslMode %s, the specs say %s", where, word(mode),
            word(v->spec->ssl_mode));
    else
        add(v, (int)i, name, result_of(holds), "%s sslMode %s", where, word(mode));
}

static void check_host(struct verify *v, size_t i)
{
    char wanted[EK_HOST_SIZE];
    const char *host = ek_member(v->state, i)->host;
    if (!host[0])
        add(v, (int)i, "host-name", EK_CHECK_UNKNOWN, "its name in the replica set is not known");
    else if (!ek_wanted_host(v->spec, ek_transport(v->state)->domain_label, i, wanted,
                             sizeof wanted))
        add(v, (int)i, "host-name", EK_CHECK_FAILED, "it has no name in an SSL domain yet");
    else if (strcmp(host, wanted) != 0)
        add(v, (int)i, "host-name", EK_CHECK_FAILED, "the replica set calls it %s, not %s", host,
            wanted);
    else
        add(v, (int)i, "host-name", EK_CHECK_PASSED, "the replica set calls it %s", host);
}

/* ---- with SSL ---- */

static void shake(struct verify *v, size_t i, const char *host,
                  struct ek_mongodb_handshake *ret_handshake)
{
    struct ek_error err = {0};
    /* Its own: one member that hangs must not use up the time to look at the others. */
    int64_t deadline = ek_monotonic_ms() + HANDSHAKE_MS;
    bool trusted = v->world->authority.spec && access(v->world->authority_file, R_OK) == 0;
    memset(ret_handshake, 0, sizeof *ret_handshake);
    const struct ek_mongodb_tls_question question = {host, v->spec->members[i].port,
                                                     trusted ? v->world->authority_file : NULL};
    if (v->world->mongodb->handshake(&question, deadline, ret_handshake, &err) != 0)
        snprintf(ret_handshake->problem, sizeof ret_handshake->problem, "%.255s", err.sentence);
}

static void check_by_name(struct verify *v, size_t i)
{
    struct ek_mongodb_handshake handshake;
    char name[EK_DOMAIN_NAME_SIZE];
    if (!ek_domain_name(v->spec, ek_transport(v->state)->domain_label, i, name, sizeof name)) {
        add(v, (int)i, "tls-by-name", EK_CHECK_FAILED, "it has no name in an SSL domain yet");
        return;
    }
    shake(v, i, name, &handshake);
    if (handshake.tls == EK_ANSWER_YES && handshake.verified)
        add(v, (int)i, "tls-by-name", EK_CHECK_PASSED, "connecting by %s works", name);
    else
        add(v, (int)i, "tls-by-name",
            handshake.tls == EK_ANSWER_UNKNOWN ? EK_CHECK_UNKNOWN : EK_CHECK_FAILED,
            "connecting by %s: %.100s", name,
            handshake.problem[0] ? handshake.problem : "the server speaks no TLS");
    ek_mongodb_handshake_done(&handshake);
}

/* The litmus test: the same connection by address must fail, and only because the
 * certificate is not for an address. */
static void check_by_address(struct verify *v, size_t i)
{
    struct ek_mongodb_handshake handshake;
    struct ek_error err = {0};
    char address[64];
    if (ek_world_address(v->world, i, address, sizeof address, &err) != 0) {
        add(v, (int)i, "tls-by-address", EK_CHECK_UNKNOWN, "%s", err.sentence);
        return;
    }
    shake(v, i, address, &handshake);
    bool by_name_only = strcasestr(handshake.problem, "mismatch") != NULL;
    if (handshake.tls == EK_ANSWER_YES && !handshake.verified && by_name_only)
        add(v, (int)i, "tls-by-address", EK_CHECK_PASSED,
            "connecting by %s fails as it must: %.100s", address, handshake.problem);
    else if (handshake.tls == EK_ANSWER_YES && handshake.verified)
        add(v, (int)i, "tls-by-address", EK_CHECK_FAILED,
            "connecting by %s works: the certificate is for more than its name", address);
    else
        add(v, (int)i, "tls-by-address",
            handshake.tls == EK_ANSWER_UNKNOWN ? EK_CHECK_UNKNOWN : EK_CHECK_FAILED,
            "connecting by %s fails, but not by the name alone: %.100s", address,
            handshake.problem[0] ? handshake.problem : "the server speaks no TLS");
    ek_mongodb_handshake_done(&handshake);
}

static void check_served(struct verify *v, size_t i)
{
    const struct ek_certificate_state *served =
        &ek_member_certificates(v->state, i)->certificate_running;
    const struct ek_certificate_state *installed =
        &ek_member_certificates(v->state, i)->certificate_installed;
    if (served->present == EK_UNKNOWN || installed->present == EK_UNKNOWN) {
        add(v, (int)i, "certificate-served", EK_CHECK_UNKNOWN, "%s",
            v->observation->problems[i][0] ? v->observation->problems[i]
                                           : "its certificate could not be seen");
        return;
    }
    if (served->present == EK_NO || installed->present == EK_NO) {
        add(v, (int)i, "certificate-served", EK_CHECK_FAILED, "%s",
            installed->present == EK_NO ? "no certificate is installed on its host"
                                        : "it serves no certificate");
        return;
    }
    bool same = memcmp(served->sha256, installed->sha256, sizeof served->sha256) == 0;
    add(v, (int)i, "certificate-served", result_of(tri(same)), "%s",
        same ? "it serves the certificate that is installed"
             : "it serves another certificate than the one installed");
}

/* One sentence for each answer: what is unknown must not read as if it held. */
static void add_tri(struct verify *v, size_t i, const char *name, enum ek_tri holds,
                    const char *const sentences[3])
{
    add(v, (int)i, name, result_of(holds), "%s", sentences[holds]);
}

static void check_names(struct verify *v, size_t i, const struct ek_certificate_state *served)
{
    char wanted[EK_DOMAIN_NAME_SIZE];
    bool named =
        ek_domain_name(v->spec, ek_transport(v->state)->domain_label, i, wanted, sizeof wanted);
    if (served->sole_name == EK_UNKNOWN)
        add(v, (int)i, "certificate-name", EK_CHECK_UNKNOWN, "what it is for could not be seen");
    else if (named && served->sole_name == EK_YES && strcmp(served->name, wanted) == 0)
        add(v, (int)i, "certificate-name", EK_CHECK_PASSED, "it is for %s and nothing else",
            served->name);
    else
        add(v, (int)i, "certificate-name", EK_CHECK_FAILED,
            "it is for %s, not for its own name alone",
            served->name[0] ? served->name : "other names");
}

static void check_certificate(struct verify *v, size_t i)
{
    static const char *const nothing = "it serves no certificate";
    static const char *const sealed[] = {
        [EK_UNKNOWN] = "whether its private key is encrypted could not be seen",
        [EK_NO] = "its private key is not encrypted on the host",
        [EK_YES] = "its private key is encrypted on the host"};
    const struct ek_member_certificates *certificates = ek_member_certificates(v->state, i);
    const struct ek_certificate_state *served = &certificates->certificate_running;
    if (served->present == EK_NO) {
        add(v, (int)i, "certificate-issuer", EK_CHECK_FAILED, "%s", nothing);
        add(v, (int)i, "certificate-name", EK_CHECK_FAILED, "%s", nothing);
    } else {
        enum ek_tri ours = served->present == EK_YES ? served->issued_by_authority : EK_UNKNOWN;
        static const char *const words[] = {[EK_UNKNOWN] =
                                                "its issuer could not be seen; it should be",
                                            [EK_NO] = "not issued by",
                                            [EK_YES] = "issued by"};
        add(v, (int)i, "certificate-issuer", result_of(ours), "%s the authority %s", words[ours],
            v->spec->certificates.authority);
        check_names(v, i, served);
    }
    if (certificates->certificate_installed.present == EK_NO)
        add(v, (int)i, "key-encrypted", EK_CHECK_FAILED, "no private key is installed on its host");
    else
        add_tri(v, i, "key-encrypted", certificates->certificate_installed.key_sealed, sealed);
}

static void check_options(struct verify *v, size_t i)
{
    const struct ek_member_transport *transport = ek_member_transport(v->state, i);
    bool known =
        transport->options_running.known == EK_YES && transport->options_configured.known == EK_YES;
    bool same =
        memcmp(transport->options_running.digest, transport->options_configured.digest, 32) == 0;
    static const char *const sentences[] = {
        [EK_UNKNOWN] = "whether it runs with what its configuration file says could not be seen",
        [EK_NO] = "it runs with other TLS options than its configuration file says",
        [EK_YES] = "it runs with the TLS options that its configuration file says"};
    add_tri(v, i, "configuration-running", known ? tri(same) : EK_UNKNOWN, sentences);
}

/* ---- without ---- */

static void check_refused(struct verify *v, size_t i)
{
    struct ek_mongodb_handshake handshake;
    struct ek_error err = {0};
    char address[64];
    if (ek_world_address(v->world, i, address, sizeof address, &err) != 0) {
        add(v, (int)i, "tls-refused", EK_CHECK_UNKNOWN, "%s", err.sentence);
        return;
    }
    shake(v, i, address, &handshake);
    static const enum ek_check_result results[] = {[EK_ANSWER_UNKNOWN] = EK_CHECK_UNKNOWN,
                                                   [EK_ANSWER_NO] = EK_CHECK_PASSED,
                                                   [EK_ANSWER_YES] = EK_CHECK_FAILED};
    static const char *const words[] = {[EK_ANSWER_UNKNOWN] = "it could not be connected to",
                                        [EK_ANSWER_NO] = "a TLS client is turned away",
                                        [EK_ANSWER_YES] = "it takes TLS clients"};
    add(v, (int)i, "tls-refused", results[handshake.tls], "%s", words[handshake.tls]);
    ek_mongodb_handshake_done(&handshake);
}

/* ---- all of it ---- */

static void check_member(struct verify *v, size_t i)
{
    const struct ek_member *member = ek_member(v->state, i);
    const struct ek_member_transport *transport = ek_member_transport(v->state, i);
    check_health(v, i);
    check_mode(v, i, "sslmode-running", "running", transport->mode_running);
    check_mode(v, i, "sslmode-configured", "its file:", transport->mode_configured);
    check_host(v, i);
    check_options(v, i);
    if (v->spec->ssl_mode == EK_SSL_DISABLED) {
        check_refused(v, i);
        return;
    }
    if (member->reachable == EK_YES) {
        check_by_name(v, i);
        check_by_address(v, i);
    } else { /* asked already, and for long enough */
        add(v, (int)i, "tls-by-name", EK_CHECK_UNKNOWN, "it does not answer");
        add(v, (int)i, "tls-by-address", EK_CHECK_UNKNOWN, "it does not answer");
    }
    check_served(v, i);
    check_certificate(v, i);
}

int ek_verify(struct ek_world *world, int64_t deadline, struct ek_checks *ret_checks,
              struct ek_error *err)
{
    struct ek_observation *observation;
    int result = ek_observation_new(world->spec->member_count, &observation, err);
    if (result != 0)
        return result;
    result = ek_observe(world, deadline, observation, err);
    if (result == 0) {
        struct verify v = {.world = world,
                           .spec = world->spec,
                           .observation = observation,
                           .state = observation->state,
                           .checks = ret_checks->checks,
                           .max = ret_checks->max};
        int primary = ek_state_primary(v.state);
        add(&v, -1, "primary", primary >= 0 ? EK_CHECK_PASSED : EK_CHECK_FAILED, "%s takes writes",
            primary >= 0 ? world->spec->members[primary].name : "no member");
        for (size_t i = 0; i < v.state->member_count; i++)
            check_member(&v, i);
        ret_checks->count = v.count;
    }
    ek_observation_free(observation);
    return result;
}
