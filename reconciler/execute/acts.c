/* How each kind of step is done in the world: one function per row of steps.def, of the same
 * name. A function may run again after a crash in its middle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/execute/world_internal.h"

enum { PASSWORD_BYTES = 32, KEY_FILE_BYTES = 60, CONFIGURATION_MAX = 1 << 20 };

struct action {
    struct ek_world *world;
    const struct ek_state *observed;
    const struct ek_step *step;
    int64_t deadline;
};

typedef int act(const struct action *a, struct ek_error *err);

static const struct ek_host *host_of(const struct action *a)
{
    return &a->world->host[a->step->member];
}

static void target_of(const struct action *a, int member, char name[256],
                      struct ek_mongodb_target *ret_target)
{
    const char *label =
        a->observed->members[member].domain_name_bound == EK_YES ? a->observed->domain_label : "";
    ek_world_target(a->world, (size_t)member, label, name, 256, ret_target);
    if (a->observed->own_user != EK_YES)
        ret_target->user = NULL;
}

/* ---- prepare ---- */

static int create_authority(const struct action *a, struct ek_error *err)
{
    int result = a->world->certificates->create(&a->world->authority, ek_wall_ms() / 1000, err);
    return result == EK_EXISTS ? 0 : result;
}

static int bind_name(const struct action *a, struct ek_error *err)
{
    struct ek_world *world = a->world;
    struct ek_dns_record record = {0};
    size_t i = (size_t)a->step->member;
    if (!ek_domain_name(world->spec, a->step->label, i, record.name, sizeof record.name))
        return ek_fail(err, EK_BUG, "EK-0190", "a name was to be bound without an SSL domain");
    snprintf(record.mark, sizeof record.mark, "%s", world->mark);
    int result = ek_world_address(world, i, record.address, sizeof record.address, err);
    return result != 0 ? result : world->dns->bind(&world->zone, &record, err);
}

static int read_authority(const struct action *a, struct ek_buffer *ret_pem, struct ek_error *err)
{
    struct ek_certificate_facts facts;
    return a->world->certificates->find(&a->world->authority, ret_pem, &facts, err);
}

static int install_trust(const struct action *a, struct ek_error *err)
{
    EK_BUFFER pem = {0};
    int result = read_authority(a, &pem, err);
    if (result != 0)
        return result;
    return a->world->hosts->write_file(host_of(a), a->world->paths[a->step->member].trust,
                                       ek_buffer_text(&pem), pem.length, 0644, a->deadline, err);
}

static int issue_certificate(const struct action *a, struct ek_error *err)
{
    struct ek_world *world = a->world;
    const struct ek_deployment_spec *spec = world->spec;
    const struct ek_member_paths *paths = &world->paths[a->step->member];
    EK_SECRET *password = NULL;
    EK_BUFFER request = {0};
    EK_BUFFER certificate = {0};
    char name[256];
    if (!ek_domain_name(spec, a->step->label, (size_t)a->step->member, name, sizeof name))
        return ek_fail(err, EK_BUG, "EK-0190", "a certificate was due without an SSL domain");
    /* One password per member, kept over renewals: a running server can then reload a new
     * key, and a crash between two files never leaves a key without its password. */
    int result =
        ek_world_secret(world, a->step->member, "key-password", PASSWORD_BYTES, &password, err);
    if (result == 0)
        result = ek_certificate_request_on_host(world->hosts, host_of(a), paths->key,
                                                spec->certificates.algorithm, password, name,
                                                a->deadline, &request, err);
    const char *const names[] = {name};
    if (result == 0)
        result = world->certificates->sign(&world->authority, ek_buffer_text(&request), names, 1,
                                           spec->name, ek_wall_ms() / 1000,
                                           spec->certificates.validity_s, &certificate, err);
    if (result == 0)
        result =
            ek_certificate_install_on_host(world->hosts, host_of(a), ek_buffer_text(&certificate),
                                           paths->key, paths->server, password, a->deadline, err);
    return result;
}

/* base64url, as random secrets are written, has two characters that a keyFile may not have. */
static int install_key_file(const struct action *a, struct ek_error *err)
{
    EK_SECRET *key = NULL;
    EK_SECRET_BUFFER text = {0};
    int result = ek_world_secret(a->world, -1, "keyfile", KEY_FILE_BYTES, &key, err);
    if (result != 0)
        return result;
    ek_buffer_add(&text, ek_secret_reveal(key), ek_secret_length(key));
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] == '-')
            text.bytes[i] = '+';
        else if (text.bytes[i] == '_')
            text.bytes[i] = '/';
    ek_buffer_text_add(&text, "\n");
    if (ek_buffer_check(&text, err) != 0)
        return EK_NO_MEMORY;
    return a->world->hosts->write_file(host_of(a), a->world->paths[a->step->member].key_file,
                                       text.bytes, text.length, 0600, a->deadline, err);
}

/* ---- configuration and process ---- */

/* The server wants its data directory to be there. */
static int make_data_directory(const struct action *a, const char *path, struct ek_error *err)
{
    const char *const argv[] = {"mkdir", "-p", "-m", "0750", "--", path, NULL};
    EK_BUFFER output = {0};
    EK_BUFFER words = {0};
    int status;
    int result =
        a->world->hosts->run(host_of(a), argv, NULL, 0, a->deadline, &output, &words, &status, err);
    if (result == 0 && status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0482", "the data directory %s could not be made", path);
        return ek_cause(err, "%s", ek_buffer_text(&words));
    }
    return result;
}

static int new_configuration(const struct action *a, const struct ek_server_tls *tls,
                             struct ek_buffer *ret_text, struct ek_error *err)
{
    const struct ek_member_spec *member = &a->world->spec->members[a->step->member];
    const struct ek_member_paths *paths = &a->world->paths[a->step->member];
    char address[64];
    char bind[96];
    int result = ek_world_address(a->world, (size_t)a->step->member, address, sizeof address, err);
    if (result != 0)
        return result;
    result = make_data_directory(a, paths->db, err);
    if (result != 0)
        return result;
    bool loopback = strncmp(address, "127.", 4) == 0;
    snprintf(bind, sizeof bind, "%s%s", loopback ? "" : "127.0.0.1,", address);
    struct ek_server_new server = {.bind_ip = bind,
                                   .port = member->port,
                                   .replica_set = a->world->spec->set_name,
                                   .db_path = paths->db,
                                   .log_path = paths->log,
                                   .key_file = paths->key_file};
    return ek_server_configuration_create(&server, tls, ret_text, err);
}

static bool same_text(const struct ek_buffer *a, const struct ek_buffer *b)
{
    return a->length > 0 && a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static int configure(const struct action *a, enum ek_ssl_mode mode, struct ek_error *err)
{
    struct ek_world *world = a->world;
    const char *path = world->spec->members[a->step->member].configuration;
    EK_BUFFER before = {0};
    EK_BUFFER after = {0};
    struct ek_server_tls tls;
    char password_path[300];
    int result = ek_world_server_tls(world, (size_t)a->step->member, mode, a->deadline,
                                     password_path, &tls, err);
    if (result != 0)
        return result;
    result = world->hosts->read_file(host_of(a), path, CONFIGURATION_MAX, a->deadline, &before,
                                     NULL, err);
    if (result == EK_NOT_FOUND)
        result = new_configuration(a, &tls, &after, err);
    else if (result == 0)
        result = ek_server_configuration_edit(ek_buffer_text(&before), before.length, path, &tls,
                                              &after, err);
    if (result != 0 || same_text(&before, &after))
        return result;
    return world->hosts->write_file(host_of(a), path, ek_buffer_text(&after), after.length, 0640,
                                    a->deadline, err);
}

static int write_configuration(const struct action *a, struct ek_error *err)
{
    return configure(a, a->step->mode, err);
}

/* The password waits in memory on the host, where only the server's user reads it; a disk
 * never sees it. It stays there so that the server comes back by itself after a crash. */
static int deliver_password(const struct action *a, struct ek_error *err)
{
    struct ek_world *world = a->world;
    EK_SECRET *password = NULL;
    struct ek_server_tls tls;
    char path[300];
    int result = ek_world_server_tls(world, (size_t)a->step->member, EK_SSL_ALLOW, a->deadline,
                                     path, &tls, err);
    if (result == 0)
        result =
            ek_world_secret(world, a->step->member, "key-password", PASSWORD_BYTES, &password, err);
    if (result == 0)
        result = world->hosts->write_file(host_of(a), path, ek_secret_reveal(password),
                                          ek_secret_length(password), 0400, a->deadline, err);
    return result;
}

/* Where the password waits is nothing that servers or digests tell of. A file that is ours is made
 * to name that place, in case it names another. */
static bool names_our_files(const struct ek_member_observed *member)
{
    const struct ek_options_state *configured = &member->options_configured;
    const struct ek_options_state *wanted = &member->options_wanted;
    return configured->known == EK_YES && wanted->known == EK_YES &&
           memcmp(configured->digest, wanted->digest, sizeof wanted->digest) == 0;
}

static int serve(const struct action *a, enum ek_service_verb verb, struct ek_error *err)
{
    const struct ek_member_observed *member = &a->observed->members[a->step->member];
    bool tls = member->mode_configured > EK_SSL_DISABLED;
    int result = tls && names_our_files(member) ? configure(a, member->mode_configured, err) : 0;
    if (result == 0 && tls)
        result = deliver_password(a, err);
    if (result == 0)
        result = a->world->hosts->service(host_of(a), verb, tls, a->deadline, err);
    return result;
}

static int start(const struct action *a, struct ek_error *err)
{
    return serve(a, EK_SERVICE_START, err);
}

enum { HOLD_SECONDS = 300, HOLD_WITHIN_MS = 8000, POLL_MS = 100 };

/* A member of higher priority takes the lead about ten seconds after it came back. While
 * more restarts are to come, that would only cost elections; it is asked to wait as soon as
 * it listens to such requests (it does once it is SECONDARY). */
static int hold_back(const struct action *a, struct ek_error *err)
{
    struct ek_mongodb_target target;
    char name[256];
    int64_t deadline = ek_monotonic_ms() + HOLD_WITHIN_MS;
    target_of(a, a->step->member, name, &target);
    for (;;) {
        int result = a->world->mongodb->freeze(&target, HOLD_SECONDS, deadline, err);
        if (result == 0 || ek_time_left_ms(deadline) == 0)
            return result;
        ek_sleep_ms(POLL_MS);
    }
}

static int restart(const struct action *a, struct ek_error *err)
{
    struct ek_error ignored = {0};
    int result = serve(a, EK_SERVICE_RESTART, err);
    if (result == 0 && a->step->hold)
        hold_back(a, &ignored); /* failing costs an election at worst; the plan adapts */
    return result;
}

/* ---- the set ---- */

static int electable_first(const struct ek_deployment_spec *spec)
{
    size_t best = 0;
    for (size_t i = 1; i < spec->member_count; i++)
        if (spec->members[i].priority > spec->members[best].priority)
            best = i;
    return (int)best;
}

static int initiate(const struct action *a, struct ek_error *err)
{
    const struct ek_deployment_spec *spec = a->world->spec;
    struct ek_mongodb_member *members = calloc(spec->member_count, sizeof *members);
    struct ek_mongodb_target target;
    char name[256];
    if (!members)
        return ek_fail(err, EK_NO_MEMORY, "EK-0599", "out of memory");
    for (size_t i = 0; i < spec->member_count; i++) {
        const struct ek_member_spec *wanted = &spec->members[i];
        members[i] = (struct ek_mongodb_member){.id = (int)i,
                                                .priority = wanted->priority,
                                                .votes = wanted->votes,
                                                .hidden = wanted->hidden,
                                                .arbiter = wanted->arbiter,
                                                .build_indexes = true};
        ek_wanted_host(spec, a->observed->domain_label, i, members[i].host, sizeof members[i].host);
    }
    target_of(a, electable_first(spec), name, &target);
    int result = a->world->mongodb->initiate(&target, spec->set_name, members, spec->member_count,
                                             a->deadline, err);
    free(members);
    return result == EK_EXISTS ? 0 : result;
}

static int on_primary(const struct action *a, char name[256], struct ek_mongodb_target *ret_target,
                      struct ek_error *err)
{
    int primary = ek_state_primary(a->observed);
    if (primary < 0)
        return ek_fail(err, EK_CONFLICT, "EK-0112", "the replica set has no primary");
    target_of(a, primary, name, ret_target);
    return 0;
}

static int create_user(const struct action *a, struct ek_error *err)
{
    static const char *const roles[] = {"clusterMonitor", "hostManager", "clusterManager", NULL};
    struct ek_mongodb_target target;
    EK_SECRET *password = NULL;
    char name[256];
    int result = on_primary(a, name, &target, err);
    if (result == 0)
        result = ek_world_secret(a->world, -1, "own-user", PASSWORD_BYTES, &password, err);
    if (result != 0)
        return result;
    struct ek_mongodb_user user = {.name = EK_OWN_USER, .password = password, .roles = roles};
    target.user = NULL; /* by the set's own keyFile, this once */
    return a->world->mongodb->ensure_user(&target, &user, a->deadline, err);
}

static int reconfigure(const struct action *a, struct ek_error *err)
{
    const struct ek_state *observed = a->observed;
    struct ek_mongodb_target target;
    int ids[EK_MEMBERS_MAX];
    char hosts[EK_MEMBERS_MAX][280];
    const char *pointers[EK_MEMBERS_MAX];
    char name[256];
    int result = on_primary(a, name, &target, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < observed->member_count; i++) {
        ids[i] = observed->members[i].id;
        pointers[i] = hosts[i];
        if (!ek_wanted_host(a->world->spec, a->step->label, i, hosts[i], sizeof hosts[i]))
            return ek_fail(err, EK_BUG, "EK-0190", "a new name was wanted without an SSL domain");
    }
    return a->world->mongodb->rename_members(&target, a->step->config_version, ids, pointers,
                                             observed->member_count, a->deadline, err);
}

static int set_ssl_mode(const struct action *a, struct ek_error *err)
{
    struct ek_mongodb_target target;
    char name[256];
    target_of(a, a->step->member, name, &target);
    return a->world->mongodb->set_ssl_mode(&target, a->step->mode, a->deadline, err);
}

/* The server wants the time it stays unelectable to be longer than the time it waits for
 * others to catch up. A restart ends the former early. */
enum { CATCH_UP_SECONDS = 10, UNELECTABLE_SECONDS = 60 };

/* The heir may still be held back from an earlier restart; the server would hand over to it
 * all the same, be refused, and leave the set without a primary for an election timeout. */
static int release(const struct action *a, char name[256], struct ek_mongodb_target *ret_heir,
                   struct ek_error *err)
{
    target_of(a, a->step->other, name, ret_heir);
    return a->world->mongodb->freeze(ret_heir, 0, a->deadline, err);
}

enum { REINSTATE_SECONDS = 20, ASIDE_SECONDS = 15, STAND_WITHIN_MS = 5000 };

/* Ask the other secondaries to stand aside for a moment, or (0) no longer. Best effort: one
 * that does not listen costs an election at worst. */
static void stand_aside(const struct action *a, int seconds)
{
    for (size_t i = 0; i < a->observed->member_count; i++) {
        const struct ek_member_observed *member = &a->observed->members[i];
        struct ek_mongodb_target target;
        struct ek_error ignored = {0};
        char name[256];
        if ((int)i == a->step->member || (int)i == a->step->other || member->arbiter)
            continue;
        target_of(a, (int)i, name, &target);
        a->world->mongodb->freeze(&target, seconds, a->deadline, &ignored);
    }
}

/* The heir, which nobody's writes outrun now, stands for election at once. */
static void stand(const struct action *a, const struct ek_mongodb_target *heir)
{
    struct ek_error refusal = {0};
    int64_t until = ek_monotonic_ms() + STAND_WITHIN_MS;
    while (a->world->mongodb->step_up(heir, until, &refusal) != 0 && ek_time_left_ms(until) > 0)
        ek_sleep_ms(POLL_MS);
}

/* A stepdown hands over to whoever has the last write at that instant. Where it must be the heir,
 * since another one would have to be voted out again, that other one declines, and the heir stands.
 * Killed in the middle, the heir still leads after one election timeout: the others stand aside for
 * no longer than that. Whether it leads is seen afterwards, not believed. */
static int hand_over(const struct action *a, int unelectable_s, bool to_nobody_else,
                     struct ek_error *err)
{
    struct ek_mongodb_target heir;
    struct ek_mongodb_target primary;
    char heir_name[256];
    char primary_name[256];
    int result = release(a, heir_name, &heir, err);
    if (result != 0)
        return result;
    target_of(a, a->step->member, primary_name, &primary);
    if (to_nobody_else)
        stand_aside(a, ASIDE_SECONDS);
    result =
        a->world->mongodb->step_down(&primary, unelectable_s, CATCH_UP_SECONDS, a->deadline, err);
    if (result == 0 && to_nobody_else)
        stand(a, &heir);
    if (to_nobody_else)
        stand_aside(a, 0);
    return result;
}

static int step_down(const struct action *a, struct ek_error *err)
{
    return hand_over(a, UNELECTABLE_SECONDS, a->step->other == electable_first(a->world->spec),
                     err);
}

static int reinstate(const struct action *a, struct ek_error *err)
{
    return hand_over(a, REINSTATE_SECONDS, true, err);
}

static act *const acts[] = {
#define EK_STEP(kind, function, ...) [EK_STEP_##kind] = (function),
#include "reconciler/steps.def"
#undef EK_STEP
};

int ek_act(struct ek_world *world, const struct ek_state *observed, const struct ek_step *step,
           int64_t deadline, struct ek_error *err)
{
    struct action a = {.world = world, .observed = observed, .step = step, .deadline = deadline};
    int result = acts[step->kind](&a, err);
    if (result != 0 && step->member >= 0)
        ek_wrap(err, "%s %s", ek_step_row(step->kind)->verb,
                world->spec->members[step->member].name);
    else if (result != 0)
        ek_wrap(err, "%s", ek_step_row(step->kind)->verb);
    return result;
}
