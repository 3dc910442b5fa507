/* Observations, read back and planned from: `make fuzz TARGET=observed`. Whatever is read is
 * written the same again, and from whatever state a fleet is in, the planner proposes nothing that
 * the laws forbid and comes to an end. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/plan.h"
#include "reconciler/report/state_json.h"
#include "tests/model/cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int good)
{
    if (!good)
        abort();
}

static void plan_from(const struct ek_state *state, size_t shape, enum ek_ssl_mode to)
{
    static struct model_case c;
    struct ek_plan plan;
    struct ek_error err = {0};
    model_case_init(&c, shape, EK_SSL_DISABLED, to, 0);
    if (c.spec.member_count != state->member_count)
        return;
    for (size_t i = 0; i < state->member_count; i++)
        if (strcmp(ek_member(state, i)->name, c.members[i].name) != 0)
            return;
    int result = ek_plan_make(EK_SITUATION(&c.spec, state, &c.policy), &plan, &err);
    if (result == 0)
        ek_plan_done(&plan);
    else
        fprintf(stderr, "%s to %s: %s\n", c.shape, ek_ssl_mode_name(to), err.sentence);
    expect(result == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ek_state *state = NULL;
    struct ek_state *again = NULL;
    static char problems[EK_MEMBERS_MAX + 1][512];
    struct ek_error err = {0};
    json_t *whole = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    /* A golden case's file has it below a key. */
    const json_t *json = json_object_get(whole, "observed");
    if (!json)
        json = whole;
    if (json && ek_state_json_read(json, &state, problems, &err) == 0) {
        json_t *written = ek_state_json(state, (const char(*)[512])problems);
        expect(ek_state_json_read(written, &again, problems, &err) == 0);
        json_t *rewritten = ek_state_json(again, (const char(*)[512])problems);
        expect(json_equal(written, rewritten));
        json_decref(written);
        json_decref(rewritten);
        for (size_t shape = 0; shape < model_shape_count(); shape++)
            for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++)
                plan_from(state, shape, (enum ek_ssl_mode)to);
    } else if (json) {
        expect(err.code == EK_INVALID && strcmp(err.id, "EK-0819") == 0);
    }
    free(state);
    free(again);
    json_decref(whole);
    return 0;
}
