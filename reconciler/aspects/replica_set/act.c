/* How the replica set's steps are done: processes, the configuration, who leads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/replica_set/rows.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/execute/action.h"

/* ---- processes ---- */

/* The password waits in memory on the host, where only the server's user reads it; a disk
 * never sees it. It is never made here: a new one would not open the key. It stays there so that
 * the server comes back by itself after a crash. */
static int deliver_password(const struct ek_action *a, struct ek_error *err)
{
    struct ek_world *world = a->world;
    EK_SECRET *password = NULL;
    struct ek_world_tls tls;
    int result = ek_world_server_tls(world, (size_t)a->step->member, a->deadline, &tls, err);
    if (result == 0)
        result = ek_world_unseal(world, a->step->member, EK_KEY_PASSWORD, &password, err);
    if (result == EK_NOT_FOUND)
        return ek_fail(err, EK_NOT_FOUND, "EK-0723",
                       "member %s: the password of its key is not among the sealed secrets",
                       world->spec->members[a->step->member].name);
    if (result != 0)
        return result;
    const struct ek_file_content content = {tls.password_path, ek_secret_reveal(password),
                                            ek_secret_length(password), 0400, false};
    return world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}

/* Where the password waits is nothing that servers or digests tell of. A file that is ours is made
 * to name that place, in case it names another. */
static bool names_our_files(const struct ek_action *a)
{
    const struct ek_member_transport *transport = ek_member_transport(a->observed, a->step->member);
    const struct ek_options_state *configured = &transport->options_configured;
    const struct ek_options_state *wanted = &transport->options_wanted;
    return configured->known == EK_YES && wanted->known == EK_YES &&
           memcmp(configured->digest, wanted->digest, sizeof wanted->digest) == 0;
}

static int serve(const struct ek_action *a, enum ek_service_verb verb, struct ek_error *err)
{
    const struct ek_member_transport *transport = ek_member_transport(a->observed, a->step->member);
    bool tls = transport->mode_configured > EK_SSL_DISABLED;
    int result = 0;
    if (tls && names_our_files(a))
        result = ek_action_configure(a, transport->mode_configured, err);
    if (result == 0 && tls)
        result = deliver_password(a, err);
    if (result == 0)
        result = a->world->hosts->service(ek_action_host(a), verb, tls, a->deadline, err);
    return result;
}

int ek_act_start(const struct ek_action *a, struct ek_error *err)
{
    return serve(a, EK_SERVICE_START, err);
}

enum { HOLD_SECONDS = 300, HOLD_WITHIN_MS = 8000, POLL_MS = 100 };

/* A member of higher priority takes the lead about ten seconds after it came back. While
 * more restarts are to come, that would only cost elections; it is asked to wait as soon as
 * it listens to such requests (it does once it is SECONDARY). */
static int hold_back(const struct ek_action *a, struct ek_error *err)
{
    struct ek_action_target member;
    int64_t deadline = ek_monotonic_ms() + HOLD_WITHIN_MS;
    ek_action_target(a, a->step->member, &member);
    for (;;) {
        int result = a->world->mongodb->freeze(&member.target, HOLD_SECONDS, deadline, err);
        if (result == 0 || ek_time_left_ms(deadline) == 0)
            return result;
        ek_sleep_ms(POLL_MS);
    }
}

int ek_act_restart(const struct ek_action *a, struct ek_error *err)
{
    struct ek_error ignored = {0};
    int result = serve(a, EK_SERVICE_RESTART, err);
    if (result == 0 && ek_start_arguments(a->step)->hold)
        hold_back(a, &ignored); /* failing costs an election at worst; the plan adapts */
    return result;
}

/* ---- the configuration ---- */

static int electable_first(const struct ek_deployment_spec *spec)
{
    size_t best = 0;
    for (size_t i = 1; i < spec->member_count; i++)
        if (spec->members[i].priority > spec->members[best].priority)
            best = i;
    return (int)best;
}

int ek_act_initiate(const struct ek_action *a, struct ek_error *err)
{
    const struct ek_deployment_spec *spec = a->world->spec;
    struct ek_mongodb_member *members = calloc(spec->member_count, sizeof *members);
    struct ek_action_target first;
    if (!members)
        return ek_no_memory(err);
    for (size_t i = 0; i < spec->member_count; i++) {
        const struct ek_member_spec *wanted = &spec->members[i];
        members[i] = (struct ek_mongodb_member){.id = (int)i,
                                                .priority = wanted->priority,
                                                .votes = wanted->votes,
                                                .hidden = wanted->hidden,
                                                .arbiter = wanted->arbiter,
                                                .build_indexes = true};
        ek_wanted_host(spec, ek_transport(a->observed)->domain_label, i, members[i].host,
                       sizeof members[i].host);
    }
    ek_action_target(a, electable_first(spec), &first);
    const struct ek_mongodb_new_set set = {spec->set_name, members, spec->member_count};
    int result = a->world->mongodb->initiate(&first.target, &set, a->deadline, err);
    free(members);
    return result == EK_EXISTS ? 0 : result;
}

int ek_act_reconfigure(const struct ek_action *a, struct ek_error *err)
{
    const struct ek_reconfigure_arguments *arguments = ek_reconfigure_arguments(a->step);
    const struct ek_state *observed = a->observed;
    struct ek_action_target primary;
    int ids[EK_MEMBERS_MAX];
    char hosts[EK_MEMBERS_MAX][EK_HOST_SIZE];
    const char *pointers[EK_MEMBERS_MAX];
    int result = ek_action_primary(a, &primary, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < observed->member_count; i++) {
        ids[i] = ek_member(observed, i)->id;
        pointers[i] = hosts[i];
        if (!ek_wanted_host(a->world->spec, arguments->label, i, hosts[i], sizeof hosts[i]))
            return ek_fail(err, EK_BUG, "EK-0190", "a new name was wanted without an SSL domain");
    }
    const struct ek_mongodb_renaming renaming = {arguments->config_version, ids, pointers,
                                                 observed->member_count};
    return a->world->mongodb->rename_members(&primary.target, &renaming, a->deadline, err);
}

/* ---- who leads ---- */

/* The server wants the time it stays unelectable to be longer than the time it waits for
 * others to catch up. A restart ends the former early. */
enum { CATCH_UP_SECONDS = 10, UNELECTABLE_SECONDS = 60 };

/* The heir may still be held back from an earlier restart; the server would hand over to it
 * all the same, be refused, and leave the set without a primary for an election timeout. */
static int release(const struct ek_action *a, struct ek_action_target *ret_heir,
                   struct ek_error *err)
{
    ek_action_target(a, a->step->other, ret_heir);
    return a->world->mongodb->freeze(&ret_heir->target, 0, a->deadline, err);
}

enum { REINSTATE_SECONDS = 20, ASIDE_SECONDS = 15, STAND_WITHIN_MS = 5000 };

/* Ask the other secondaries to stand aside for a moment, or (0) no longer. Best effort: one
 * that does not listen costs an election at worst. */
static void stand_aside(const struct ek_action *a, int seconds)
{
    for (size_t i = 0; i < a->observed->member_count; i++) {
        struct ek_action_target member;
        struct ek_error ignored = {0};
        if ((int)i == a->step->member || (int)i == a->step->other ||
            ek_member(a->observed, i)->arbiter)
            continue;
        ek_action_target(a, (int)i, &member);
        a->world->mongodb->freeze(&member.target, seconds, a->deadline, &ignored);
    }
}

/* The heir, which nobody's writes outrun now, stands for election at once. */
static void stand(const struct ek_action *a, const struct ek_action_target *heir)
{
    struct ek_error refusal = {0};
    int64_t until = ek_monotonic_ms() + STAND_WITHIN_MS;
    while (a->world->mongodb->step_up(&heir->target, until, &refusal) != 0 &&
           ek_time_left_ms(until) > 0)
        ek_sleep_ms(POLL_MS);
}

/* A stepdown hands over to whoever has the last write at that instant. Where it must be the heir,
 * since another one would have to be voted out again, that other one declines, and the heir stands.
 * Killed in the middle, the heir still leads after one election timeout: the others stand aside for
 * no longer than that. Whether it leads is seen afterwards, not believed. */
static int hand_over(const struct ek_action *a, int unelectable_s, bool to_nobody_else,
                     struct ek_error *err)
{
    struct ek_action_target heir;
    struct ek_action_target primary;
    int result = release(a, &heir, err);
    if (result != 0)
        return result;
    ek_action_target(a, a->step->member, &primary);
    if (to_nobody_else)
        stand_aside(a, ASIDE_SECONDS);
    result = a->world->mongodb->step_down(&primary.target, unelectable_s, CATCH_UP_SECONDS,
                                          a->deadline, err);
    if (result == 0 && to_nobody_else)
        stand(a, &heir);
    if (to_nobody_else)
        stand_aside(a, 0);
    return result;
}

int ek_act_step_down(const struct ek_action *a, struct ek_error *err)
{
    return hand_over(a, UNELECTABLE_SECONDS, a->step->other == electable_first(a->world->spec),
                     err);
}

int ek_act_reinstate(const struct ek_action *a, struct ek_error *err)
{
    return hand_over(a, REINSTATE_SECONDS, true, err);
}
