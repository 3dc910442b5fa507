/* The planner's last look: what people, or the clock, have to say to the step that comes. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "reconciler/base/time_text.h"
#include "reconciler/kernel/question.h"

bool ek_next_window_closed(const struct ek_question *q)
{
    return q->policy->consent.window == EK_WINDOW_CLOSED;
}

static bool wait_for(const struct ek_question *q, enum ek_wait waits)
{
    q->verdict->blocked.waits = waits;
    return true;
}

/* "in 3 d 4 h (2026-11-28 01:00 UTC)" */
static void from_now(const struct ek_question *q, int64_t at_s, char *text, size_t size)
{
    char when[EK_TIME_TEXT_SIZE];
    struct tm parts;
    time_t at = (time_t)at_s;
    int64_t minutes = (at_s - q->policy->now_s + 59) / 60;
    gmtime_r(&at, &parts);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &parts);
    if (minutes >= 48 * 60)
        snprintf(text, size, "in %" PRId64 " d %" PRId64 " h (%s)", minutes / 1440,
                 minutes / 60 % 24, when);
    else
        snprintf(text, size, "in %" PRId64 " h %" PRId64 " min (%s)", minutes / 60, minutes % 60,
                 when);
}

static bool paused(const struct ek_question *q)
{
    const struct ek_consent *consent = &q->policy->consent;
    char until[96] = "";
    if (!q->policy->paused)
        return false;
    if (consent->paused_until_s)
        from_now(q, consent->paused_until_s, until, sizeof until);
    ek_block(q,
             ek_lasting("EK-0125", -1, "evenkeel resume lifts the pause; else it ends by itself"),
             "the deployment is paused%s%s%s%s%s%s", consent->paused_by[0] ? " by " : "",
             consent->paused_by, consent->paused_why[0] ? ": " : "", consent->paused_why,
             until[0] ? "; the pause ends " : "", until);
    return wait_for(q, EK_WAIT_PAUSE);
}

static bool not_signed(const struct ek_question *q)
{
    if (q->policy->consent.signature != EK_AGREEMENT_MISSING)
        return false;
    ek_block(q,
             ek_lasting("EK-1103", -1,
                        "evenkeel plan --out FILE --sign-key KEY, then evenkeel apply FILE"),
             "only plans signed by a key that the specs name are carried out");
    return wait_for(q, EK_WAIT_SIGNATURE);
}

static bool not_approved(const struct ek_question *q)
{
    if (q->policy->consent.approval != EK_AGREEMENT_MISSING)
        return false;
    ek_block(q, ek_lasting("EK-1102", -1, "evenkeel approve %s"), "the plan needs an approval");
    snprintf(q->verdict->blocked.hint, sizeof q->verdict->blocked.hint, "evenkeel approve %s",
             q->spec->name);
    return wait_for(q, EK_WAIT_APPROVAL);
}

static bool outside_window(const struct ek_question *q)
{
    const struct ek_consent *consent = &q->policy->consent;
    char opens[96] = "";
    if (consent->window_changes_s)
        from_now(q, consent->window_changes_s, opens, sizeof opens);
    ek_block(q,
             ek_lasting("EK-1101", -1,
                        "evenkeel run goes on when it opens; apply --outside-window does not wait"),
             "what disturbs service waits for %s%s%s%s",
             consent->window_words[0] ? "the window " : "a maintenance window",
             consent->window_words, opens[0] ? ", opens " : "", opens);
    return wait_for(q, EK_WAIT_WINDOW);
}

void ek_next_withhold(const struct ek_question *q, bool urgent)
{
    if (q->verdict->kind != EK_VERDICT_STEP)
        return;
    bool disturbs = q->verdict->step.kind->disturbs;
    if (paused(q) || not_signed(q) || not_approved(q))
        return;
    if (disturbs && !urgent && ek_next_window_closed(q))
        outside_window(q);
}
