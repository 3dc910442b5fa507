#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/secret/secret.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"
#include "reconciler/command/apply_consent.h"
#include "reconciler/command/ask.h"
#include "reconciler/command/fleet.h"
#include "reconciler/command/interrupt.h"
#include "reconciler/command/master_key.h"
#include "reconciler/command/store.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/words.h"
#include "reconciler/execute/execute.h"
#include "reconciler/report/plan_report.h"
#include "reconciler/report/progress.h"

/* One deployment on its way from plan to done. */
struct job {
    struct ek_assessment assessment; /* .plan is what was agreed to */
    size_t index;                    /* in the plan file */
    struct ek_lease *lease;
    struct ek_apply_consent consent;
    struct ek_record record;
};

struct apply {
    const struct ek_options *options;
    struct ek_fleet fleet;
    struct ek_plan_file *file; /* or NULL: planned here */
    struct job *jobs;
    size_t count;
    int added, changed, destroyed;
    size_t steps_done;
};

/* ---- the master key ------------------------------------------------------------------- */

static bool makes_secrets(const struct ek_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].kind->keeps_secrets)
            return true;
    return false;
}

static int ensure_master_key(const struct apply *apply, struct ek_error *err)
{
    char notice[PATH_MAX + 256] = "";
    bool needed = false;
    for (size_t i = 0; i < apply->count; i++)
        needed |= makes_secrets(&apply->jobs[i].assessment.plan);
    int result =
        needed ? ek_master_key_ensure(&apply->fleet.controller, notice, sizeof notice, err) : 0;
    if (notice[0])
        fprintf(stderr, "evenkeel: %s\n", notice);
    return result;
}

/* Whether any of the specs ask for less consent than before. */
static bool asks_for_less(const struct apply *apply)
{
    for (size_t i = 0; i < apply->count; i++)
        if (apply->jobs[i].assessment.less_consent[0])
            return true;
    return false;
}

/* ---- asking --------------------------------------------------------------------------- */

static int ask(const struct apply *apply, struct ek_error *err)
{
    EK_BUFFER question = {0};
    ek_buffer_text_add(&question, "\nApply this plan to ");
    const char *separator = "";
    for (size_t i = 0; i < apply->count; i++) {
        const struct ek_assessment *assessment = &apply->jobs[i].assessment;
        if (assessment->plan.count == 0 && !assessment->less_consent[0])
            continue;
        ek_buffer_printf(&question, "%s%s", separator, apply->jobs[i].assessment.spec->name);
        separator = ", ";
    }
    ek_buffer_text_add(&question, "? Only \"yes\" is accepted: ");
    if (ek_buffer_check(&question, err) != 0)
        return EK_NO_MEMORY;
    const struct ek_prompt prompt = {
        .question = ek_buffer_text(&question),
        .wanted = "yes",
        .otherwise = "nothing was changed",
        .no_terminal = "there is no terminal to ask on: give --yes, or apply a plan file"};
    return ek_ask(&prompt, err);
}

/* Nobody is asked about, and nothing is done of, what could not be shown. */
static int show(struct apply *apply, struct ek_error *err)
{
    EK_BUFFER text = {0};
    struct ek_planned *planned = calloc(apply->count + 1, sizeof *planned);
    if (!planned)
        return ek_no_memory(err);
    for (size_t i = 0; i < apply->count; i++)
        planned[i] = ek_assessment_planned(&apply->jobs[i].assessment);
    struct ek_plan_set set = {
        .source = apply->fleet.source, .planned = planned, .count = apply->count};
    if (apply->options->output == EK_OUTPUT_JSON) {
        json_t *json = ek_plan_json(&set);
        ek_json_add(json, JSON_COMPACT, &text);
    } else if (!apply->options->quiet) {
        ek_plan_text(&set, ek_colour_wanted(apply->options, STDOUT_FILENO), &text);
    }
    free(planned);
    int result = ek_buffer_check(&text, err);
    if (result == 0)
        ek_print(&text);
    return result;
}

/* ---- doing ---------------------------------------------------------------------------- */

struct listener {
    const struct apply *apply;
    struct ek_progress progress;
    struct job *job;
};

static void on_event(void *context, const struct ek_event *event)
{
    struct listener *listener = context;
    EK_BUFFER text = {0};
    if (event->kind == EK_EVENT_STEP_DONE)
        ek_command_abort_status(EK_EXIT_PARTLY);
    if (listener->apply->options->output == EK_OUTPUT_JSON)
        ek_progress_json(&listener->progress, event, &text);
    else
        ek_progress_text(&listener->progress, event, &text);
    ek_print(&text);
    ek_record_event(&listener->job->record, event);
    if (listener->job->record.error.code != 0) /* what is done must be known: no further step */
        ek_interrupt();
}

static int refresh(void *context, const struct ek_state *state, struct ek_policy *policy,
                   struct ek_error *err)
{
    struct listener *listener = context;
    return ek_apply_consent_refresh(&listener->job->consent, state, policy, err);
}

static int name_plan(const struct apply *apply, const struct job *job,
                     char ret_name[EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    if (apply->file)
        return ek_plan_file_planned_name(apply->file, job->index, ret_name, err);
    struct ek_planned planned = ek_assessment_planned(&job->assessment);
    return ek_planned_name(&planned, ret_name, err);
}

static void say_moved(struct apply *apply, struct job *job)
{
    EK_BUFFER text = {0};
    struct ek_error ignored = {0};
    if (!apply->file || ek_assessment_observe(&job->assessment, &ignored) != 0)
        return;
    ek_plan_file_moved(apply->file, job->index,
                       EK_SITUATION(job->assessment.spec, job->assessment.observation->state,
                                    &job->assessment.policy),
                       &text, NULL);
    if (ek_buffer_check(&text, &ignored) == 0 && text.length)
        fprintf(stderr, "What moved in %s since the plan was made (- then, + now):\n%s\n",
                job->assessment.spec->name, ek_buffer_text(&text));
}

static int execute(struct apply *apply, struct job *job, struct ek_blocked *ret_waits,
                   struct ek_error *err)
{
    const struct ek_options *options = apply->options;
    struct ek_assessment *assessment = &job->assessment;
    struct listener listener = {
        .apply = apply,
        .job = job,
        .progress = {.spec = assessment->spec,
                     .terminal = isatty(STDOUT_FILENO) != 0,
                     .colour = ek_colour_wanted(options, STDOUT_FILENO),
                     .quiet = options->quiet},
    };
    struct ek_execution execution = {
        .spec = assessment->spec,
        .policy = assessment->policy,
        .approved = &assessment->plan,
        .lease = job->lease,
        .step_timeout_ms = options->step_timeout_ms,
        .settle_timeout_ms = options->settle_timeout_ms,
        .watches_clients = true,
        .refresh = refresh,
        .on_event = on_event,
        .context = &listener,
        .cancelled = ek_interrupted_flag(),
    };
    struct ek_outcome outcome;
    int result = ek_execute(assessment->world, &execution, &outcome, err);
    if (result == 0 && outcome.complete)
        result = ek_apply_consent_complete(&job->consent, &apply->fleet, &assessment->policy, err);
    *ret_waits = outcome.blocked;
    if (result != 0 && outcome.blocked.waits == EK_WAIT_NONE)
        ek_record_failure(&job->record, err);
    if (job->record.error.code != 0) {
        *err = job->record.error;
        result = err->code;
    }
    if (listener.progress.line_open)
        puts("");
    apply->steps_done += outcome.steps_done;
    apply->added += listener.progress.added;
    apply->changed += listener.progress.changed;
    apply->destroyed += listener.progress.destroyed;
    if (result == EK_STALE)
        say_moved(apply, job);
    if (result != 0)
        ek_wrap(err, "%s", assessment->spec->name);
    return result;
}

static void finish(const struct apply *apply)
{
    EK_BUFFER text = {0};
    if (apply->options->output == EK_OUTPUT_JSON)
        ek_buffer_printf(&text,
                         "{\"added\":%d,\"changed\":%d,\"destroyed\":%d,\"type\":\"complete\"}\n",
                         apply->added, apply->changed, apply->destroyed);
    else if (asks_for_less(apply) || apply->steps_done > 0)
        ek_buffer_printf(&text, "Apply complete! %d added, %d changed, %d destroyed.\n",
                         apply->added, apply->changed, apply->destroyed);
    else if (apply->count == 1)
        ek_buffer_printf(
            &text, "No changes. %s is as the specs say (%s).\n",
            apply->jobs[0].assessment.spec->name,
            ek_mode_word(apply->jobs[0].assessment.spec, apply->jobs[0].assessment.spec->ssl_mode));
    else
        ek_buffer_printf(&text, "No changes. All %zu deployments are as the specs say.\n",
                         apply->count);
    ek_print(&text);
}

/* A plan file that nobody agreed to is refused before anything is made for it. */
static int check_agreed(const struct apply *apply, struct job *job, struct ek_error *err)
{
    struct ek_assessment *assessment = &job->assessment;
    struct ek_verdict verdict;
    if (!apply->file)
        return 0; /* it was just planned, and all_wait has judged it */
    int result = ek_apply_consent_refresh(&job->consent, NULL, &assessment->policy, err);
    const struct ek_consent *consent = &assessment->policy.consent;
    if (result != 0 || (!assessment->policy.paused && consent->approval != EK_AGREEMENT_MISSING &&
                        consent->signature != EK_AGREEMENT_MISSING))
        return result;
    result = ek_assessment_observe(assessment, err);
    if (result == 0)
        result = ek_apply_consent_refresh(&job->consent, assessment->observation->state,
                                          &assessment->policy, err);
    if (result != 0)
        return result;
    struct ek_policy policy = assessment->policy;
    policy.clients_watched = true; /* that is waited for, and people are not */
    ek_next(EK_SITUATION(assessment->spec, assessment->observation->state, &policy), &verdict);
    if (verdict.kind != EK_VERDICT_BLOCKED || verdict.blocked.waits == EK_WAIT_NONE)
        return 0; /* staleness is the executor's to judge */
    ek_fail(err, EK_BLOCKED, verdict.blocked.id, "%s: %s", assessment->spec->name,
            verdict.blocked.sentence);
    return ek_hint(err, "%s", verdict.blocked.hint);
}

/* Everything that people have to say first. */
static int prepare(struct apply *apply, struct ek_error *err)
{
    int result = 0;
    for (size_t i = 0; i < apply->count && result == 0; i++) {
        struct job *job = &apply->jobs[i];
        ek_record_init(&job->record, &apply->fleet.store, job->assessment.spec,
                       apply->fleet.source.commit);
        result = name_plan(apply, job, job->record.plan, err);
        const struct ek_apply_subject subject = {
            .assessment = &job->assessment, .file = apply->file, .plan = job->record.plan};
        if (result == 0)
            result = ek_apply_consent_init(&job->consent, &apply->fleet, &subject, err);
        if (result == 0)
            result = check_agreed(apply, job, err);
        if (result == 0 && job->assessment.plan.count)
            result = ek_apply_outside_window(apply->options, &job->consent, &job->record, err);
    }
    return result == 0 ? ensure_master_key(apply, err) : result;
}

/* A deployment that waits for a window or for people keeps no other one waiting. */
static int carry_out(struct apply *apply, struct ek_error *err)
{
    struct ek_error waiting = {0};
    int result = prepare(apply, err);
    ek_interrupt_catch();
    for (size_t i = 0; i < apply->count && result == 0; i++) {
        struct ek_blocked blocked;
        result = execute(apply, &apply->jobs[i], &blocked, err);
        if (result == 0 || blocked.waits == EK_WAIT_NONE)
            continue;
        if (waiting.code == 0)
            waiting = *err;
        result = 0;
    }
    if (result == 0 && waiting.code == 0) {
        finish(apply);
        return 0;
    }
    if (apply->steps_done > 0)
        ek_say(apply->options,
               "%zu steps were done. Run apply again: it goes on from where the fleet is.",
               apply->steps_done);
    if (result == 0) {
        *err = waiting;
        result = waiting.code;
    }
    return result;
}

/* ---- from specs ----------------------------------------------------------------------- */

static int lock_all(struct apply *apply, struct ek_error *err)
{
    int result = ek_fleet_store(&apply->fleet, true, err);
    for (size_t i = 0; i < apply->count && result == 0; i++) {
        const struct ek_deployment_spec *spec = apply->jobs[i].assessment.spec;
        const struct ek_lease_request request = {.account = spec->account,
                                                 .deployment = spec->name,
                                                 .operation = "apply",
                                                 .wait_ms = apply->options->lock_timeout_ms};
        result = ek_lease_take(&apply->fleet.store, &request, &apply->jobs[i].lease, err);
    }
    return result;
}

static int make_jobs(struct apply *apply, size_t count, struct ek_error *err)
{
    apply->jobs = calloc(count + 1, sizeof *apply->jobs);
    if (!apply->jobs)
        return ek_no_memory(err);
    apply->count = count;
    return 0;
}

/* What a plan waits for before its first step, other than the time that clients are watched; NULL:
 * nothing. */
static const struct ek_blocked *waits_for(const struct ek_plan *plan)
{
    for (size_t i = 0; i < plan->wait_count && plan->waits[i].before == 0; i++)
        if (plan->waits[i].blocked.waits != EK_WAIT_WATCH)
            return &plan->waits[i].blocked;
    return NULL;
}

/* Nothing can be done now, since every plan waits from its first step on: say so, and don't ask. */
static int all_wait(const struct apply *apply, struct ek_error *err)
{
    const struct job *first = NULL;
    for (size_t i = 0; i < apply->count; i++) {
        const struct ek_plan *plan = &apply->jobs[i].assessment.plan;
        const struct ek_assessment *assessment = &apply->jobs[i].assessment;
        if (plan->count == 0 && assessment->less_consent[0]) {
            struct ek_error missing = {0};
            if (ek_consent_missing(assessment->spec, &assessment->policy.consent, &missing) == 0)
                return 0;
            if (!first && err->code == 0)
                *err = missing;
            continue;
        }
        if (plan->count == 0)
            continue;
        if (!waits_for(plan))
            return 0;
        first = first ? first : &apply->jobs[i];
    }
    if (!first)
        return err->code;
    const struct ek_blocked *blocked = waits_for(&first->assessment.plan);
    ek_fail(err, EK_BLOCKED, blocked->id, "%s: %s", first->assessment.spec->name,
            blocked->sentence);
    return ek_hint(err, "%s", blocked->hint);
}

/* What the specs ask of people holds from now on: everything is as they say. */
static int keep_rules(const struct apply *apply, struct ek_error *err)
{
    int result = 0;
    char who[160];
    ek_this_person(who, sizeof who);
    const struct ek_guard_note note = {
        .who = who, .commit = apply->fleet.source.commit, .at_ms = ek_wall_ms()};
    for (size_t i = 0; i < apply->count && result == 0; i++) {
        struct ek_assessment *assessment = &apply->jobs[i].assessment;
        EK_CLEANUP(ek_guard_done) struct ek_guard guard;
        result = ek_fleet_guard(&apply->fleet, assessment, &guard, err);
        if (result == 0)
            result = ek_guard_keep(&apply->fleet.store, assessment->spec, &guard, &note, err);
    }
    return result;
}

static int from_specs(struct apply *apply, struct ek_error *err)
{
    const struct ek_fleet *fleet = &apply->fleet;
    int64_t patience_ms = apply->options->settle_timeout_ms < EK_LOOK_PATIENCE_MS
                              ? apply->options->settle_timeout_ms
                              : EK_LOOK_PATIENCE_MS;
    size_t steps = 0;
    int result = make_jobs(apply, fleet->chosen_count, err);
    for (size_t i = 0; i < apply->count; i++)
        apply->jobs[i].assessment.spec = fleet->chosen[i];
    if (result == 0)
        result = lock_all(apply, err);
    for (size_t i = 0; i < apply->count && result == 0; i++) {
        ek_fleet_assess(fleet, fleet->chosen[i], patience_ms, &apply->jobs[i].assessment);
        *err = apply->jobs[i].assessment.error;
        result = err->code;
        steps += apply->jobs[i].assessment.plan.count;
    }
    if (result == 0)
        result = show(apply, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < apply->count; i++) {
        const struct ek_plan *plan = &apply->jobs[i].assessment.plan;
        if (plan->count == 0 && plan->end == EK_VERDICT_BLOCKED) {
            ek_fail(err, EK_BLOCKED, plan->blocked.id, "%s: %s",
                    apply->jobs[i].assessment.spec->name, plan->blocked.sentence);
            return apply->count == 1
                       ? ek_hint(err, "%s", plan->blocked.hint)
                       : ek_hint(err, "%s; nothing was done: --deployment NAME applies another one",
                                 plan->blocked.hint);
        }
    }
    if (steps == 0 && !asks_for_less(apply))
        return keep_rules(apply, err);
    result = all_wait(apply, err);
    if (result != 0)
        return result;
    result = apply->options->yes ? 0 : ask(apply, err);
    return result == 0 ? carry_out(apply, err) : result;
}

/* ---- from a plan file ----------------------------------------------------------------- */

/* Everything of a file's deployment is checked before anything is done on any. */
static int take_from_file(struct apply *apply, size_t index, struct ek_error *err)
{
    const char *name = ek_plan_file_deployment(apply->file, index);
    const char *wanted = apply->options->deployment;
    struct job *job = &apply->jobs[apply->count];
    if (wanted && strcmp(wanted, name) != 0)
        return 0;
    *job = (struct job){.index = index};
    job->assessment.spec = ek_fleet_planned(&apply->fleet, apply->file, index);
    if (!job->assessment.spec)
        return ek_fail(err, EK_STALE, "EK-0810", "%s is no longer in the specs", name);
    apply->count++;
    struct ek_assessment *assessment = &job->assessment;
    assessment->controller = &apply->fleet.controller;
    assessment->policy.now_s = ek_wall_ms() / 1000;
    int result = ek_observation_new(assessment->spec->member_count, &assessment->observation, err);
    if (result != 0)
        return result;
    EK_CLEANUP(ek_guard_done) struct ek_guard guard;
    result = ek_fleet_guard(&apply->fleet, assessment, &guard, err);
    if (result != 0)
        return result;
    result =
        ek_plan_file_current(apply->file, index, assessment->spec, assessment->spec_digest, err);
    if (result == 0)
        result =
            ek_plan_file_policy(apply->file, index, assessment->spec, &assessment->policy, err);
    if (result == 0)
        result = ek_plan_file_plan(apply->file, index, assessment->spec, &assessment->plan, err);
    if (result == 0)
        result = ek_world_open(&apply->fleet.specs, assessment->spec, &apply->fleet.controller,
                               &assessment->world, err);
    return result;
}

static int from_file(struct apply *apply, struct ek_error *err)
{
    size_t count = ek_plan_file_count(apply->file);
    int result = make_jobs(apply, count, err);
    apply->count = 0;
    if (result == 0)
        result = ek_fleet_store(&apply->fleet, true, err);
    for (size_t i = 0; i < count && result == 0; i++)
        result = take_from_file(apply, i, err);
    if (result == 0 && apply->options->deployment && apply->count == 0)
        result = ek_fail(err, EK_NOT_FOUND, "EK-0805", "the plan has no deployment \"%s\"",
                         apply->options->deployment);
    if (result == 0)
        result = lock_all(apply, err);
    if (result == 0 && apply->options->output != EK_OUTPUT_JSON)
        ek_say(apply->options, "applying plan %.12s", ek_plan_file_name(apply->file));
    return result == 0 ? carry_out(apply, err) : result;
}

/* ---- the command ---------------------------------------------------------------------- */

static bool is_specs(const char *path)
{
    struct stat status;
    size_t length = strlen(path);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    return (length > 5 && strcmp(path + length - 5, ".yaml") == 0) ||
           (length > 4 && strcmp(path + length - 4, ".yml") == 0);
}

static int open_and_run(struct apply *apply, bool *ret_said, struct ek_error *err)
{
    const struct ek_options *options = apply->options;
    if (options->argument_count == 0 || options->git || is_specs(options->arguments[0])) {
        int result = ek_fleet_open(options, &apply->fleet, ret_said, err);
        return result == 0 ? from_specs(apply, err) : result;
    }
    struct ek_plan_source source;
    int result = ek_plan_file_read(options->arguments[0], &apply->file, err);
    if (result != 0)
        return result;
    ek_plan_file_source(apply->file, &source);
    if (!source.directory && !source.url)
        return ek_fail(err, EK_INVALID, "EK-0808", "the plan does not say where its specs are");
    result = ek_fleet_open_source(options, &source, &apply->fleet, ret_said, err);
    return result == 0 ? from_file(apply, err) : result;
}

/* For a window, an approval, a signature or the end of a pause: nothing failed. */
static bool waits(const struct ek_error *err)
{
    static const char *const ids[] = {"EK-0125", "EK-0133", "EK-1101", "EK-1102", "EK-1103"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (strcmp(ids[i], err->id) == 0)
            return true;
    return false;
}

int ek_command_apply(const struct ek_options *options)
{
    struct apply apply = {.options = options};
    struct ek_error err = {0};
    bool said = false;
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_JSON)
        ek_progress_json_version(&text);
    ek_print(&text);
    int result = open_and_run(&apply, &said, &err);
    int status = result == 0 ? EK_EXIT_OK : ek_exit_status_of(&err);
    if (result != 0 && !said)
        ek_say_error(options, &err);
    if (result == 0 && options->detailed_exit_code && apply.steps_done > 0)
        status = EK_EXIT_CHANGES;
    if (result != 0 && apply.steps_done > 0 && status != EK_EXIT_STOPPED && !waits(&err))
        status = EK_EXIT_PARTLY;
    for (size_t i = 0; i < apply.count; i++) {
        ek_lease_release(apply.jobs[i].lease);
        ek_apply_consent_done(&apply.jobs[i].consent);
        ek_assessment_done(&apply.jobs[i].assessment);
    }
    free(apply.jobs);
    ek_plan_file_free(apply.file);
    ek_fleet_done(&apply.fleet);
    return status;
}
