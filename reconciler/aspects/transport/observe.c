/* How members talk as it is: sslMode in files and servers, TLS options, names. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/observe_clients.h"
#include "reconciler/aspects/transport/observe_sockets.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "reconciler/execute/observe.h"

_Static_assert((int)EK_OPTION_KEYS_SIZE == (int)EK_SERVER_KEYS_SIZE, "the same texts");

enum { LOOK_UP_MS = 5000 };

/* ---- the hosts ---- */

/* What does not fit is as good as not read: nobody could judge it. */
static void take_options(struct ek_observing *o, size_t i, const uint8_t digest[EK_SHA256_SIZE],
                         const char keys[EK_SERVER_KEYS_SIZE], struct ek_options_state *ret_options)
{
    char kept[EK_SERVER_KEYS_SIZE];
    ret_options->known = EK_YES;
    memcpy(ret_options->digest, digest, sizeof ret_options->digest);
    memcpy(kept, keys, sizeof kept);
    ek_server_keys_without(kept, o->members[i].options.kept);
    ek_observe_text(o, i, &ret_options->keys, kept);
}

/* Options that name the files where earlier versions kept them are as good as those wanted: nobody
 * is restarted for that. */
static const uint8_t *as_wanted(const struct ek_observing *o, size_t i,
                                const uint8_t digest[EK_SHA256_SIZE])
{
    const struct ek_options_state *wanted = &ek_member_transport(o->state, i)->options_wanted;
    bool old = wanted->known == EK_YES && memcmp(digest, o->members[i].old_options, 32) == 0;
    return old ? wanted->digest : digest;
}

static bool fits(struct ek_observing *o, size_t i, const struct ek_server_configuration *found)
{
    if (!found->keys_fit)
        ek_observe_problem(o, i, "its options are more than can be compared");
    return found->keys_fit;
}

/* A member without a file gets one. */
static int wanted_of_none(const struct ek_server_tls *tls,
                          struct ek_server_configuration *ret_wanted, struct ek_error *err)
{
    ret_wanted->keys_fit = true;
    return ek_server_tls_digest(tls, ret_wanted->options_digest, err);
}

/* Keys that people set under net.tls themselves stay, so they belong to what is wanted. */
static int wanted_with(const struct ek_observing *o, size_t i, const struct ek_server_tls *tls,
                       struct ek_server_configuration *ret_wanted, struct ek_error *err)
{
    const struct ek_buffer *text = &o->members[i].configuration.content;
    const struct ek_server_text file = {ek_buffer_text(text), text->length,
                                        o->world->spec->members[i].configuration};
    return ek_member(o->state, i)->configuration == EK_YES
               ? ek_server_configuration_wanted(&file, tls, ret_wanted, err)
               : wanted_of_none(tls, ret_wanted, err);
}

static void look_at_wanted_options(struct ek_observing *o, size_t i)
{
    struct ek_observing_member *member = &o->members[i];
    struct ek_server_configuration wanted = {0};
    struct ek_server_configuration old = {0};
    struct ek_error err = {0};
    int result = ek_world_server_tls(o->world, i, o->deadline, &member->tls, &err);
    if (result == 0)
        result = wanted_with(o, i, &member->tls.tls, &wanted, &err);
    if (result == 0)
        result = wanted_with(o, i, &member->tls.old, &old, &err);
    if (result != 0)
        ek_observe_failure(o, i, &err);
    else if (fits(o, i, &wanted)) {
        memcpy(member->old_options, old.options_digest, sizeof member->old_options);
        take_options(o, i, wanted.options_digest, wanted.keys,
                     &ek_member_transport(o->state, i)->options_wanted);
    }
    ek_server_configuration_done(&wanted);
    ek_server_configuration_done(&old);
}

static void look_at_host(struct ek_observing *o, size_t i)
{
    struct ek_member_transport *transport = ek_member_transport(o->state, i);
    const struct ek_server_configuration *parsed = &o->members[i].parsed;
    look_at_wanted_options(o, i);
    if (ek_member(o->state, i)->configuration != EK_YES)
        return;
    transport->mode_configured = parsed->mode;
    if (fits(o, i, parsed))
        take_options(o, i, as_wanted(o, i, parsed->options_digest), parsed->keys,
                     &transport->options_configured);
}

/* ---- names: the SSL domain is chosen once, and recognised afterwards from what is there ---- */

/* The label in "<member>.<label>.<base>", when `name` has that form. */
static bool label_in(const struct ek_deployment_spec *spec, size_t i, const char *name,
                     char *ret_label, size_t size)
{
    const char *member = spec->members[i].name;
    size_t length = strlen(member);
    if (!spec->ssl_domain.base || strncasecmp(name, member, length) != 0 || name[length] != '.')
        return false;
    const char *label = name + length + 1;
    const char *dot = strchr(label, '.');
    if (!dot || dot == label || strcasecmp(dot + 1, spec->ssl_domain.base) != 0)
        return false;
    size_t used = (size_t)(dot - label);
    if (used >= size)
        return false;
    memcpy(ret_label, label, used);
    ret_label[used] = 0;
    return true;
}

static bool label_of_certificates(struct ek_observing *o)
{
    struct ek_state *state = o->state;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_certificate_state *certificate =
            &ek_member_certificates(state, i)->certificate_installed;
        if (certificate->present == EK_YES &&
            label_in(o->world->spec, i, certificate->name, ek_transport(state)->domain_label,
                     sizeof ek_transport(state)->domain_label))
            return true;
    }
    return false;
}

static bool label_of_records(struct ek_observing *o)
{
    struct ek_state *state = o->state;
    for (size_t r = 0; r < o->record_count; r++)
        for (size_t i = 0; i < state->member_count; i++)
            if (label_in(o->world->spec, i, o->records[r].name, ek_transport(state)->domain_label,
                         sizeof ek_transport(state)->domain_label))
                return true;
    return false;
}

/* What nobody could tell is not known, which is not the same as no. */
static enum ek_tri has_address(struct ek_observing *o, size_t i, const char *name,
                               struct ek_dns_address *ret_address)
{
    const struct ek_world *world = o->world;
    struct ek_error err = {0};
    int64_t soon = ek_monotonic_ms() + LOOK_UP_MS;
    int result = world->dns->look_up(&world->zone, name, soon < o->deadline ? soon : o->deadline,
                                     ret_address, &err);
    ek_observe_result(o, result);
    if (result == 0)
        return EK_YES;
    if (result == EK_NOT_FOUND)
        return EK_NO;
    ek_observe_problem(o, i, "%s%s%s", err.sentence, err.cause[0] ? ": " : "", err.cause);
    return EK_UNKNOWN;
}

static enum ek_tri name_bound(struct ek_observing *o, size_t i)
{
    struct ek_world *world = o->world;
    const struct ek_state *state = o->state;
    char name[EK_DOMAIN_NAME_SIZE];
    char wanted[64];
    struct ek_dns_address found;
    struct ek_error err = {0};
    if (!ek_domain_name(world->spec, ek_transport(state)->domain_label, i, name, sizeof name))
        return EK_NO;
    int result = ek_world_address(world, i, wanted, sizeof wanted, &err);
    ek_observe_result(o, result);
    if (result != 0) {
        ek_observe_problem(o, i, "%s", err.sentence);
        return EK_UNKNOWN;
    }
    enum ek_tri there = has_address(o, i, name, &found);
    return there == EK_YES && strcmp(found.text, wanted) != 0 ? EK_NO : there;
}

static void look_at_names(struct ek_observing *o)
{
    struct ek_world *world = o->world;
    struct ek_state *state = o->state;
    struct ek_error err = {0};
    struct ek_dns_records found = {o->records, sizeof o->records / sizeof *o->records, 0};
    int result = world->dns->list(&world->zone, world->mark, &found, &err);
    ek_observe_result(o, result);
    if (result != 0)
        ek_observe_problem(o, state->member_count, "%s", err.sentence);
    o->record_count = found.count < found.max ? found.count : found.max;
    if (!label_of_certificates(o))
        label_of_records(o);
    for (size_t i = 0; i < state->member_count; i++) {
        struct ek_dns_address address;
        struct ek_member *member = ek_member(state, i);
        struct ek_member_transport *transport = ek_member_transport(state, i);
        transport->domain_name_bound = name_bound(o, i);
        member->spec_host_resolves = has_address(o, i, world->spec->members[i].host, &address);
    }
}

/* ---- the servers ---- */

/* The host is asked only about what would otherwise be in the way. */
static int64_t clients_gone(struct ek_observing *o, size_t i)
{
    const struct ek_deployment_spec *spec = o->world->spec;
    const struct ek_socket_question question = {.hosts = o->world->hosts,
                                                .host = &o->world->host[i],
                                                .pid = ek_member(o->state, i)->pid,
                                                .deadline = o->deadline};
    struct ek_error err = {0};
    int64_t gone = 0;
    if (spec->ssl_mode != EK_SSL_REQUIRE ||
        spec->maintenance.plaintext_clients == EK_PLAINTEXT_DISCONNECT)
        return 0;
    ek_observe_result(o, ek_sockets_gone(&question, &o->members[i].seen, &gone, &err));
    return gone;
}

/* Clients in plaintext, or of a kind that nothing tells. When none is seen, but the log doesn't
 * tell of those that come and go, nothing is known. */
static void look_at_clients(struct ek_observing *o, size_t i)
{
    const struct ek_mongodb_seen *seen = &o->members[i].seen;
    struct ek_member_transport *transport = ek_member_transport(o->state, i);
    if (ek_member(o->state, i)->process == EK_NO || !seen->answered ||
        seen->plaintext_clients < 0 || seen->undecided_clients < 0)
        return;
    int64_t clients = seen->plaintext_clients + seen->undecided_clients - clients_gone(o, i);
    bool untold =
        seen->clients_told_since_s == 0 && o->world->spec->maintenance.plaintext_window_s > 0;
    if (clients > 0 || !untold)
        transport->plaintext_clients = clients;
}

static void take_answers(struct ek_observing *o)
{
    ek_watch_recall(o);
    for (size_t i = 0; i < o->state->member_count; i++) {
        const struct ek_mongodb_seen *seen = &o->members[i].seen;
        struct ek_member_transport *transport = ek_member_transport(o->state, i);
        if (ek_member(o->state, i)->process == EK_NO || !seen->answered)
            continue;
        transport->mode_running = seen->mode_running;
        if (transport->plaintext_clients == 0)
            transport->watched_since_s = ek_watch_go_on(&o->world->watches[i], seen);
        if (!seen->options_known)
            continue;
        take_options(o, i, as_wanted(o, i, seen->options_digest), seen->option_keys,
                     &transport->options_running);
    }
    ek_watch_keep(o);
}

extern const struct ek_observer ek_transport_observer;
const struct ek_observer ek_transport_observer = {
    .host = look_at_host, .between = look_at_names, .server = look_at_clients, .set = take_answers};
