#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/base/memory.h"
#include "reconciler/command/change.h"
#include "reconciler/consent/sign.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/words.h"
#include "reconciler/report/comment.h"
#include "reconciler/report/plan_report.h"

static void print(const struct ek_options *options, const struct ek_plan_set *set)
{
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_MARKDOWN) {
        ek_plan_markdown(set, &text);
    } else if (options->output == EK_OUTPUT_JSON) {
        json_t *json = ek_plan_json(set);
        ek_json_add(json, JSON_INDENT(2), &text);
    } else {
        ek_plan_text(set, ek_colour_wanted(options, STDOUT_FILENO), &text);
    }
    ek_print(&text);
}

int ek_plan_status(const struct ek_assessment *assessment, size_t count)
{
    int status = EK_EXIT_OK;
    for (size_t i = 0; i < count; i++) {
        struct ek_error blocked = {.code = EK_BLOCKED};
        if (assessment[i].error.code)
            return ek_exit_status_of(&assessment[i].error);
        snprintf(blocked.id, sizeof blocked.id, "%s", assessment[i].plan.blocked.id);
        if (assessment[i].plan.end == EK_VERDICT_BLOCKED)
            status = ek_exit_status_of(&blocked);
        else if ((assessment[i].plan.count || assessment[i].less_consent[0]) &&
                 status == EK_EXIT_OK)
            status = EK_EXIT_CHANGES;
    }
    return status;
}

/* What was looked at for one run of plan, and what the reports borrow from it. */
struct looks {
    struct ek_assessment *assessment; /* per chosen deployment */
    struct ek_assessment *before;     /* the same as the specs were before the change */
    struct ek_planned *planned;
    struct ek_planned *planned_before;
    struct ek_plan_failure *failures;
    struct ek_plan_gone *gone;
    size_t good;
    size_t bad;
};

static int make_rows(const struct ek_fleet *fleet, struct looks *looks, struct ek_error *err)
{
    size_t count = fleet->chosen_count + 1;
    size_t changes = fleet->change ? fleet->change->comparison.count + 1 : 1;
    looks->assessment = calloc(count, sizeof *looks->assessment);
    looks->before = calloc(count, sizeof *looks->before);
    looks->planned = calloc(count, sizeof *looks->planned);
    looks->planned_before = calloc(count, sizeof *looks->planned_before);
    looks->failures = calloc(count, sizeof *looks->failures);
    looks->gone = calloc(changes, sizeof *looks->gone);
    bool all = looks->assessment && looks->before && looks->planned && looks->planned_before &&
               looks->failures && looks->gone;
    return all ? 0 : ek_no_memory(err);
}

static void look(const struct ek_fleet *fleet, struct looks *looks)
{
    size_t count = fleet->chosen_count;
    for (size_t i = 0; i < count; i++) {
        struct ek_assessment *assessment = &looks->assessment[i];
        ek_fleet_assess(fleet, fleet->chosen[i], EK_LOOK_PATIENCE_MS, assessment);
        if (assessment->error.code) {
            looks->failures[looks->bad++] =
                (struct ek_plan_failure){fleet->chosen[i], &assessment->error};
            continue;
        }
        struct ek_planned *planned = &looks->planned[looks->good];
        *planned = ek_assessment_planned(assessment);
        if (fleet->change) {
            ek_fleet_change_assess_before(fleet, fleet->chosen[i], &looks->before[i]);
            ek_fleet_change_tell(fleet->change, &looks->before[i],
                                 &looks->planned_before[looks->good], planned);
        }
        looks->good++;
    }
}

static void looks_done(struct looks *looks, size_t count)
{
    for (size_t i = 0; i < count && looks->assessment && looks->before; i++) {
        ek_assessment_done(&looks->assessment[i]);
        ek_assessment_done(&looks->before[i]);
    }
    free(looks->assessment);
    free(looks->before);
    free(looks->planned);
    free(looks->planned_before);
    free(looks->failures);
    free(looks->gone);
}

static int write_file(const struct ek_options *options, const struct ek_plan_set *set,
                      struct ek_error *err)
{
    json_t *document = ek_plan_json(set);
    if (!document)
        return ek_no_memory(err);
    int result = options->sign_key_file ? ek_plan_sign(document, options->sign_key_file, err) : 0;
    if (result == 0)
        result = ek_plan_file_write(document, options->out, err);
    json_decref(document);
    return result;
}

static int report(const struct ek_fleet *fleet, const struct looks *looks, struct ek_error *err)
{
    const struct ek_options *options = fleet->options;
    EK_BUFFER next = {0};
    EK_BUFFER name = {0};
    struct ek_plan_change change = {0};
    ek_buffer_text_add(&next, "evenkeel apply");
    if (options->out) {
        ek_buffer_text_add(&next, " ");
        ek_shell_word(&next, options->out);
    } else {
        ek_fleet_words(fleet, &next);
    }
    ek_fleet_comment_name(options, &name);
    if (fleet->change)
        change = ek_fleet_change_report(fleet->change, options->deployment, looks->gone);
    int result = ek_buffer_check(&next, err);
    if (result == 0)
        result = ek_buffer_check(&name, err);
    struct ek_plan_set set = {
        .source = fleet->source,
        .planned = looks->planned,
        .count = looks->good,
        .next_command = ek_buffer_text(&next),
        .change = fleet->change ? &change : NULL,
        .failures = looks->failures,
        .failure_count = looks->bad,
        .fleet = ek_buffer_text(&name),
    };
    if (result == 0 && options->out && looks->bad == 0)
        result = write_file(options, &set, err);
    if (result != 0)
        return result;
    if (looks->good || looks->bad == 0 || options->output == EK_OUTPUT_MARKDOWN)
        print(options, &set);
    return 0;
}

/* An error that left nothing to plan is a comment too: without one the pull request would go on
 * showing the plan of an earlier commit. */
static int failed(const struct ek_options *options, const struct ek_error *err, bool said)
{
    EK_BUFFER name = {0};
    EK_BUFFER text = {0};
    if (said)
        return ek_exit_status_of(err);
    ek_say_error(options, err);
    if (options->output == EK_OUTPUT_MARKDOWN && ek_exit_status_of(err) != EK_EXIT_USAGE) {
        ek_fleet_comment_name(options, &name);
        ek_error_markdown(ek_buffer_text(&name), err, &text);
        ek_buffer_fail_with(&text, &name);
        ek_print(&text);
    }
    return ek_exit_status_of(err);
}

int ek_command_plan(const struct ek_options *options)
{
    struct ek_fleet fleet;
    struct ek_error err = {0};
    struct looks looks = {0};
    bool said = false;
    if (options->sign_key_file && !options->out) {
        ek_fail(&err, EK_INVALID, "EK-0804", "--sign-key signs the file that --out writes");
        ek_hint(&err, "evenkeel plan --out FILE --sign-key KEY");
        return failed(options, &err, false);
    }
    if (ek_fleet_open(options, &fleet, &said, &err) != 0)
        return failed(options, &err, said);
    ek_fleet_warn(&fleet);
    if (ek_fleet_store(&fleet, false, &err) != 0) {
        ek_fleet_done(&fleet);
        return failed(options, &err, false);
    }
    if (make_rows(&fleet, &looks, &err) != 0) {
        looks_done(&looks, fleet.chosen_count);
        ek_fleet_done(&fleet);
        return failed(options, &err, false);
    }
    look(&fleet, &looks);
    int status = ek_plan_status(looks.assessment, fleet.chosen_count);
    if (report(&fleet, &looks, &err) != 0) {
        ek_say_error(options, &err);
        status = ek_exit_status_of(&err);
    }
    for (size_t i = 0; i < looks.bad; i++)
        ek_say_error(options, looks.failures[i].error);
    looks_done(&looks, fleet.chosen_count);
    ek_fleet_done(&fleet);
    return status;
}
