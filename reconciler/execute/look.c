#include "reconciler/execute/look.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "specs/parse.h"

enum { OBSERVE_MS = 15000, LOOK_AGAIN_MS = 500 };

/* 13 characters that carry 64 bits; the first one a letter. A set that exists has a random
 * id of its own, which nobody outside learns: from it the label is derived, so that the same
 * commit and fleet give the same plan. A set that is to be made gets a random one. */
static int choose_label(const struct ek_state *state, char ret_label[32], struct ek_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    enum { LENGTH = 13 };
    uint8_t bytes[32];
    EK_BUFFER seed = {0};
    ek_buffer_printf(&seed, "SSL domain of %s/%s %s", ek_set(state)->account,
                     ek_set(state)->deployment, ek_set(state)->set_id);
    if (ek_buffer_check(&seed, err) != 0)
        return EK_NO_MEMORY;
    if (ek_set(state)->set_id[0])
        ek_sha256(seed.bytes, seed.length, bytes);
    else if (RAND_bytes(bytes, sizeof bytes) != 1)
        return ek_fail(err, EK_SYSTEM, "EK-0503", "the random generator gave nothing");
    ret_label[0] = letters[bytes[0] % 26];
    for (size_t i = 1; i < LENGTH; i++)
        ret_label[i] = letters[bytes[i] % 32];
    ret_label[LENGTH] = 0;
    return 0;
}

int ek_look_again(struct ek_looked *looked, struct ek_error *err)
{
    looked->observed_ms = ek_wall_ms();
    return ek_observe(looked->world, ek_monotonic_ms() + OBSERVE_MS, looked->observation, err);
}

/* A member whose certificate is of another authority than the one in our state directory, or -1:
 * the usual reason is that it is not the state directory that the fleet was set up with. */
static int foreign_certificate(const struct ek_state *state)
{
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_certificate_state *served =
            &ek_member_certificates(state, i)->certificate_running;
        if (served->present == EK_YES && served->issued_by_authority != EK_YES)
            return (int)i;
    }
    return -1;
}

int ek_looked_policy(struct ek_looked *looked, struct ek_error *err)
{
    const struct ek_state *state = looked->observation->state;
    looked->policy.now_s = looked->observed_ms / 1000;
    looked->policy.former_primary = ek_state_primary(state);
    if (looked->policy.new_label[0] && !ek_set(state)->set_id[0])
        return 0;
    return choose_label(state, looked->policy.new_label, err);
}

/* Whether a law is what stops the plan. */
static bool forbidden(int result, const struct ek_plan *plan)
{
    return result == EK_BUG || (result == 0 && plan->end == EK_VERDICT_BLOCKED &&
                                strncmp(plan->blocked.id, "EK-02", 5) == 0);
}

int ek_looked_plan(struct ek_looked *looked, struct ek_error *err)
{
    const struct ek_state *state = looked->observation->state;
    ek_plan_done(&looked->plan);
    int result =
        ek_plan_make(EK_SITUATION(looked->spec, state, &looked->policy), &looked->plan, err);
    int foreign = forbidden(result, &looked->plan) ? foreign_certificate(state) : -1;
    if (foreign < 0)
        return result;
    ek_plan_done(&looked->plan);
    const char *authority = looked->spec->certificates.authority;
    ek_fail(err, EK_CONFLICT, "EK-0722",
            "member %s serves a certificate of another authority than %s in %s",
            looked->spec->members[foreign].name, authority ? authority : "the one",
            looked->controller->state_directory);
    return ek_hint(err, "give --state-dir with the directory that this fleet was set up with");
}

/* What keeps a plan from its end will go by itself: an election, a member that has just come
 * back. It is in the way of a later step as well, since a plan models no recovery. */
static bool should_pass(const struct ek_plan *plan)
{
    return plan->end == EK_VERDICT_BLOCKED && plan->blocked.passing;
}

int ek_looked_open(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                   const struct ek_controller *controller, struct ek_looked *ret_looked,
                   struct ek_error *err)
{
    struct ek_looked looked = {.spec = spec, .controller = controller};
    int result = ek_looked_digest(&looked, err);
    if (result == 0)
        result = ek_observation_new(spec->member_count, &looked.observation, err);
    if (result == 0)
        result = ek_world_open(specs, spec, controller, &looked.world, err);
    if (result != 0)
        ek_looked_done(&looked);
    else
        *ret_looked = looked;
    return result;
}

static int look_once(struct ek_looked *looked, struct ek_error *err)
{
    int result = ek_look_again(looked, err);
    if (result == 0)
        result = ek_looked_policy(looked, err);
    return result == 0 ? ek_looked_plan(looked, err) : result;
}

static int look(struct ek_looked *looked, int64_t patience_ms, struct ek_error *err)
{
    int64_t deadline = ek_monotonic_ms() + patience_ms;
    int result = look_once(looked, err);
    while (result == 0 && should_pass(&looked->plan) && ek_time_left_ms(deadline) > 0) {
        ek_sleep_ms(LOOK_AGAIN_MS);
        result = look_once(looked, err);
    }
    return result;
}

void ek_look(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
             const struct ek_controller *controller, int64_t patience_ms,
             struct ek_looked *ret_looked)
{
    struct ek_error err = {0};
    *ret_looked = (struct ek_looked){.spec = spec, .controller = controller};
    int result = ek_looked_open(specs, spec, controller, ret_looked, &err);
    if (result == 0)
        result = look(ret_looked, patience_ms, &err);
    if (result != 0) {
        ek_wrap(&err, "%s", spec->name);
        ret_looked->error = err;
    }
}

int ek_looked_digest(struct ek_looked *looked, struct ek_error *err)
{
    return ek_deployment_spec_digest(looked->spec, looked->spec_digest, err);
}

void ek_looked_done(struct ek_looked *looked)
{
    ek_plan_done(&looked->plan);
    ek_world_close(looked->world);
    ek_observation_free(looked->observation);
    *looked = (struct ek_looked){0};
}

struct ek_planned ek_looked_planned(const struct ek_looked *looked)
{
    struct ek_planned planned = {
        .spec = looked->spec,
        .state = looked->observation->state,
        .policy = &looked->policy,
        .plan = &looked->plan,
        .problems = (const char(*)[EK_PROBLEM_SIZE])looked->observation->problems,
        .observed_ms = looked->observed_ms,
        .less_consent = looked->less_consent[0] ? looked->less_consent : NULL,
    };
    memcpy(planned.spec_digest, looked->spec_digest, sizeof planned.spec_digest);
    return planned;
}
