/* Keeping one deployment: look, judge, act, and again. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/consent/consent.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/loop/culprit.h"
#include "reconciler/loop/loop_internal.h"
#include "reconciler/report/status_report.h"

/* A look may take as long as the executor's own; beyond this the thread is called stalled. */
enum { LOOK_MS = 60000, PASSING_MS = 20000 };

struct ek_journal_entry ek_keeper_entry(const struct ek_keeper *keeper, enum ek_journal_event event)
{
    return (struct ek_journal_entry){
        .event = event,
        .account = keeper->account,
        .deployment = keeper->name,
        .commit = keeper->desired ? keeper->desired->specs.commit : NULL,
    };
}

void ek_keeper_condition(struct ek_keeper *keeper, enum ek_condition condition)
{
    pthread_mutex_lock(&keeper->loop->lock);
    keeper->condition = condition;
    pthread_mutex_unlock(&keeper->loop->lock);
}

/* What is in the way is told when it is new, and again only after something else. */
void ek_keeper_say(struct ek_keeper *keeper, enum ek_journal_event event, const char *id,
                   const char *sentence, const char *hint)
{
    struct ek_journal_entry entry = ek_keeper_entry(keeper, event);
    EK_BUFFER message = {0};
    if (strcmp(keeper->said, id) == 0)
        return;
    snprintf(keeper->said, sizeof keeper->said, "%s", id);
    ek_buffer_text_add(&message, sentence);
    if (hint && hint[0])
        ek_buffer_printf(&message, " (%s)", hint);
    entry.id = id;
    entry.message = ek_journal_text(&message);
    ek_tell(keeper->loop, &entry, json_object());
}

/* ---- what is wanted of it ---- */

static void close_assessment(struct ek_keeper *keeper)
{
    if (keeper->open)
        ek_assessment_done(&keeper->assessment);
    keeper->open = false;
    ek_desired_release(keeper->desired);
    keeper->desired = NULL;
}

/* Not to be reconciled: say why, once. */
static void stand_back(struct ek_keeper *keeper, const struct ek_wanted *wanted)
{
    static const struct {
        const char *id;
        enum ek_journal_event event;
        enum ek_condition condition;
    } standings[] = {
        [EK_STANDING_WANTED] = {"", EK_JOURNAL_OBSERVED, EK_CONDITION_NEW},
        [EK_STANDING_BROKEN] = {"EK-1304", EK_JOURNAL_BLOCKED, EK_CONDITION_BROKEN},
        [EK_STANDING_CLAIMED] = {"EK-1305", EK_JOURNAL_DEPLOYMENT_CLAIMED, EK_CONDITION_BROKEN},
        [EK_STANDING_REMOVED] = {"EK-1306", EK_JOURNAL_DEPLOYMENT_GONE, EK_CONDITION_REMOVED},
    };
    close_assessment(keeper);
    ek_keeper_say(keeper, standings[wanted->standing].event, standings[wanted->standing].id,
                  wanted->sentence, NULL);
    ek_keeper_condition(keeper, standings[wanted->standing].condition);
    ek_metrics_forget(keeper->loop->metrics, keeper->account, keeper->name);
    if (wanted->standing != EK_STANDING_REMOVED)
        ek_metrics_info(keeper->loop->metrics, EK_METRIC_DEPLOYMENT_BLOCKED_INFO,
                        EK_LABELS(keeper->account, keeper->name, standings[wanted->standing].id));
}

/* Who of those that may approve signed the commit. A commit that nobody did waits for an approval
 * of another kind. */
static void find_signer(struct ek_keeper *keeper)
{
    const struct ek_deployment_spec *spec = keeper->assessment.spec;
    const struct ek_approvers *approvers = &spec->maintenance.approvers;
    EK_BUFFER cache = {0};
    struct ek_error err = {0};
    keeper->signer[0] = 0;
    if (spec->maintenance.approval != EK_APPROVAL_REQUIRED || approvers->commit_key_count == 0 ||
        !keeper->desired->specs.commit)
        return;
    struct ek_git_request request = ek_follower_request(keeper->loop, keeper->desired->repository,
                                                        keeper->desired->specs.commit, &cache);
    if (request.url && !cache.failed)
        ek_git_commit_signer(&request, approvers->commit_keys, approvers->commit_key_count,
                             keeper->signer, &err);
}

static int open_look(struct ek_keeper *keeper, const struct ek_wanted *wanted,
                     struct ek_desired *desired, struct ek_error *err)
{
    if (keeper->open && keeper->desired == desired)
        return 0;
    close_assessment(keeper);
    int result = ek_assessment_open(&desired->specs, wanted->spec,
                                    &keeper->loop->settings.controller, &keeper->assessment, err);
    if (result != 0)
        return result;
    keeper->open = true;
    keeper->desired = ek_desired_hold(desired);
    find_signer(keeper);
    keeper->guarded = false;
    keeper->hopeless = false;
    keeper->approved[0] = 0;
    keeper->failures = 0;
    keeper->act_not_before_ms = 0;
    return 0;
}

/* ---- when it was last in sync ---- */

/* After a start: that the deployment once was as these specs say is what makes a difference drift
 * and not a change that is wanted. */
static int restore(struct ek_keeper *keeper, struct ek_error *err)
{
    char hex[EK_SHA256_HEX_SIZE];
    char *detail = NULL;
    int64_t at_ms;
    ek_hex(keeper->assessment.spec_digest, sizeof keeper->assessment.spec_digest, hex);
    const struct ek_event_search wanted = {keeper->account, keeper->name, "synced", "spec_digest",
                                           NULL};
    int result = ek_tell_latest(keeper->loop, &wanted, &detail, &at_ms, err);
    if (result != 0)
        return result;
    json_t *json = NULL;
    result = ek_json_read(detail, strlen(detail), 0, &json, NULL);
    free(detail);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    const char *digest = json_string_value(json_object_get(json, "spec_digest"));
    if (digest && strcmp(digest, hex) == 0) {
        json_t *facts = json_object_get(json, "facts");
        json_decref(keeper->synced.facts);
        keeper->synced.facts = json_is_object(facts) ? json_incref(facts) : json_object();
        keeper->synced.known = true;
        keeper->synced.at_s = at_ms / 1000;
        memcpy(keeper->synced.spec_digest, keeper->assessment.spec_digest, 32);
    }
    json_decref(json);
    if (keeper->synced.known && !keeper->synced.facts)
        return ek_no_memory(err);
    keeper->restored = true;
    return 0;
}

static void tell_synced(struct ek_keeper *keeper)
{
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_SYNCED);
    char hex[EK_SHA256_HEX_SIZE];
    ek_hex(keeper->assessment.spec_digest, sizeof keeper->assessment.spec_digest, hex);
    json_t *detail = json_pack("{s:s, s:O}", "spec_digest", hex, "facts", keeper->synced.facts);
    entry.message = "the deployment is as its specs say";
    ek_tell(keeper->loop, &entry, detail);
}

static void in_sync(struct ek_keeper *keeper)
{
    struct ek_assessment *assessment = &keeper->assessment;
    bool news = !keeper->synced.known || keeper->drift ||
                memcmp(keeper->synced.spec_digest, assessment->spec_digest, 32) != 0;
    if (ek_synced_note(
            &keeper->synced,
            EK_SITUATION(assessment->spec, assessment->observation->state, &assessment->policy),
            assessment->spec_digest, NULL) != 0)
        return; /* told at the next look */
    if (news)
        tell_synced(keeper);
    keeper->drift = 0;
    keeper->said[0] = keeper->planned[0] = 0;
    ek_keeper_condition(keeper, EK_CONDITION_SYNCED);
}

/* ---- judging ---- */

static void tell_health(struct ek_keeper *keeper)
{
    const char *health = ek_health_word(keeper->assessment.observation->state);
    bool well = strcmp(health, "Healthy") == 0;
    bool was_well = strcmp(keeper->health, "Healthy") == 0;
    struct ek_journal_entry entry =
        ek_keeper_entry(keeper, well ? EK_JOURNAL_HEALTHY : EK_JOURNAL_DEGRADED);
    if (strcmp(health, keeper->health) == 0)
        return;
    if ((well && keeper->health[0]) || (!well && (was_well || !keeper->health[0]))) {
        entry.message = well ? "every member serves and there is a primary"
                             : "a member does not serve, or there is no primary";
        ek_tell(keeper->loop, &entry, json_object());
    }
    snprintf(keeper->health, sizeof keeper->health, "%s", health);
}

static void count_drift(struct ek_keeper *keeper, unsigned fields)
{
    for (int field = 0; field < EK_DRIFT_FIELDS; field++)
        if (fields & 1U << field)
            ek_metrics_add(
                keeper->loop->metrics, EK_METRIC_DEPLOYMENT_DRIFT,
                EK_LABELS(keeper->account, keeper->name, ek_drift_word((enum ek_drift_field)field)),
                1);
}

/* Where the servers' logs tell who did it, say so. */
static void add_culprits(const struct ek_keeper *keeper, const struct ek_drift *drift,
                         struct ek_buffer *message)
{
    enum { LOG_MS = 2000 };
    const struct ek_assessment *assessment = &keeper->assessment;
    for (size_t i = 0; i < assessment->spec->member_count; i++) {
        EK_BUFFER lines = {0};
        char fact[100];
        char who[256];
        const struct ek_world_log log = {assessment->world, assessment->observation->state, i};
        snprintf(fact, sizeof fact, "+ %s sslMode running:", assessment->spec->members[i].name);
        if (!strstr(ek_buffer_text(&drift->change), fact) ||
            ek_world_recent_log(&log, ek_monotonic_ms() + LOG_MS, &lines, NULL) != 0 ||
            !ek_culprit_of_mode(ek_buffer_text(&lines), who, sizeof who))
            continue;
        ek_buffer_printf(message, "%s's log: set by %s\n", assessment->spec->members[i].name, who);
    }
}

/* One event per state of drift. */
static void tell_drift(struct ek_keeper *keeper, const struct ek_drift *drift)
{
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_DRIFT);
    const char *digest = keeper->assessment.plan.digests[0];
    EK_BUFFER message = {0};
    if (keeper->drift && strcmp(keeper->drift_digest, digest) == 0)
        return;
    count_drift(keeper, drift->fields & ~keeper->drift);
    keeper->drift = drift->fields ? drift->fields : 1U << EK_DRIFT_FIELDS;
    snprintf(keeper->drift_digest, sizeof keeper->drift_digest, "%s", digest);
    ek_drift_words(drift->fields, &message);
    ek_buffer_printf(&message, "%s moved away from the specs:\n%s",
                     message.length ? "" : "the fleet", ek_buffer_text(&drift->change));
    add_culprits(keeper, drift, &message);
    json_t *detail = json_pack("{s:s}", "change", ek_buffer_text(&drift->change));
    entry.message = ek_journal_text(&message);
    ek_tell(keeper->loop, &entry, detail);
}

/* Whether the plan may be carried out as far as drift is concerned. */
static bool drift_allows(struct ek_keeper *keeper)
{
    struct ek_assessment *assessment = &keeper->assessment;
    struct ek_error err = {0};
    EK_CLEANUP(ek_drift_done) struct ek_drift drift = {0};
    const struct ek_drift_question question = {
        .situation =
            EK_SITUATION(assessment->spec, assessment->observation->state, &assessment->policy),
        .spec_digest = assessment->spec_digest,
        .plan = &assessment->plan,
    };
    if (ek_drift_find(&keeper->synced, &question, &drift, &err) != 0 || !drift.present)
        return err.code == 0;
    enum ek_drift_policy policy = ek_drift_policy_of(assessment->spec, drift.fields);
    if (policy == EK_DRIFT_IGNORE)
        return false;
    tell_drift(keeper, &drift);
    if (policy == EK_DRIFT_REPORT)
        ek_keeper_say(keeper, EK_JOURNAL_WAITING, "EK-1307",
                      "drift in this field is only reported, as the specs say",
                      "set drift to enforce, or make specs and fleet agree");
    return policy == EK_DRIFT_ENFORCE;
}

static int tell_plan(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_assessment *assessment = &keeper->assessment;
    struct ek_planned planned = ek_assessment_planned(assessment);
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_PLANNED);
    char name[EK_SHA256_HEX_SIZE];
    char message[160];
    int result = ek_planned_name(&planned, name, err);
    if (result != 0 || strcmp(name, keeper->planned) == 0)
        return result;
    snprintf(keeper->planned, sizeof keeper->planned, "%s", name);
    snprintf(message, sizeof message, "%zu steps, %d restarts, %d elections",
             assessment->plan.count, assessment->plan.restarts, assessment->plan.elections);
    entry.plan = name;
    entry.message = message;
    ek_tell(keeper->loop, &entry, json_object());
    return 0;
}

static void tell_failure(struct ek_keeper *keeper, const struct ek_error *err)
{
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_RECONCILE_FAILED);
    ek_keeper_condition(keeper, EK_CONDITION_FAILING);
    if (strcmp(keeper->said, err->id) == 0)
        return;
    snprintf(keeper->said, sizeof keeper->said, "%s", err->id);
    ek_tell_error(keeper->loop, &entry, err);
}

/* An approval without steps is spent by what it lets hold. */
static int spend_approval(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_consent_question question =
        ek_keeper_question(keeper, keeper->assessment.observation->state);
    struct ek_policy policy = keeper->assessment.policy;
    struct ek_approval approval;
    struct ek_plan plan;
    int result = ek_consent_approved_plan(&question, &policy, &plan, &approval, err);
    if (result != 0)
        return result == EK_NOT_FOUND ? 0 : result;
    ek_plan_done(&plan);
    return ek_consent_spend(&question, approval.plan, err);
}

/* Whether what the specs ask of people may hold from now on; else says what is missing. */
static bool rule_holds(struct ek_keeper *keeper)
{
    struct ek_error err = {0};
    EK_BUFFER sentence = {0};
    bool loosened = keeper->guard.loosened;
    int result = ek_keeper_accept_rule(keeper, &keeper->assessment.policy.consent, &err);
    if (result == 0 && loosened)
        result = spend_approval(keeper, &err);
    if (result == 0)
        return true;
    if (result != EK_BLOCKED) {
        tell_failure(keeper, &err);
        return false;
    }
    ek_buffer_printf(&sentence, "the specs ask for less consent than before (%s); %s",
                     keeper->guard.words, err.sentence);
    ek_keeper_condition(keeper, EK_CONDITION_BLOCKED);
    ek_keeper_say(keeper, EK_JOURNAL_WAITING, err.id, ek_journal_text(&sentence), err.hint);
    return false;
}

static void judge(struct ek_keeper *keeper)
{
    struct ek_error err = {0};
    struct ek_assessment *assessment = &keeper->assessment;
    const struct ek_blocked *blocked = &assessment->plan.blocked;
    bool stuck = assessment->plan.end == EK_VERDICT_BLOCKED;
    if (assessment->plan.count == 0 && !stuck) {
        if (rule_holds(keeper))
            in_sync(keeper);
        return;
    }
    if (assessment->plan.count == 0) {
        ek_keeper_condition(keeper, EK_CONDITION_BLOCKED);
        if (!blocked->passing)
            ek_keeper_say(keeper, EK_JOURNAL_BLOCKED, blocked->id, blocked->sentence,
                          blocked->hint);
        return;
    }
    ek_keeper_condition(keeper, EK_CONDITION_DIFFERING);
    if (!drift_allows(keeper))
        return;
    if (tell_plan(keeper, &err) != 0)
        tell_failure(keeper, &err);
    else
        ek_keeper_act(keeper);
}

/* ---- the pass ---- */

/* What people and the clock say; an approved plan that fits the fleet decides what it decided. */
static int consult(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_assessment *assessment = &keeper->assessment;
    struct ek_consent_question question =
        ek_keeper_question(keeper, assessment->observation->state);
    struct ek_approval approval;
    struct ek_plan approved;
    int result = ek_keeper_guard(keeper, err);
    if (result != 0)
        return result;
    result = ek_consent_approved_plan(&question, &assessment->policy, &approved, &approval, err);
    if (result == 0)
        ek_plan_done(&approved);
    else if (result != EK_NOT_FOUND)
        return result;
    result = ek_consent_refresh(&question, &assessment->policy, err);
    ek_metrics_set(keeper->loop->metrics, EK_METRIC_DEPLOYMENT_PAUSED,
                   EK_LABELS(keeper->account, keeper->name), assessment->policy.paused);
    return result;
}

static int look(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_loop *loop = keeper->loop;
    struct ek_assessment *assessment = &keeper->assessment;
    int64_t began = ek_monotonic_ms();
    int result = keeper->restored ? 0 : restore(keeper, err);
    if (result == 0)
        result = ek_assessment_observe(assessment, err);
    assessment->observed_ms = ek_loop_now_ms(loop);
    if (result == 0)
        result = ek_assessment_policy(assessment, err);
    if (result == 0)
        result = consult(keeper, err);
    if (result == 0)
        result = ek_assessment_plan(assessment, err);
    if (result != 0)
        return result;
    ek_metrics_measure(loop->metrics, EK_METRIC_OBSERVE_DURATION, EK_NO_LABELS,
                       (double)(ek_monotonic_ms() - began) / 1000);
    struct ek_planned planned = ek_assessment_planned(assessment);
    ek_metrics_observed(loop->metrics, &planned);
    tell_health(keeper);
    ek_keeper_tell_endings(keeper);
    return 0;
}

/* A pass that only waits for its next try after a failure tells nothing new. */
static void measure(struct ek_keeper *keeper, const struct ek_deployment_spec *spec,
                    int64_t began_ms, const struct ek_error *err)
{
    if (!err->code)
        err = &keeper->act_error;
    if (!err->code && (keeper->failures || keeper->hopeless))
        return;
    ek_metrics_reconciled(keeper->loop->metrics, spec, ek_wall_ms(), ek_monotonic_ms() - began_ms,
                          err->code ? err : NULL);
}

static void pass(struct ek_keeper *keeper, const struct ek_wanted *wanted,
                 struct ek_desired *desired)
{
    struct ek_error err = {0};
    int64_t began = ek_monotonic_ms();
    keeper->act_error = (struct ek_error){0};
    if (wanted->standing != EK_STANDING_WANTED) {
        stand_back(keeper, wanted);
        return;
    }
    int result = open_look(keeper, wanted, desired, &err);
    if (result == 0)
        result = look(keeper, &err);
    if (result == 0)
        judge(keeper);
    else
        tell_failure(keeper, &err);
    measure(keeper, wanted->spec, began, &err);
}

/* One pass is enough, unless something is in the way that goes by itself: an election, a turn that
 * another deployment has. */
static bool is_soon_over(const struct ek_keeper *keeper)
{
    bool passing = keeper->open && keeper->assessment.plan.end == EK_VERDICT_BLOCKED &&
                   keeper->assessment.plan.blocked.passing;
    return keeper->waiting ||
           (passing && ek_monotonic_ms() - keeper->loop->started_ms < PASSING_MS);
}

void *ek_keep(void *argument)
{
    struct ek_keeper *keeper = argument;
    struct ek_loop *loop = keeper->loop;
    pthread_mutex_lock(&loop->lock);
    while (ek_sleeper_sleep(&keeper->sleeper, loop)) {
        struct ek_wanted wanted = keeper->wanted;
        struct ek_desired *desired =
            ek_desired_hold((struct ek_desired *)(uintptr_t)wanted.desired);
        keeper->cancelled = 0;
        if (keeper->retry) {
            keeper->hopeless = keeper->retry = false;
            keeper->act_not_before_ms = 0;
        }
        keeper->sleeper.stalled_ms = ek_monotonic_ms() + LOOK_MS;
        int64_t began = ek_monotonic_ms();
        pthread_mutex_unlock(&loop->lock);
        pass(keeper, &wanted, desired);
        ek_desired_release(desired);
        pthread_mutex_lock(&loop->lock);
        keeper->sleeper.due_ms = began + loop->settings.observe_ms;
        if (loop->settings.once && !is_soon_over(keeper))
            break;
    }
    keeper->sleeper.stalled_ms = 0;
    keeper->sleeper.ended = true;
    pthread_mutex_unlock(&loop->lock);
    close_assessment(keeper);
    ek_guard_done(&keeper->guard);
    ek_synced_done(&keeper->synced);
    return NULL;
}
