#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/command/fleet.h"
#include "reconciler/report/status_report.h"

enum { CHECKS_MAX = 20 * EK_MEMBERS_MAX, OBSERVE_MS = 15000 };

static int verify_one(const struct ek_fleet *fleet, const struct ek_deployment_spec *spec,
                      struct ek_verified *ret_verified, struct ek_error *err)
{
    struct ek_world *world = NULL;
    struct ek_check *checks = calloc(CHECKS_MAX, sizeof *checks);
    struct ek_checks found = {.checks = checks, .max = CHECKS_MAX};
    if (!checks)
        return ek_no_memory(err);
    int result = ek_world_open(&fleet->specs, spec, &fleet->controller, &world, err);
    if (result == 0)
        result = ek_verify(world, ek_monotonic_ms() + OBSERVE_MS, &found, err);
    ek_world_close(world);
    if (result != 0) {
        free(checks);
        return ek_wrap(err, "%s", spec->name);
    }
    *ret_verified = (struct ek_verified){spec, checks, found.count};
    return 0;
}

/* How many checks there were, by their result. */
struct tally {
    size_t checks;
    size_t results[3];
};

static void print_sum(const struct tally *tally, struct ek_buffer *ret_text)
{
    size_t failed = tally->results[EK_CHECK_FAILED];
    size_t unknown = tally->results[EK_CHECK_UNKNOWN];
    if (failed == 0 && unknown == 0)
        ek_buffer_printf(ret_text, "Verified: %zu checks passed.\n", tally->checks);
    else if (unknown == 0)
        ek_buffer_printf(ret_text, "%zu of %zu checks failed.\n", failed, tally->checks);
    else
        ek_buffer_printf(ret_text, "%zu of %zu checks failed, %zu could not be made.\n", failed,
                         tally->checks, unknown);
}

static void print(const struct ek_options *options, const struct ek_verified *verified,
                  size_t count, const struct tally *tally)
{
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_JSON) {
        json_t *json = ek_verify_json(verified, count);
        ek_json_add(json, JSON_INDENT(2), &text);
        ek_print(&text);
        return;
    }
    if (options->output == EK_OUTPUT_MARKDOWN) {
        ek_verify_markdown(verified, count, &text);
        ek_print(&text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ek_verify_text(&verified[i], ek_colour_wanted(options, STDOUT_FILENO), &text);
    print_sum(tally, &text);
    ek_print(&text);
}

static int report(const struct ek_options *options, const struct ek_verified *verified,
                  size_t count)
{
    struct tally tally = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < verified[i].count; k++) {
            tally.checks++;
            tally.results[verified[i].checks[k].result]++;
        }
    if (count > 0 || options->output == EK_OUTPUT_JSON)
        print(options, verified, count, &tally);
    if (tally.results[EK_CHECK_FAILED] + tally.results[EK_CHECK_UNKNOWN] == 0)
        return EK_EXIT_OK;
    struct ek_error err = {0};
    ek_fail(&err, EK_CONFLICT, "EK-0813",
            "not everything that the specs promise could be seen to hold");
    ek_hint(&err, "see what evenkeel plan would do");
    ek_say_error(options, &err);
    return ek_exit_status_of(&err);
}

int ek_command_verify(const struct ek_options *options)
{
    struct ek_fleet fleet;
    struct ek_error err = {0};
    bool said = false;
    if (ek_fleet_open(options, &fleet, &said, &err) != 0) {
        if (!said)
            ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    struct ek_verified *verified = calloc(fleet.chosen_count + 1, sizeof *verified);
    if (!verified) {
        ek_no_memory(&err);
        ek_say_error(options, &err);
        ek_fleet_done(&fleet);
        return EK_EXIT_ERROR;
    }
    size_t good = 0;
    int status = EK_EXIT_OK;
    for (size_t i = 0; i < fleet.chosen_count; i++) {
        if (verify_one(&fleet, fleet.chosen[i], &verified[good], &err) == 0) {
            good++;
            continue;
        }
        ek_say_error(options, &err);
        status = EK_EXIT_ERROR;
    }
    int reported = report(options, verified, good);
    status = status == EK_EXIT_OK ? reported : status;
    for (size_t i = 0; i < good; i++)
        free((void *)(uintptr_t)verified[i].checks);
    free(verified);
    ek_fleet_done(&fleet);
    return status;
}
