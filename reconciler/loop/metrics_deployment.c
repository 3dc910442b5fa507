#include <string.h>

#include "reconciler/execute/execute.h"
#include "reconciler/loop/metrics_internal.h"
#include "reconciler/report/status_report.h"

static void members(struct ek_metrics *metrics, const struct ek_planned *planned,
                    struct ek_labels who)
{
    const struct ek_state *state = planned->state;
    struct ek_labels labels = who;
    for (int word = EK_MEMBER_UNKNOWN; word <= EK_MEMBER_REMOVED; word++) {
        size_t count = 0;
        for (size_t i = 0; i < state->member_count; i++)
            count += (int)ek_member(state, i)->state == word;
        labels.values[2] = ek_member_state_name((enum ek_member_state)word);
        if (count)
            ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_MEMBERS, labels, (double)count);
        else
            ek_metrics_remove(metrics, EK_METRIC_DEPLOYMENT_MEMBERS, labels);
    }
}

static void certificates(struct ek_metrics *metrics, const struct ek_planned *planned,
                         struct ek_labels who)
{
    const enum ek_metric metric = EK_METRIC_DEPLOYMENT_CERTIFICATE_NOT_AFTER;
    struct ek_labels labels = who;
    for (size_t i = 0; i < planned->state->member_count; i++) {
        const struct ek_member_certificates *certificates =
            ek_member_certificates(planned->state, i);
        labels.values[2] = planned->spec->members[i].name;
        if (certificates->certificate_running.present == EK_YES)
            ek_metrics_set(metrics, metric, labels,
                           (double)certificates->certificate_running.not_after_s);
        else if (certificates->certificate_running.present == EK_NO)
            ek_metrics_remove(metrics, metric, labels);
    }
}

static void authority(struct ek_metrics *metrics, const struct ek_planned *planned,
                      struct ek_labels who)
{
    const enum ek_metric metric = EK_METRIC_DEPLOYMENT_AUTHORITY_NOT_AFTER;
    const struct ek_certificates *certificates = ek_certificates(planned->state);
    if (certificates->authority_not_after_s != 0)
        ek_metrics_set(metrics, metric, who, (double)certificates->authority_not_after_s);
    else if (certificates->authority == EK_NO)
        ek_metrics_remove(metrics, metric, who);
}

/* Counters that an alert asks how much they grew: they are there from the beginning. */
static const enum ek_metric counters[] = {EK_METRIC_DEPLOYMENT_RESTARTS,
                                          EK_METRIC_DEPLOYMENT_ELECTIONS,
                                          EK_METRIC_DEPLOYMENT_LEASES_LOST};

void ek_metrics_observed(struct ek_metrics *metrics, const struct ek_planned *planned)
{
    struct ek_labels who = EK_LABELS(planned->spec->account, planned->spec->name);
    struct ek_labels blocked = who;
    blocked.values[2] = planned->plan->end == EK_VERDICT_BLOCKED ? planned->plan->blocked.id : NULL;
    ek_metrics_state(metrics, EK_METRIC_DEPLOYMENT_SYNC, who, ek_sync_word(planned));
    ek_metrics_state(metrics, EK_METRIC_DEPLOYMENT_HEALTH, who, ek_health_word(planned->state));
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_STEPS_PENDING, who, (double)planned->plan->count);
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_LAST_OBSERVED, who,
                   (double)planned->observed_ms / 1000);
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_PAUSED, who,
                   planned->policy && planned->policy->paused ? 1 : 0);
    ek_metrics_info(metrics, EK_METRIC_DEPLOYMENT_BLOCKED_INFO, blocked);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        ek_metrics_add(metrics, counters[i], who, 0);
    members(metrics, planned, who);
    certificates(metrics, planned, who);
    authority(metrics, planned, who);
}

void ek_metrics_event(struct ek_metrics *metrics, const struct ek_deployment_spec *spec,
                      const struct ek_event *event)
{
    if (event->kind != EK_EVENT_STEP_DONE || !event->step)
        return;
    const struct ek_step_kind *row = event->step->kind;
    struct ek_labels who = EK_LABELS(spec->account, spec->name);
    ek_metrics_add(metrics, EK_METRIC_STEPS, EK_LABELS(row->name, "done"), 1);
    ek_metrics_add(metrics, EK_METRIC_DEPLOYMENT_RESTARTS, who, row->restarts);
    ek_metrics_add(metrics, EK_METRIC_DEPLOYMENT_ELECTIONS, who, row->elections);
    ek_metrics_measure(metrics, EK_METRIC_STEP_DURATION, EK_LABELS(row->name),
                       (double)event->elapsed_ms / 1000);
}

void ek_metrics_step_failed(struct ek_metrics *metrics, const struct ek_step *step)
{
    if (step)
        ek_metrics_add(metrics, EK_METRIC_STEPS, EK_LABELS(step->kind->name, "failed"), 1);
}

void ek_metrics_reconciled(struct ek_metrics *metrics, const struct ek_deployment_spec *spec,
                           int64_t now_ms, int64_t took_ms, const struct ek_error *err)
{
    struct ek_labels who = EK_LABELS(spec->account, spec->name);
    struct ek_labels failed = who;
    failed.values[2] = err ? err->id : NULL;
    ek_metrics_measure(metrics, EK_METRIC_RECONCILE_DURATION, EK_LABELS(err ? "failed" : "done"),
                       (double)took_ms / 1000);
    ek_metrics_info(metrics, EK_METRIC_DEPLOYMENT_ERROR_INFO, failed);
    if (err) {
        ek_metrics_add(metrics, EK_METRIC_ERRORS, EK_LABELS(err->id), 1);
        double before = ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_FAILURES_IN_A_ROW, who);
        ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_FAILURES_IN_A_ROW, who,
                       before > 0 ? before + 1 : 1);
        return;
    }
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_FAILURES_IN_A_ROW, who, 0);
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_LAST_RECONCILED, who, (double)now_ms / 1000);
}
