/* Windows as people write them: strict, and exact about what is wrong where. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/file.h"
#include "specs/text.h"
#include "specs/window_internal.h"

#define EXAMPLES                                                                                   \
    "sat 02:00-05:00 Europe/Berlin, daily 22:00-04:00 UTC, first sun 02:00-06:00 UTC, or "         \
    "0 2 * * 6 for 3h UTC"

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const ordinals[] = {"first", "second", "third", "fourth", "last", NULL};

struct reader {
    const char *text;
    const char *at; /* what was not read yet */
    struct ek_window *window;
    struct ek_window_problem *problem;
};

/* A word of the text. */
struct word {
    const char *at;
    size_t length;
};

static bool wrong(struct reader *reader, const char *id, struct word where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool wrong(struct reader *reader, const char *id, struct word where, const char *format, ...)
{
    struct ek_window_problem *problem = reader->problem;
    va_list args;
    *problem = (struct ek_window_problem){.id = id,
                                          .offset = (size_t)(where.at - reader->text),
                                          .length = where.length ? where.length : 1};
    va_start(args, format);
    vsnprintf(problem->sentence, sizeof problem->sentence, format, args);
    va_end(args);
    return false;
}

#define HINT(reader, ...)                                                                          \
    (snprintf((reader)->problem->hint, sizeof(reader)->problem->hint, __VA_ARGS__), false)

static struct word next_word(struct reader *reader)
{
    reader->at += strspn(reader->at, " ");
    struct word word = {reader->at, strcspn(reader->at, " ")};
    reader->at += word.length;
    return word;
}

static bool is_word(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

static int find(struct word word, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (is_word(word, names[i]))
            return i;
    return -1;
}

/* The name that a longer or misspelt one was meant to be. */
static const char *meant(struct word word, const char *const *names)
{
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)(word.length < 31 ? word.length : 31), word.at);
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (int i = 0; names[i]; i++)
        if (strncmp(text, names[i], 3) == 0)
            return names[i];
    return ek_text_nearest(text, names);
}

/* Digits alone, at most `longest` of them. */
static bool read_number(struct word word, size_t longest, int *ret_number)
{
    int number = 0;
    if (word.length == 0 || word.length > longest)
        return false;
    for (size_t i = 0; i < word.length; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        number = number * 10 + (word.at[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* The part before `separator`, which is taken off; all of it when there is none. */
static struct word split(struct word *word, char separator)
{
    const char *found = memchr(word->at, separator, word->length);
    size_t length = found ? (size_t)(found - word->at) : word->length;
    struct word part = {word->at, length};
    size_t gone = found ? length + 1 : length;
    word->at += gone;
    word->length -= gone;
    return part;
}

/* ---- days ----------------------------------------------------------------------------- */

static bool read_day(struct reader *reader, struct word word, int *ret_day)
{
    *ret_day = find(word, day_names);
    if (*ret_day >= 0)
        return true;
    wrong(reader, "EK-1110", word, "\"%.*s\" is not a day of the week",
          (int)(word.length < 40 ? word.length : 40), word.at);
    const char *near = word.length ? meant(word, day_names) : NULL;
    return near ? HINT(reader, "did you mean \"%s\"?", near)
                : HINT(reader, "mon, tue, wed, thu, fri, sat or sun");
}

static bool read_days(struct reader *reader, struct word words)
{
    for (;;) {
        struct word range = split(&words, ',');
        bool more = range.at + range.length < words.at;
        struct word last = range;
        struct word first = split(&last, '-');
        int from;
        int to;
        if (!read_day(reader, first, &from))
            return false;
        bool alone = first.length == range.length;
        if (!alone && !read_day(reader, last, &to))
            return false;
        for (int day = from;; day = (day + 1) % 7) {
            reader->window->weekdays |= 1U << day;
            if (alone || day == to)
                break;
        }
        if (!more)
            return true;
    }
}

/* ---- times ---------------------------------------------------------------------------- */

static bool read_time(struct reader *reader, struct word word, bool end, int64_t *ret_second)
{
    struct word minutes = word;
    struct word hours = split(&minutes, ':');
    int hour;
    int minute;
    bool sound = hours.length == 2 && minutes.length == 2 && read_number(hours, 2, &hour) &&
                 read_number(minutes, 2, &minute) && minute < 60 &&
                 (hour < 24 || (end && hour == 24 && minute == 0));
    if (sound) {
        *ret_second = hour * 3600 + minute * 60;
        return true;
    }
    wrong(reader, "EK-1110", word, "\"%.*s\" is not a time of day",
          (int)(word.length < 40 ? word.length : 40), word.at);
    return HINT(reader, "two digits each, from 00:00 to %s", end ? "24:00" : "23:59");
}

static bool read_times(struct reader *reader)
{
    struct word word = next_word(reader);
    struct word end = word;
    struct word begin = split(&end, '-');
    struct ek_window *window = reader->window;
    if (word.length == 0) {
        wrong(reader, "EK-1110", (struct word){word.at, 1}, "the times are missing");
        return HINT(reader, "such as 02:00-05:00");
    }
    if (!read_time(reader, begin, false, &window->begin_s))
        return false;
    if (begin.length == word.length) {
        wrong(reader, "EK-1110", word, "when the window ends is missing");
        return HINT(reader, "such as %.5s-05:00", begin.at);
    }
    if (!read_time(reader, end, true, &window->end_s))
        return false;
    if (window->begin_s != window->end_s)
        return true;
    wrong(reader, "EK-1110", word, "the window ends when it begins");
    return HINT(reader, "a whole day is 00:00-24:00");
}

/* ---- zones ---------------------------------------------------------------------------- */

static const char *zone_directory(void)
{
    const char *directory = getenv("TZDIR");
    return directory && directory[0] == '/' ? directory : "/usr/share/zoneinfo";
}

/* Names as the tz database has them; nothing that leads out of its directory. */
static bool is_zone_name(struct word word)
{
    for (size_t i = 0; i < word.length; i++) {
        bool first = i == 0 || word.at[i - 1] == '/';
        char c = word.at[i];
        bool good = isalpha((unsigned char)c) ||
                    (!first && (isdigit((unsigned char)c) || strchr("_+-/", c)));
        if (!good)
            return false;
    }
    return word.length > 0 && word.length < 64 && word.at[word.length - 1] != '/';
}

static bool zone_exists(const char *name)
{
    static const char *const of_the_machine[] = {"localtime", "posixrules", "Factory", NULL};
    EK_BUFFER path = {0};
    struct stat status;
    for (size_t i = 0; of_the_machine[i]; i++)
        if (strcmp(name, of_the_machine[i]) == 0)
            return false;
    if (strcmp(name, "UTC") == 0)
        return true;
    ek_buffer_printf(&path, "%s/%s", zone_directory(), name);
    return !path.failed && stat(ek_buffer_text(&path), &status) == 0 && S_ISREG(status.st_mode);
}

/* The name in the tz database that was probably meant; false for none. */
static bool near_zone(const char *name, char ret_near[64])
{
    enum { ZONES_MAX = 700 };
    EK_BUFFER path = {0};
    EK_BUFFER table = {0};
    struct ek_error ignored = {0};
    const char *names[ZONES_MAX + 1] = {0};
    size_t count = 0;
    ek_buffer_printf(&path, "%s/zone1970.tab", zone_directory());
    if (ek_file_read(ek_buffer_text(&path), 1 << 20, &table, NULL, &ignored) != 0)
        return false;
    char *rest = NULL;
    for (char *line = strtok_r(table.bytes, "\n", &rest); line && count < ZONES_MAX;
         line = strtok_r(NULL, "\n", &rest)) {
        char *field = strchr(line, '\t');
        field = line[0] == '#' || !field ? NULL : strchr(field + 1, '\t');
        if (!field)
            continue;
        field[1 + strcspn(field + 1, "\t")] = 0;
        names[count++] = field + 1;
    }
    const char *near = ek_text_nearest(name, names);
    /* "Berlin" is enough to be understood, not to be taken. */
    for (size_t i = 0; i < count && !near; i++) {
        const char *city = strrchr(names[i], '/');
        if (city && strcasecmp(city + 1, name) == 0)
            near = names[i];
    }
    if (near)
        snprintf(ret_near, 64, "%s", near);
    return near != NULL;
}

static bool read_zone(struct reader *reader)
{
    struct word word = next_word(reader);
    char name[64] = "";
    char near[64];
    if (word.length == 0) {
        wrong(reader, "EK-1111", (struct word){word.at, 1}, "the time zone is missing");
        return HINT(reader, "such as UTC or Europe/Berlin, at the end");
    }
    if (is_zone_name(word)) {
        snprintf(name, sizeof name, "%.*s", (int)word.length, word.at);
        if (zone_exists(name))
            reader->window->zone = g_time_zone_new_identifier(name);
    }
    if (reader->window->zone)
        return true;
    wrong(reader, "EK-1111", word, "there is no time zone \"%.*s\"",
          (int)(word.length < 63 ? word.length : 63), word.at);
    if (name[0] && near_zone(name, near))
        return HINT(reader, "did you mean %s?", near);
    return HINT(reader, "a name of the tz database (package tzdata), such as UTC or Europe/Berlin");
}

static bool read_end(struct reader *reader)
{
    struct word word = next_word(reader);
    if (word.length == 0)
        return true;
    wrong(reader, "EK-1110", (struct word){word.at, strlen(word.at)},
          "nothing can follow the time zone");
    return HINT(reader, "one window per entry, such as " EXAMPLES);
}

/* ---- cron ----------------------------------------------------------------------------- */

struct field {
    const char *name;
    int least, most;
    const char *const *names; /* for `least`, `least` + 1, …, or NULL */
};

static bool bad_field(struct reader *reader, struct word word, const struct field *field)
{
    wrong(reader, "EK-1110", word, "\"%.*s\" is not a %s",
          (int)(word.length < 40 ? word.length : 40), word.at, field->name);
    return HINT(reader, "numbers from %d to %d: 3, 1-5, */2 or 1,15", field->least, field->most);
}

static bool read_value(const struct field *field, struct word word, int *ret_value)
{
    int named = field->names ? find(word, field->names) : -1;
    if (named >= 0)
        *ret_value = field->least + named;
    else if (!read_number(word, 2, ret_value))
        return false;
    return *ret_value >= field->least && *ret_value <= field->most;
}

static bool read_range(struct reader *reader, const struct field *field, struct word range,
                       uint64_t *ret_set)
{
    struct word step_word = range;
    struct word values = split(&step_word, '/');
    int step = 1;
    int from = field->least;
    int to = field->most;
    bool stepped = values.length < range.length;
    if (stepped && (!read_number(step_word, 2, &step) || step < 1))
        return bad_field(reader, range, field);
    if (!is_word(values, "*")) {
        struct word last = values;
        struct word first = split(&last, '-');
        if (!read_value(field, first, &from))
            return bad_field(reader, first, field);
        bool alone = first.length == values.length;
        if (!alone && !read_value(field, last, &to))
            return bad_field(reader, last, field);
        if (alone && !stepped)
            to = from;
        if (to < from)
            return bad_field(reader, range, field);
    }
    for (int value = from; value <= to; value += step)
        *ret_set |= (uint64_t)1 << value;
    return true;
}

static bool read_field(struct reader *reader, const struct field *field, uint64_t *ret_set,
                       bool *ret_narrowed)
{
    struct word word = next_word(reader);
    *ret_set = 0;
    *ret_narrowed = !is_word(word, "*");
    if (word.length == 0) {
        wrong(reader, "EK-1110", (struct word){word.at, 1}, "the %s is missing", field->name);
        return HINT(reader, "minute, hour, day of the month, month, day of the week, then \"for "
                            "3h\" and the time zone");
    }
    for (;;) {
        struct word range = split(&word, ',');
        bool more = range.at + range.length < word.at;
        if (!read_range(reader, field, range, ret_set))
            return false;
        if (!more)
            return true;
    }
}

static bool read_minute(struct reader *reader)
{
    struct word word = next_word(reader);
    int minute;
    if (!read_number(word, 2, &minute) || minute > 59) {
        wrong(reader, "EK-1110", word, "\"%.*s\" is not a minute of the hour",
              (int)(word.length < 40 ? word.length : 40), word.at);
        return HINT(reader, "one number from 0 to 59: a window opens once in an hour at most");
    }
    reader->window->minute_s = minute * 60;
    return true;
}

static bool read_lasts(struct reader *reader)
{
    static const struct {
        char letter;
        int seconds;
    } units[] = {{'m', 60}, {'h', 3600}, {'d', EK_DAY_S}};
    enum { LONGEST_S = 7 * EK_DAY_S };
    struct word word = next_word(reader);
    int number = 0;
    if (!is_word(word, "for")) {
        wrong(reader, "EK-1110", word, "how long the window is open is missing");
        return HINT(reader, "\"for\" and a duration, such as 0 2 * * 6 for 3h UTC");
    }
    word = next_word(reader);
    struct word digits = {word.at, word.length ? word.length - 1 : 0};
    for (size_t i = 0; read_number(digits, 5, &number) && i < sizeof units / sizeof *units; i++)
        if (word.at[digits.length] == units[i].letter)
            reader->window->lasts_s = (int64_t)number * units[i].seconds;
    if (reader->window->lasts_s >= 60 && reader->window->lasts_s <= LONGEST_S)
        return true;
    wrong(reader, "EK-1110", word, "\"%.*s\" is not how long a window is open",
          (int)(word.length < 40 ? word.length : 40), word.at);
    return HINT(reader, "a whole number and one unit, from 1m to 7d, such as 90m or 3h");
}

static bool read_cron(struct reader *reader)
{
    static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
    static const struct field hour = {"hour", 0, 23, NULL};
    static const struct field day = {"day of the month", 1, 31, NULL};
    static const struct field month = {"month", 1, 12, month_names};
    static const struct field weekday = {"day of the week", 0, 7, weekdays};
    struct ek_window *window = reader->window;
    uint64_t hours;
    uint64_t days;
    uint64_t months;
    uint64_t of_week;
    bool narrowed;
    bool by_day;
    bool by_weekday;
    window->cron = true;
    if (!read_minute(reader) || !read_field(reader, &hour, &hours, &narrowed) ||
        !read_field(reader, &day, &days, &by_day) ||
        !read_field(reader, &month, &months, &narrowed) ||
        !read_field(reader, &weekday, &of_week, &by_weekday) || !read_lasts(reader))
        return false;
    window->hours = (unsigned)hours;
    window->days = (unsigned)days;
    window->months = (unsigned)months;
    for (unsigned i = 1; i <= 7; i++) /* cron counts from Sunday, which is 0 and 7 */
        window->weekdays |= (of_week >> i & 1 || (i == 7 && (of_week & 1))) ? 1U << (i - 1) : 0;
    window->either_day = by_day && by_weekday;
    return true;
}

/* ---- a window ------------------------------------------------------------------------- */

static bool read_window(struct reader *reader)
{
    struct reader ahead = *reader;
    struct word word = next_word(&ahead);
    int ordinal = find(word, ordinals);
    if (word.length == 0) {
        wrong(reader, "EK-1110", (struct word){reader->text, 1}, "the window is empty");
        return HINT(reader, "such as " EXAMPLES);
    }
    if (word.at[0] == '*' || isdigit((unsigned char)word.at[0]))
        return read_cron(reader) && read_zone(reader) && read_end(reader);
    reader->at = ahead.at;
    if (ordinal >= 0) {
        int day;
        if (!read_day(reader, next_word(reader), &day))
            return false;
        reader->window->weekdays = 1U << day;
        reader->window->ordinal = ordinals[ordinal + 1] ? ordinal + 1 : EK_ORDINAL_LAST;
    } else if (is_word(word, "daily")) {
        reader->window->weekdays = 0x7F;
    } else if (!read_days(reader, word)) {
        return false;
    }
    return read_times(reader) && read_zone(reader) && read_end(reader);
}

bool ek_window_parse(const char *text, struct ek_window **ret_window,
                     struct ek_window_problem *ret_problem)
{
    struct ek_window *window = calloc(1, sizeof *window);
    if (!window) {
        *ret_problem = (struct ek_window_problem){.id = "EK-0599", .sentence = "out of memory"};
        return false;
    }
    struct reader reader = {text, text, window, ret_problem};
    if (read_window(&reader)) {
        *ret_window = window;
        return true;
    }
    ek_window_free(window);
    return false;
}
