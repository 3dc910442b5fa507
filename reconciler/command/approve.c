/* approve: somebody agrees to a plan, after reading it. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/command/apply_consent.h"
#include "reconciler/command/ask.h"
#include "reconciler/command/named.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/report/plan_report.h"

enum { SHORTEST_NAME = 8 };

struct approve {
    const struct ek_options *options;
    struct ek_fleet fleet;
    struct ek_plan_file *file;        /* that was given, or made of the plan as it is */
    struct ek_assessment *assessment; /* for each deployment of the file */
    char (*keys)[EK_PUBLIC_KEY_SIZE]; /* that signed it, "" nobody */
    size_t count;
};

/* ---- asking --------------------------------------------------------------------------- */

static int ask(const struct approve *approve, struct ek_error *err)
{
    EK_BUFFER question = {0};
    if (approve->options->yes)
        return 0;
    ek_buffer_text_add(&question, "\nApprove this plan of ");
    for (size_t i = 0; i < approve->count; i++)
        ek_buffer_printf(&question, "%s%s", i ? ", " : "", approve->assessment[i].spec->name);
    ek_buffer_text_add(&question, "? Only \"yes\" is accepted: ");
    if (ek_buffer_check(&question, err) != 0)
        return EK_NO_MEMORY;
    const struct ek_prompt prompt = {.question = ek_buffer_text(&question),
                                     .wanted = "yes",
                                     .otherwise = "nothing was recorded",
                                     .no_terminal = "there is no terminal to ask on: give --yes"};
    return ek_ask(&prompt, err);
}

static int say_approved(const struct approve *approve, size_t i, const char *who,
                        struct ek_error *err)
{
    EK_BUFFER text = {0};
    const struct ek_deployment_spec *spec = approve->assessment[i].spec;
    char plan[EK_SHA256_HEX_SIZE];
    int result = ek_plan_file_planned_name(approve->file, i, plan, err);
    if (result != 0)
        return result;
    if (approve->options->output == EK_OUTPUT_JSON) {
        json_t *json =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b}", "format_version", "1.0", "type",
                      "approval", "account", spec->account, "deployment", spec->name, "plan", plan,
                      "who", ek_json_text(who), "signed", approve->keys[i][0] != 0);
        ek_json_add(json, JSON_COMPACT, &text);
    } else {
        ek_buffer_printf(&text, "Approved plan %.12s of %s/%s as %s.\n", plan, spec->account,
                         spec->name, who);
    }
    ek_print(&text);
    return 0;
}

static int record(struct approve *approve, struct ek_error *err)
{
    char who[160];
    int64_t now_ms = ek_wall_ms();
    ek_this_person(who, sizeof who);
    int result = ek_fleet_store(&approve->fleet, true, err);
    for (size_t i = 0; i < approve->count && result == 0; i++) {
        if (approve->assessment[i].plan.count == 0 && !approve->assessment[i].less_consent[0])
            continue;
        const struct ek_consent_given given = {
            .file = approve->file,
            .index = i,
            .who = who,
            .key = approve->keys[i][0] ? approve->keys[i] : NULL,
            .now_ms = now_ms,
        };
        result = ek_consent_approve(&approve->fleet.store, &given, err);
        if (result == 0)
            result = say_approved(approve, i, who, err);
    }
    return result;
}

/* ---- one deployment's plan as it is now ------------------------------------------------ */

static int print(const struct approve *approve, const struct ek_plan_set *set, struct ek_error *err)
{
    EK_BUFFER text = {0};
    if (approve->options->quiet || approve->options->output == EK_OUTPUT_JSON)
        return 0;
    if (approve->options->output == EK_OUTPUT_MARKDOWN)
        ek_plan_markdown(set, &text);
    else
        ek_plan_text(set, ek_colour_wanted(approve->options, STDOUT_FILENO), &text);
    int result = ek_buffer_check(&text, err);
    if (result == 0)
        ek_print(&text);
    return result;
}

static int make_file(struct approve *approve, const struct ek_plan_set *set, struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_json_print(ek_plan_json(set), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII, &text);
    int result = ek_buffer_check(&text, err);
    return result == 0 ? ek_plan_file_parse(ek_buffer_text(&text), text.length, "the plan",
                                            &approve->file, err)
                       : result;
}

static int check_name(const char *wanted, const char plan[EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    size_t length = strlen(wanted);
    bool digits = length >= SHORTEST_NAME && length <= 64;
    for (size_t i = 0; digits && i < length; i++)
        digits = isxdigit((unsigned char)wanted[i]);
    if (!digits) {
        ek_fail(err, EK_INVALID, "EK-0804", "\"%.70s\" is no name of a plan", wanted);
        return ek_hint(err, "its first %d digits or more, as plan shows them", SHORTEST_NAME);
    }
    if (strncasecmp(wanted, plan, length) == 0)
        return 0;
    ek_fail(err, EK_STALE, "EK-1105", "the plan is %.12s by now, not %.12s", plan, wanted);
    return ek_hint(err, "read it with evenkeel plan, and approve that one");
}

static int nothing_to_approve(const struct approve *approve, const struct ek_plan *plan,
                              struct ek_error *err)
{
    const struct ek_deployment_spec *spec = approve->assessment[0].spec;
    if (plan->end == EK_VERDICT_BLOCKED) {
        ek_fail(err, EK_BLOCKED, plan->blocked.id, "%s: %s", spec->name, plan->blocked.sentence);
        return ek_hint(err, "%s", plan->blocked.hint);
    }
    ek_say(approve->options, "%s is as the specs say: there is nothing to approve", spec->name);
    return 0;
}

/* "orders" or "acme/orders" in the specs. */
static int choose(struct approve *approve, const struct ek_deployment_spec **ret_spec,
                  bool *ret_said, struct ek_error *err)
{
    const char *words[2];
    struct ek_options for_specs = ek_options_for_specs(approve->options, words);
    const char *text = approve->options->arguments[0];
    const char *slash = strchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    const struct ek_deployment_spec *found = NULL;
    for_specs.deployment = name;
    int result = ek_fleet_open(&for_specs, &approve->fleet, ret_said, err);
    if (result != 0)
        return result;
    approve->fleet.options = approve->options;
    for (size_t i = 0; i < approve->fleet.chosen_count; i++) {
        const struct ek_deployment_spec *spec = approve->fleet.chosen[i];
        size_t length = slash ? (size_t)(slash - text) : 0;
        if (slash && (strlen(spec->account) != length || memcmp(spec->account, text, length) != 0))
            continue;
        if (found) {
            ek_fail(err, EK_CONFLICT, "EK-1140", "several accounts have a deployment \"%s\"", name);
            return ek_hint(err, "%s/%s or %s/%s", found->account, name, spec->account, name);
        }
        found = spec;
    }
    if (!found)
        return ek_fail(err, EK_NOT_FOUND, "EK-0805", "the specs hold no deployment \"%s\"", text);
    *ret_spec = found;
    return 0;
}

static int make_rows(struct approve *approve, size_t count, struct ek_error *err)
{
    approve->assessment = calloc(count + 1, sizeof *approve->assessment);
    approve->keys = calloc(count + 1, sizeof *approve->keys);
    if (!approve->assessment || !approve->keys)
        return ek_no_memory(err);
    approve->count = count;
    return 0;
}

static int from_specs(struct approve *approve, bool *ret_said, struct ek_error *err)
{
    const struct ek_options *options = approve->options;
    const struct ek_deployment_spec *spec = NULL;
    int result = choose(approve, &spec, ret_said, err);
    if (result != 0)
        return result;
    result = make_rows(approve, 1, err);
    if (result == 0)
        result = ek_fleet_store(&approve->fleet, false, err);
    if (result != 0)
        return result;
    ek_fleet_assess(&approve->fleet, spec, EK_LOOK_PATIENCE_MS, &approve->assessment[0]);
    *err = approve->assessment[0].error;
    if (err->code != 0)
        return err->code;
    struct ek_planned planned = ek_assessment_planned(&approve->assessment[0]);
    struct ek_plan_set set = {.source = approve->fleet.source, .planned = &planned, .count = 1};
    char plan[EK_SHA256_HEX_SIZE];
    result = ek_planned_name(&planned, plan, err);
    if (result == 0 && options->argument_count > 1)
        result = check_name(options->arguments[1], plan, err);
    if (result == 0)
        result = print(approve, &set, err);
    if (result != 0)
        return result;
    if (planned.plan->count == 0 && !planned.less_consent)
        return nothing_to_approve(approve, planned.plan, err);
    result = make_file(approve, &set, err);
    if (result == 0)
        result = ask(approve, err);
    return result == 0 ? record(approve, err) : result;
}

/* ---- a plan file ----------------------------------------------------------------------- */

/* Who signed it, of those whose signature counts besides the specs' own: who held the keys before,
 * and the controller's. `stranger`: it is signed by nobody whom the specs ask for, or NULL. */
static int find_signer(struct approve *approve, size_t index, const struct ek_error *stranger,
                       struct ek_error *err)
{
    char *key = approve->keys[index];
    int result = key[0] ? 0
                        : ek_guard_signer(&approve->fleet, &approve->assessment[index],
                                          approve->file, key, err);
    if (result != 0 || key[0] || !stranger)
        return result;
    *err = *stranger;
    return stranger->code;
}

/* The file's plan must be what plan would say now, step by step: what is shown is made from the
 * specs and the fleet, not taken from the file. */
static int check_deployment(struct approve *approve, size_t index, struct ek_error *err)
{
    const char *name = ek_plan_file_deployment(approve->file, index);
    const struct ek_deployment_spec *spec = ek_fleet_planned(&approve->fleet, approve->file, index);
    struct ek_assessment *assessment = &approve->assessment[index];
    char in_file[EK_SHA256_HEX_SIZE];
    char now[EK_SHA256_HEX_SIZE];
    if (!spec)
        return ek_fail(err, EK_STALE, "EK-0810", "%s is no longer in the specs", name);
    struct ek_error stranger = {0};
    int result =
        ek_plan_file_signer(approve->options, approve->file, spec, approve->keys[index], &stranger);
    ek_fleet_assess(&approve->fleet, spec, EK_LOOK_PATIENCE_MS, assessment);
    *err = assessment->error;
    if (err->code != 0)
        return err->code;
    if (result == 0 || !approve->options->trusted_key)
        result = find_signer(approve, index, result == 0 ? NULL : &stranger, err);
    else
        *err = stranger;
    if (result != 0)
        return result;
    struct ek_planned planned = ek_assessment_planned(assessment);
    result = ek_planned_name(&planned, now, err);
    if (result == 0)
        result = ek_plan_file_planned_name(approve->file, index, in_file, err);
    if (result != 0 || strcmp(in_file, now) == 0)
        return result;
    EK_BUFFER moved = {0};
    ek_plan_file_moved(approve->file, index, EK_SITUATION(spec, planned.state, planned.policy),
                       &moved, NULL);
    if (ek_buffer_check(&moved, err) == 0 && moved.length)
        fprintf(stderr, "What moved in %s since the plan was made (- then, + now):\n%s\n", name,
                ek_buffer_text(&moved));
    ek_fail(err, EK_STALE, "EK-1105", "the plan of %s is %.12s by now, not %.12s", name, now,
            in_file);
    return ek_hint(err, "make a new plan, read it, and approve that");
}

static int from_file(struct approve *approve, bool *ret_said, struct ek_error *err)
{
    struct ek_plan_source source;
    int result = ek_plan_file_read(approve->options->arguments[0], &approve->file, err);
    if (result != 0)
        return result;
    ek_plan_file_source(approve->file, &source);
    result = ek_fleet_open_source(approve->options, &source, &approve->fleet, ret_said, err);
    if (result == 0)
        result = ek_fleet_store(&approve->fleet, false, err);
    if (result != 0)
        return result;
    size_t count = ek_plan_file_count(approve->file);
    struct ek_planned *planned = calloc(count + 1, sizeof *planned);
    if (!planned)
        return ek_no_memory(err);
    result = make_rows(approve, count, err);
    struct ek_plan_set set = {.source = approve->fleet.source,
                              .planned = planned,
                              .count = approve->count,
                              .name = ek_plan_file_name(approve->file)};
    for (size_t i = 0; i < approve->count && result == 0; i++) {
        result = check_deployment(approve, i, err);
        if (result == 0)
            planned[i] = ek_assessment_planned(&approve->assessment[i]);
    }
    if (result == 0)
        result = print(approve, &set, err);
    free(planned);
    if (result == 0)
        result = ask(approve, err);
    return result == 0 ? record(approve, err) : result;
}

/* ---- the command ----------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int ek_command_approve(const struct ek_options *options)
{
    struct approve approve = {.options = options};
    struct ek_error err = {0};
    bool said = false;
    int result;
    if (options->argument_count == 0) {
        result = ek_fail(&err, EK_INVALID, "EK-0804", "approve wants a deployment or a plan file");
        ek_hint(&err, "evenkeel approve orders, or evenkeel approve orders.plan");
    } else if (is_file(options->arguments[0])) {
        result = from_file(&approve, &said, &err);
    } else {
        result = from_specs(&approve, &said, &err);
    }
    if (result != 0 && !said)
        ek_say_error(options, &err);
    for (size_t i = 0; i < approve.count; i++)
        ek_assessment_done(&approve.assessment[i]);
    free(approve.assessment);
    free(approve.keys);
    ek_plan_file_free(approve.file);
    ek_fleet_done(&approve.fleet);
    return result == 0 ? EK_EXIT_OK : ek_exit_status_of(&err);
}
