#include "reconciler/execute/assess.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/sizes.h"
#include "specs/parse.h"

enum { OBSERVE_MS = 15000, LOOK_AGAIN_MS = 500 };

/* 13 characters that carry 64 bits; the first one a letter. A set that exists has a random
 * id of its own, which nobody outside learns: from it the label is derived, so that the same
 * commit and fleet give the same plan. A set that is to be made gets a random one. */
static int choose_label(const struct ek_state *state, char ret_label[EK_LABEL_SIZE],
                        struct ek_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    enum { LENGTH = 13 };
    uint8_t bytes[EK_SHA256_SIZE];
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

int ek_assessment_observe(struct ek_assessment *assessment, struct ek_error *err)
{
    assessment->observed_ms = ek_wall_ms();
    return ek_observe(assessment->world, ek_monotonic_ms() + OBSERVE_MS, assessment->observation,
                      err);
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

int ek_assessment_policy(struct ek_assessment *assessment, struct ek_error *err)
{
    const struct ek_state *state = assessment->observation->state;
    assessment->policy.now_s = assessment->observed_ms / 1000;
    assessment->policy.former_primary = ek_state_primary(state);
    if (assessment->policy.new_label[0] && !ek_set(state)->set_id[0])
        return 0;
    return choose_label(state, assessment->policy.new_label, err);
}

/* Whether a law is what stops the plan. */
static bool forbidden(int result, const struct ek_plan *plan)
{
    return result == EK_BUG || (result == 0 && plan->end == EK_VERDICT_BLOCKED &&
                                strncmp(plan->blocked.id, "EK-02", 5) == 0);
}

int ek_assessment_plan(struct ek_assessment *assessment, struct ek_error *err)
{
    const struct ek_state *state = assessment->observation->state;
    ek_plan_done(&assessment->plan);
    int result = ek_plan_make(EK_SITUATION(assessment->spec, state, &assessment->policy),
                              &assessment->plan, err);
    int foreign = forbidden(result, &assessment->plan) ? foreign_certificate(state) : -1;
    if (foreign < 0)
        return result;
    ek_plan_done(&assessment->plan);
    const char *authority = assessment->spec->certificates.authority;
    ek_fail(err, EK_CONFLICT, "EK-0722",
            "member %s serves a certificate of another authority than %s in %s",
            assessment->spec->members[foreign].name, authority ? authority : "the one",
            assessment->controller->state_directory);
    return ek_hint(err, "give --state-dir with the directory that this fleet was set up with");
}

/* What keeps a plan from its end will go by itself: an election, a member that has just come
 * back. It is in the way of a later step as well, since a plan models no recovery. */
static bool should_pass(const struct ek_plan *plan)
{
    return plan->end == EK_VERDICT_BLOCKED && plan->blocked.passing;
}

int ek_assessment_open(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                       const struct ek_controller *controller, struct ek_assessment *ret_assessment,
                       struct ek_error *err)
{
    struct ek_assessment assessment = {.spec = spec, .controller = controller};
    int result = ek_assessment_digest(&assessment, err);
    if (result == 0)
        result = ek_observation_new(spec->member_count, &assessment.observation, err);
    if (result == 0)
        result = ek_world_open(specs, spec, controller, &assessment.world, err);
    if (result != 0)
        ek_assessment_done(&assessment);
    else
        *ret_assessment = assessment;
    return result;
}

static int look_once(struct ek_assessment *assessment, struct ek_error *err)
{
    int result = ek_assessment_observe(assessment, err);
    if (result == 0)
        result = ek_assessment_policy(assessment, err);
    return result == 0 ? ek_assessment_plan(assessment, err) : result;
}

static int look(struct ek_assessment *assessment, int64_t patience_ms, struct ek_error *err)
{
    int64_t deadline = ek_monotonic_ms() + patience_ms;
    int result = look_once(assessment, err);
    while (result == 0 && should_pass(&assessment->plan) && ek_time_left_ms(deadline) > 0) {
        ek_sleep_ms(LOOK_AGAIN_MS);
        result = look_once(assessment, err);
    }
    return result;
}

void ek_assess(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
               const struct ek_controller *controller, int64_t patience_ms,
               struct ek_assessment *ret_assessment)
{
    struct ek_error err = {0};
    *ret_assessment = (struct ek_assessment){.spec = spec, .controller = controller};
    int result = ek_assessment_open(specs, spec, controller, ret_assessment, &err);
    if (result == 0)
        result = look(ret_assessment, patience_ms, &err);
    if (result != 0) {
        ek_wrap(&err, "%s", spec->name);
        ret_assessment->error = err;
    }
}

int ek_assessment_digest(struct ek_assessment *assessment, struct ek_error *err)
{
    return ek_deployment_spec_digest(assessment->spec, assessment->spec_digest, err);
}

void ek_assessment_done(struct ek_assessment *assessment)
{
    ek_plan_done(&assessment->plan);
    ek_world_close(assessment->world);
    ek_observation_free(assessment->observation);
    *assessment = (struct ek_assessment){0};
}

struct ek_planned ek_assessment_planned(const struct ek_assessment *assessment)
{
    struct ek_planned planned = {
        .spec = assessment->spec,
        .state = assessment->observation->state,
        .policy = &assessment->policy,
        .plan = &assessment->plan,
        .problems = (const char(*)[EK_PROBLEM_SIZE])assessment->observation->problems,
        .observed_ms = assessment->observed_ms,
        .less_consent = assessment->less_consent[0] ? assessment->less_consent : NULL,
    };
    memcpy(planned.spec_digest, assessment->spec_digest, sizeof planned.spec_digest);
    return planned;
}
