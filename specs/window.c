/* Whether windows are open, and when that changes. */
#include "specs/window.h"

#include <stdlib.h>

#include "specs/window_internal.h"

enum {
    HORIZON_DAYS = 9 * 366, /* the 29th of February comes back within eight years */
    RANGE_HORIZON_DAYS = 400,
    CHAIN_DAYS = 40, /* open for longer without a break counts as always */
    UNIONS_MAX = 1000,
};

void ek_window_free(struct ek_window *window)
{
    if (!window)
        return;
    if (window->zone)
        g_time_zone_unref(window->zone);
    free(window);
}

/* ---- days ----------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static unsigned weekday_bit(int64_t day)
{
    return 1U << (((day + 3) % 7 + 7) % 7); /* day 0 was a Thursday */
}

/* Month (1 to 12) and day of the month (from 1) of a day since the epoch, in the Gregorian
 * calendar: years are counted from March, so that leap days come last. */
static void month_and_day(int64_t day, int *ret_month, int *ret_day, int *ret_days_in_month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t shifted = day + 719468;
    int64_t era = floor_div(shifted, 146097);
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    *ret_day = (int)(of_year - (153 * from_march + 2) / 5 + 1);
    *ret_month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    int64_t full_year = year + era * 400 + (*ret_month <= 2);
    bool leap = full_year % 4 == 0 && (full_year % 100 != 0 || full_year % 400 == 0);
    *ret_days_in_month = lengths[*ret_month - 1] + (leap && *ret_month == 2);
}

/* ---- zones ---------------------------------------------------------------------------- */

static int64_t offset_at(const struct ek_window *window, int64_t at_s)
{
    gint interval = g_time_zone_find_interval(window->zone, G_TIME_TYPE_UNIVERSAL, at_s);
    return interval < 0 ? 0 : g_time_zone_get_offset(window->zone, interval);
}

/* The first second after from_s, at most to_s, at which the offset is no longer that of from_s;
 * to_s + 1 for none. */
static int64_t offset_changes(const struct ek_window *window, int64_t from_s, int64_t to_s)
{
    int64_t offset = offset_at(window, from_s);
    if (offset_at(window, to_s) == offset)
        return to_s + 1;
    int64_t same = from_s;
    int64_t other = to_s;
    while (other - same > 1) {
        int64_t middle = same + (other - same) / 2;
        if (offset_at(window, middle) == offset)
            same = middle;
        else
            other = middle;
    }
    return other;
}

/* When the zone's clock first shows `local` (seconds since the epoch as if it were UTC), or
 * skips it. No zone is a day away from UTC, and none changes twice in two days. */
static int64_t first_shown(const struct ek_window *window, int64_t local)
{
    int64_t from = local - EK_DAY_S;
    int64_t to = local + EK_DAY_S;
    int64_t before = local - offset_at(window, from);
    int64_t after = local - offset_at(window, to);
    if (before + offset_at(window, before) == local)
        return before;
    if (after + offset_at(window, after) == local)
        return after;
    return offset_changes(window, from, to);
}

/* ---- days and times ------------------------------------------------------------------- */

static bool range_on_day(const struct ek_window *window, int64_t day)
{
    int month;
    int of_month;
    int in_month;
    if (!(window->weekdays & weekday_bit(day)))
        return false;
    if (window->ordinal == 0)
        return true;
    month_and_day(day, &month, &of_month, &in_month);
    if (window->ordinal == EK_ORDINAL_LAST)
        return of_month + 7 > in_month;
    return (of_month - 1) / 7 + 1 == window->ordinal;
}

static bool range_shown(const struct ek_window *window, int64_t local)
{
    int64_t day = floor_div(local, EK_DAY_S);
    int64_t second = local - day * EK_DAY_S;
    if (window->begin_s < window->end_s)
        return second >= window->begin_s && second < window->end_s && range_on_day(window, day);
    return (second >= window->begin_s && range_on_day(window, day)) ||
           (second < window->end_s && range_on_day(window, day - 1));
}

static bool range_open(const struct ek_window *window, int64_t at_s)
{
    return range_shown(window, at_s + offset_at(window, at_s));
}

/* The first second in (at_s, to_s) at which the clock shows an edge of the window behind which it
 * is not `open`; to_s for none. The offset is the same all the time. */
static int64_t next_edge(const struct ek_window *window, int64_t at_s, int64_t to_s, bool open)
{
    int64_t offset = offset_at(window, at_s);
    int64_t best = to_s;
    for (int64_t day = floor_div(at_s + offset, EK_DAY_S); day * EK_DAY_S <= to_s + offset; day++) {
        const int64_t edges[] = {window->begin_s, window->end_s};
        for (size_t i = 0; i < 2; i++) {
            int64_t edge = day * EK_DAY_S + edges[i] - offset;
            if (edge > at_s && edge < best && range_shown(window, edge + offset) != open)
                best = edge;
        }
    }
    return best;
}

static int64_t range_changes(const struct ek_window *window, int64_t at_s)
{
    bool open = range_open(window, at_s);
    int64_t end = at_s + (int64_t)RANGE_HORIZON_DAYS * EK_DAY_S;
    for (int64_t from = at_s; from < end;) {
        int64_t to = offset_changes(window, from, from + EK_DAY_S);
        int64_t edge = next_edge(window, from, to, open);
        if (edge < to || range_open(window, to) != open)
            return edge;
        from = to;
    }
    return 0;
}

/* ---- cron ----------------------------------------------------------------------------- */

static bool cron_on_day(const struct ek_window *window, int64_t day)
{
    int month;
    int of_month;
    int in_month;
    month_and_day(day, &month, &of_month, &in_month);
    if (!(window->months >> month & 1))
        return false;
    bool by_date = window->days >> of_month & 1;
    bool by_weekday = window->weekdays & weekday_bit(day);
    return window->either_day ? by_date || by_weekday : by_date && by_weekday;
}

/* The first opening after at_s; 0 for none. */
static int64_t cron_starts(const struct ek_window *window, int64_t at_s)
{
    int64_t first = floor_div(at_s + offset_at(window, at_s), EK_DAY_S) - 1;
    for (int64_t day = first; day < first + HORIZON_DAYS; day++) {
        if (!cron_on_day(window, day))
            continue;
        for (int hour = 0; hour < 24; hour++) {
            if (!(window->hours >> hour & 1))
                continue;
            int64_t start =
                first_shown(window, day * EK_DAY_S + (int64_t)hour * 3600 + window->minute_s);
            if (start > at_s)
                return start;
        }
    }
    return 0;
}

static bool cron_open(const struct ek_window *window, int64_t at_s)
{
    int64_t start = cron_starts(window, at_s - window->lasts_s);
    return start != 0 && start <= at_s;
}

static int64_t cron_changes(const struct ek_window *window, int64_t at_s)
{
    int64_t start = cron_starts(window, at_s - window->lasts_s);
    if (start == 0 || start > at_s)
        return start;
    while (start - at_s < (int64_t)CHAIN_DAYS * EK_DAY_S) {
        int64_t next = cron_starts(window, start);
        if (next == 0 || next > start + window->lasts_s)
            return start + window->lasts_s;
        start = next;
    }
    return 0;
}

/* ---- together ------------------------------------------------------------------------- */

bool ek_window_open_at(const struct ek_window *window, int64_t at_s)
{
    return window->cron ? cron_open(window, at_s) : range_open(window, at_s);
}

static int64_t changes(const struct ek_window *window, int64_t at_s)
{
    return window->cron ? cron_changes(window, at_s) : range_changes(window, at_s);
}

static size_t which_open(const struct ek_window *const *windows, size_t count, int64_t at_s)
{
    size_t i = 0;
    while (i < count && !ek_window_open_at(windows[i], at_s))
        i++;
    return i;
}

void ek_windows_at(const struct ek_window *const *windows, size_t count, int64_t at_s,
                   struct ek_windows_answer *ret_answer)
{
    struct ek_windows_answer answer = {.which = which_open(windows, count, at_s)};
    answer.open = answer.which < count;
    for (size_t i = 0; i < count && !answer.open; i++) {
        int64_t opens = changes(windows[i], at_s);
        if (opens == 0 || (answer.changes_s && opens >= answer.changes_s))
            continue;
        answer.changes_s = opens;
        answer.which = i;
    }
    int64_t closes = at_s;
    size_t open = answer.open ? answer.which : count;
    for (int unions = 0; open < count && closes != 0; unions++) {
        closes = unions < UNIONS_MAX ? changes(windows[open], closes) : 0;
        open = closes ? which_open(windows, count, closes) : count;
    }
    if (answer.open)
        answer.changes_s = closes;
    *ret_answer = answer;
}
