/* Maintenance windows: what people write, what is wrong with it and where, and when they are open:
 * known moments around changes of the clock, and a walk through every minute as the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "specs/window.h"

static struct ek_window *window_of(const char *text)
{
    struct ek_window *window = NULL;
    struct ek_window_problem problem = {0};
    if (!ek_window_parse(text, &window, &problem))
        fail_msg("%s: %s (%s)", text, problem.sentence, problem.hint);
    return window;
}

/* "2026-03-29 00:59" in UTC */
static int64_t utc(const char *text)
{
    struct tm parts = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &parts));
    return (int64_t)timegm(&parts);
}

static void assert_open(const char *window_text, const char *from, const char *to)
{
    struct ek_window *window = window_of(window_text);
    const struct ek_window *windows[] = {window};
    struct ek_windows_answer answer;
    assert_false(ek_window_open_at(window, utc(from) - 1));
    assert_true(ek_window_open_at(window, utc(from)));
    assert_true(ek_window_open_at(window, utc(to) - 1));
    assert_false(ek_window_open_at(window, utc(to)));
    ek_windows_at(windows, 1, utc(from) - 1, &answer);
    assert_false(answer.open);
    assert_int_equal(answer.changes_s, utc(from));
    ek_windows_at(windows, 1, utc(from), &answer);
    assert_true(answer.open);
    assert_int_equal(answer.changes_s, utc(to));
    ek_window_free(window);
}

static void each_form(void **state)
{
    (void)state;
    assert_open("sat 02:00-05:00 Europe/Berlin", "2026-11-28 01:00", "2026-11-28 04:00");
    assert_open("sat 02:00-05:00 Europe/Berlin", "2026-07-04 00:00", "2026-07-04 03:00");
    assert_open("mon-fri 01:00-03:00 UTC", "2026-11-23 01:00", "2026-11-23 03:00");
    assert_open("fri-mon 01:00-03:00 UTC", "2026-11-23 01:00", "2026-11-23 03:00");
    assert_open("mon,wed-thu 01:00-03:00 UTC", "2026-11-26 01:00", "2026-11-26 03:00");
    assert_open("daily 22:00-04:00 America/New_York", "2026-11-24 03:00", "2026-11-24 09:00");
    assert_open("sat 00:00-24:00 UTC", "2026-11-28 00:00", "2026-11-29 00:00");
    assert_open("first sun 02:00-06:00 UTC", "2026-12-06 02:00", "2026-12-06 06:00");
    assert_open("last fri 22:00-02:00 UTC", "2026-11-27 22:00", "2026-11-28 02:00");
    assert_open("last fri 22:00-02:00 UTC", "2026-07-31 22:00", "2026-08-01 02:00");
    assert_open("fourth sun 02:00-06:00 UTC", "2026-11-22 02:00", "2026-11-22 06:00");
    assert_open("0 2 * * 6 for 3h Europe/Berlin", "2026-11-28 01:00", "2026-11-28 04:00");
    assert_open("30 22 1,15 * * for 90m UTC", "2026-12-01 22:30", "2026-12-02 00:00");
    assert_open("0 2 1 * sun for 2h UTC", "2026-12-01 02:00", "2026-12-01 04:00");
    assert_open("0 2 1 * sun for 2h UTC", "2026-12-06 02:00", "2026-12-06 04:00");
    assert_open("0 */6 * jan-mar 1-5 for 10m UTC", "2027-01-01 00:00", "2027-01-01 00:10");
    assert_open("0 2 * * 0 for 1h UTC", "2026-11-29 02:00", "2026-11-29 03:00");
    assert_open("0 2 * * 7 for 1h UTC", "2026-11-29 02:00", "2026-11-29 03:00");
    assert_open("0 12 29 feb * for 1h UTC", "2028-02-29 12:00", "2028-02-29 13:00");
}

static void when_the_clock_changes(void **state)
{
    (void)state;
    /* Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00. */
    assert_open("sun 01:00-05:00 Europe/Berlin", "2026-03-29 00:00", "2026-03-29 03:00");
    assert_open("sun 02:30-04:00 Europe/Berlin", "2026-03-29 01:00", "2026-03-29 02:00");
    assert_open("sun 01:00-02:30 Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00");
    assert_open("sun 01:00-05:00 Europe/Berlin", "2026-10-24 23:00", "2026-10-25 04:00");
    assert_open("sun 02:00-03:00 Europe/Berlin", "2026-10-25 00:00", "2026-10-25 02:00");
    assert_open("sun 02:00-02:30 Europe/Berlin", "2026-10-25 00:00", "2026-10-25 00:30");
    assert_open("sun 02:00-02:30 Europe/Berlin", "2026-10-25 01:00", "2026-10-25 01:30");
    assert_open("sat 23:00-04:00 Europe/Berlin", "2026-03-28 22:00", "2026-03-29 02:00");
    assert_open("sat 23:00-04:00 Europe/Berlin", "2026-10-24 21:00", "2026-10-25 03:00");
    assert_open("30 2 * * 0 for 1h Europe/Berlin", "2026-03-29 01:00", "2026-03-29 02:00");
    assert_open("30 2 * * 0 for 1h Europe/Berlin", "2026-10-25 00:30", "2026-10-25 01:30");
    assert_open("0 1 * * 0 for 3h Europe/Berlin", "2026-03-29 00:00", "2026-03-29 03:00");
    /* Lord Howe, 5 April 2026: 02:00 becomes 01:30. 4 October 2026: 02:00 becomes 02:30. */
    assert_open("sun 01:00-02:00 Australia/Lord_Howe", "2026-04-04 14:00", "2026-04-04 15:30");
    assert_open("sun 01:40-01:50 Australia/Lord_Howe", "2026-04-04 14:40", "2026-04-04 14:50");
    assert_open("sun 01:40-01:50 Australia/Lord_Howe", "2026-04-04 15:10", "2026-04-04 15:20");
    assert_open("sun 01:30-03:00 Australia/Lord_Howe", "2026-10-03 15:00", "2026-10-03 16:00");
    assert_open("15 2 * * 0 for 1h Australia/Lord_Howe", "2026-10-03 15:30", "2026-10-03 16:30");
    /* Samoa had no 30 December 2011. */
    assert_open("sat 01:00-02:00 Pacific/Apia", "2011-12-30 11:00", "2011-12-30 12:00");
}

static void never_seen_in_the_gap(void **state)
{
    (void)state;
    struct ek_window *window = window_of("sun 02:00-03:00 Europe/Berlin");
    const struct ek_window *windows[] = {window};
    struct ek_windows_answer answer;
    ek_windows_at(windows, 1, utc("2026-03-28 12:00"), &answer);
    assert_false(answer.open);
    assert_int_equal(answer.changes_s, utc("2026-04-05 00:00"));
    ek_window_free(window);
}

static void several_together(void **state)
{
    (void)state;
    struct ek_window *friday = window_of("fri 22:00-24:00 UTC");
    struct ek_window *saturday = window_of("sat 00:00-02:00 UTC");
    struct ek_window *cron = window_of("30 1 * * 6 for 2h UTC");
    struct ek_window *always = window_of("daily 00:00-24:00 Europe/Berlin");
    const struct ek_window *windows[] = {saturday, cron, friday, always};
    struct ek_windows_answer answer;
    ek_windows_at(windows, 3, utc("2026-11-27 23:00"), &answer);
    assert_true(answer.open);
    assert_int_equal(answer.which, 2);
    assert_int_equal(answer.changes_s, utc("2026-11-28 03:30"));
    ek_windows_at(windows, 3, utc("2026-11-28 03:30"), &answer);
    assert_false(answer.open);
    assert_int_equal(answer.which, 2);
    assert_int_equal(answer.changes_s, utc("2026-12-04 22:00"));
    ek_windows_at(windows, 4, utc("2026-11-28 03:30"), &answer);
    assert_true(answer.open);
    assert_int_equal(answer.changes_s, 0);
    ek_windows_at(windows, 0, utc("2026-11-28 03:30"), &answer);
    assert_false(answer.open);
    assert_int_equal(answer.which, 0);
    ek_window_free(friday);
    ek_window_free(saturday);
    ek_window_free(cron);
    ek_window_free(always);
}

static void never_and_ever(void **state)
{
    (void)state;
    static const char *const texts[] = {"0 2 30 2 * for 1h UTC", "0 * * * * for 1h UTC"};
    for (size_t i = 0; i < 2; i++) {
        struct ek_window *window = window_of(texts[i]);
        const struct ek_window *windows[] = {window};
        struct ek_windows_answer answer;
        ek_windows_at(windows, 1, utc("2026-11-27 23:00"), &answer);
        assert_int_equal(answer.open, i == 1);
        assert_int_equal(answer.changes_s, 0);
        ek_window_free(window);
    }
}

static void what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset, length;
        const char *sentence, *hint;
    } cases[] = {
        {"", 0, 1, "the window is empty", "such as sat"},
        {"   ", 0, 1, "the window is empty", "such as sat"},
        {"saturday 02:00-05:00 UTC", 0, 8, "\"saturday\" is not a day", "did you mean \"sat\"?"},
        {"Sat 02:00-05:00 UTC", 0, 3, "\"Sat\" is not a day", "did you mean \"sat\"?"},
        {"mon-xyz 02:00-05:00 UTC", 4, 3, "\"xyz\" is not a day", "mon, tue"},
        {"mon, 02:00-05:00 UTC", 4, 1, "\"\" is not a day", "mon, tue"},
        {"mon- 02:00-05:00 UTC", 4, 1, "\"\" is not a day", "mon, tue"},
        {"first mon-tue 02:00-05:00 UTC", 6, 7, "\"mon-tue\" is not a day", "\"mon\""},
        {"sat 2:00-05:00 UTC", 4, 4, "\"2:00\" is not a time of day", "two digits"},
        {"sat 02:00-25:00 UTC", 10, 5, "\"25:00\" is not a time of day", "24:00"},
        {"sat 24:00-05:00 UTC", 4, 5, "\"24:00\" is not a time of day", "23:59"},
        {"sat 02:60-05:00 UTC", 4, 5, "\"02:60\" is not a time of day", "two digits"},
        {"sat 02:00 UTC", 4, 5, "when the window ends is missing", "02:00-05:00"},
        {"sat 02:00-02:00 UTC", 4, 11, "ends when it begins", "00:00-24:00"},
        {"sat", 3, 1, "the times are missing", "02:00-05:00"},
        {"sat 02:00-05:00", 15, 1, "the time zone is missing", "Europe/Berlin"},
        {"sat 02:00-05:00 Europe/Berln", 16, 12, "there is no time zone",
         "did you mean Europe/Berlin?"},
        {"sat 02:00-05:00 berlin", 16, 6, "there is no time zone", "did you mean Europe/Berlin?"},
        {"sat 02:00-05:00 ../../../etc/passwd", 16, 19, "there is no time zone", "tz database"},
        {"sat 02:00-05:00 /etc/localtime", 16, 14, "there is no time zone", "tz database"},
        {"sat 02:00-05:00 localtime", 16, 9, "there is no time zone", ""},
        {"sat 02:00-05:00 MEZ-1", 16, 5, "there is no time zone", ""},
        {"sat 02:00-05:00 Europe", 16, 6, "there is no time zone", ""},
        {"sat 02:00-05:00 +01:00", 16, 6, "there is no time zone", "tz database"},
        {"sat 02:00-05:00 UTC, sun 02:00-05:00 UTC", 16, 4, "there is no time zone", "tz database"},
        {"sat 02:00-05:00 UTC sun", 20, 3, "nothing can follow", "one window per entry"},
        {"60 2 * * 6 for 3h UTC", 0, 2, "\"60\" is not a minute", "0 to 59"},
        {"* 2 * * 6 for 3h UTC", 0, 1, "\"*\" is not a minute", "once in an hour"},
        {"0 24 * * 6 for 3h UTC", 2, 2, "\"24\" is not a hour", "0 to 23"},
        {"0 2 0 * 6 for 3h UTC", 4, 1, "\"0\" is not a day of the month", "1 to 31"},
        {"0 2 * 13 6 for 3h UTC", 6, 2, "\"13\" is not a month", "1 to 12"},
        {"0 2 * * 8 for 3h UTC", 8, 1, "\"8\" is not a day of the week", "0 to 7"},
        {"0 2 * * 5-3 for 3h UTC", 8, 3, "\"5-3\" is not a day of the week", "0 to 7"},
        {"0 2 * * 1, for 3h UTC", 10, 1, "\"\" is not a day of the week", "0 to 7"},
        {"0 */0 * * 1 for 3h UTC", 2, 3, "\"*/0\" is not a hour", "*/2"},
        {"0 2 * *", 7, 1, "the day of the week is missing", "minute, hour"},
        {"0 2 * * 6 3h UTC", 10, 2, "how long the window is open is missing", "\"for\""},
        {"0 2 * * 6 for 3 UTC", 14, 1, "is not how long", "90m"},
        {"0 2 * * 6 for 8d UTC", 14, 2, "is not how long", "7d"},
        {"0 2 * * 6 for 0h UTC", 14, 2, "is not how long", "1m"},
        {"0 2 * * 6 for 3h", 16, 1, "the time zone is missing", "UTC"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ek_window *window = NULL;
        struct ek_window_problem problem = {0};
        if (ek_window_parse(cases[i].text, &window, &problem))
            fail_msg("taken: %s", cases[i].text);
        if (problem.offset != cases[i].offset || problem.length != cases[i].length)
            fail_msg("%s: wrong at %zu, %zu long: %s", cases[i].text, problem.offset,
                     problem.length, problem.sentence);
        if (!strstr(problem.sentence, cases[i].sentence) || !strstr(problem.hint, cases[i].hint))
            fail_msg("%s: %s (%s)", cases[i].text, problem.sentence, problem.hint);
    }
}

/* ---- the oracle: the C library's clock, minute by minute ------------------------------- */

/* A window in the oracle's own terms. */
struct rule {
    const char *text; /* without the zone */
    bool (*shown)(const struct tm *now, const struct tm *yesterday);
    bool (*starts)(const struct tm *now); /* cron */
    int lasts_min;
};

static int minute_of(const struct tm *now)
{
    return now->tm_hour * 60 + now->tm_min;
}

static bool saturday_night(const struct tm *now, const struct tm *yesterday)
{
    return (now->tm_wday == 6 && minute_of(now) >= 22 * 60) ||
           (yesterday->tm_wday == 6 && minute_of(now) < 3 * 60 + 30);
}

static bool every_night(const struct tm *now, const struct tm *yesterday)
{
    (void)yesterday;
    return minute_of(now) >= 23 * 60 + 15 || minute_of(now) < 2 * 60 + 10;
}

static bool small_hours(const struct tm *now, const struct tm *yesterday)
{
    (void)yesterday;
    return minute_of(now) >= 105 && minute_of(now) < 165;
}

static bool first_sunday(const struct tm *now, const struct tm *yesterday)
{
    (void)yesterday;
    return now->tm_wday == 0 && now->tm_mday <= 7 && minute_of(now) >= 60 &&
           minute_of(now) < 5 * 60;
}

static bool at_half_past_two(const struct tm *now)
{
    return minute_of(now) == 150;
}

static bool on_sundays_and_the_first(const struct tm *now)
{
    return minute_of(now) == 45 && (now->tm_wday == 0 || now->tm_mday == 1);
}

static bool every_second_hour(const struct tm *now)
{
    return now->tm_min == 10 && now->tm_hour % 2 == 0;
}

static const struct rule rules[] = {
    {"sat 22:00-03:30", saturday_night, NULL, 0},
    {"daily 23:15-02:10", every_night, NULL, 0},
    {"daily 01:45-02:45", small_hours, NULL, 0},
    {"first sun 01:00-05:00", first_sunday, NULL, 0},
    {"30 2 * * * for 3h", NULL, at_half_past_two, 180},
    {"45 0 1 * 0 for 5h", NULL, on_sundays_and_the_first, 300},
    {"10 */2 * * * for 45m", NULL, every_second_hour, 45},
};

/* Whether the clock shows a start for the first time in this minute, or skipped one. `shown` is
 * the local minute, `highest` the highest one shown before. */
static bool begins(const struct rule *rule, int64_t shown, int64_t highest)
{
    for (int64_t minute = highest + 1; minute <= shown; minute++) {
        time_t seconds = (time_t)(minute * 60);
        struct tm parts;
        gmtime_r(&seconds, &parts);
        if (rule->starts(&parts))
            return true;
    }
    return false;
}

enum { DAYS = 12, MINUTES = DAYS * 1440, LEAD = 3 * 1440 };

/* What the clock of TZ says through the minutes from `from_s` on. */
static void walk_minutes(const struct rule *rule, int64_t from_s, bool *ret_open)
{
    int64_t highest = 0;
    int64_t open_until = 0;
    for (int i = -LEAD; i < MINUTES; i++) {
        time_t at = (time_t)(from_s + i * 60);
        struct tm now;
        struct tm yesterday;
        localtime_r(&at, &now);
        int64_t shown = (at + now.tm_gmtoff) / 60;
        if (i == -LEAD)
            highest = shown - 1;
        if (rule->starts && shown > highest && begins(rule, shown, highest))
            open_until = at + rule->lasts_min * 60;
        highest = shown > highest ? shown : highest;
        if (i < 0)
            continue;
        time_t before = (time_t)(shown * 60 - 86400);
        gmtime_r(&before, &yesterday);
        ret_open[i] = rule->starts ? at < open_until : rule->shown(&now, &yesterday);
    }
}

static void compare(const char *zone, const struct rule *rule, int64_t from_s)
{
    static bool open[MINUTES];
    char text[96];
    snprintf(text, sizeof text, "%s %s", rule->text, zone);
    struct ek_window *window = window_of(text);
    const struct ek_window *windows[] = {window};
    walk_minutes(rule, from_s, open);
    for (int i = 0; i < MINUTES; i++)
        if (ek_window_open_at(window, from_s + i * 60) != open[i])
            fail_msg("%s at %lld: %s", text, (long long)(from_s + i * 60),
                     open[i] ? "should be open" : "should be closed");
    int changes = MINUTES;
    for (int i = MINUTES - 1; i-- > 0;) {
        if (open[i] != open[i + 1])
            changes = i + 1;
        if (changes == MINUTES || i % 37 != 0)
            continue;
        struct ek_windows_answer answer;
        ek_windows_at(windows, 1, from_s + i * 60 + 30, &answer);
        if (answer.open != open[i] || answer.changes_s != from_s + changes * 60)
            fail_msg("%s at %lld: changes at %lld, not %lld", text, (long long)(from_s + i * 60),
                     (long long)(from_s + changes * 60), (long long)answer.changes_s);
    }
    ek_window_free(window);
}

/* Several windows are open while one of them is. */
static void compare_together(const char *zone, const struct rule *one, const struct rule *two,
                             int64_t from_s)
{
    static bool open[MINUTES];
    static bool other[MINUTES];
    char texts[2][96];
    snprintf(texts[0], sizeof texts[0], "%s %s", one->text, zone);
    snprintf(texts[1], sizeof texts[1], "%s %s", two->text, zone);
    struct ek_window *windows[] = {window_of(texts[0]), window_of(texts[1])};
    walk_minutes(one, from_s, open);
    walk_minutes(two, from_s, other);
    for (int i = 0; i < MINUTES; i++)
        open[i] = open[i] || other[i];
    int changes = MINUTES;
    for (int i = MINUTES - 1; i-- > 0;) {
        if (open[i] != open[i + 1])
            changes = i + 1;
        if (changes == MINUTES || i % 41 != 0)
            continue;
        struct ek_windows_answer answer;
        ek_windows_at((const struct ek_window *const *)windows, 2, from_s + i * 60, &answer);
        if (answer.open != open[i] || answer.changes_s != from_s + changes * 60)
            fail_msg("%s and %s at %lld: changes at %lld, not %lld", texts[0], texts[1],
                     (long long)(from_s + i * 60), (long long)(from_s + changes * 60),
                     (long long)answer.changes_s);
        assert_true(answer.which < 2);
    }
    ek_window_free(windows[0]);
    ek_window_free(windows[1]);
}

static void as_the_clock_on_the_wall(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
        "Asia/Tehran",   "Pacific/Chatham",  "Africa/Casablanca",   "UTC"};
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        setenv("TZ", zones[z], 1);
        tzset();
        for (int year = 2024; year <= 2030; year += 6) {
            long offset = -1;
            struct tm first = {.tm_year = year - 1900, .tm_mday = 1};
            time_t begin = timegm(&first);
            for (int day = 0; day < 365; day++) {
                time_t at = begin + day * 86400;
                struct tm now;
                localtime_r(&at, &now);
                bool changed = offset != -1 && offset != now.tm_gmtoff;
                offset = now.tm_gmtoff;
                if (!changed && day != 100)
                    continue;
                size_t r = ((size_t)day + z + (size_t)year) % (sizeof rules / sizeof *rules);
                compare(zones[z], &rules[r], (int64_t)at - 6 * 86400);
                compare_together(zones[z], &rules[r], &rules[(r + 3) % 7], (int64_t)at - 6 * 86400);
            }
        }
    }
    unsetenv("TZ");
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),
        cmocka_unit_test(when_the_clock_changes),
        cmocka_unit_test(never_seen_in_the_gap),
        cmocka_unit_test(several_together),
        cmocka_unit_test(never_and_ever),
        cmocka_unit_test(what_is_wrong_and_where),
        cmocka_unit_test(as_the_clock_on_the_wall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
