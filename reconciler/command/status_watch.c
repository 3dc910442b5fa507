#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/time_text.h"
#include "reconciler/command/screen.h"
#include "reconciler/command/status.h"
#include "reconciler/report/progress.h"
#include "reconciler/report/status_report.h"

enum {
    SPECS_AGAIN_MS = 30000, /* of a repository; a plain directory is read at each look */
    LEAST_INTERVAL_MS = 100,
    GRACE_MS = 1000, /* for a look that is under way when a signal comes */
};

/* What was last said of one deployment, where there is no terminal. */
struct said {
    char *name;
    char *line;
};

struct watch {
    const struct ek_options *options;
    sigset_t signals;
    bool terminal;
    bool colour;
    struct ek_fleet fleet;
    bool fleet_open;
    int64_t fleet_opened_ms;
    struct ek_error fleet_error; /* of the latest try */
    struct said *said;
    size_t said_count;
    struct ek_buffer last; /* the latest frame */
};

/* ---- signals: blocked everywhere, and asked for where it can wait -------------------------- */

static bool stopped_within(const struct watch *watch, int64_t ms)
{
    int64_t deadline = ek_monotonic_ms() + ms;
    for (;;) {
        int64_t left = ek_time_left_ms(deadline);
        const struct timespec wait = {.tv_sec = left / 1000,
                                      .tv_nsec = (long)(left % 1000) * 1000000L};
        int number = sigtimedwait(&watch->signals, NULL, &wait);
        if (number > 0)
            return true;
        if (errno != EINTR || left == 0)
            return false;
    }
}

/* ---- one look ----------------------------------------------------------------------------- */

struct look {
    const struct ek_fleet *fleet;
    struct ek_round round;
    struct ek_error error; /* nothing could be looked at */
    atomic_bool stop;
    atomic_bool over;
};

static void *look_once(void *context)
{
    struct look *look = context;
    ek_round_observe(look->fleet, &look->stop, &look->round, &look->error);
    atomic_store(&look->over, true);
    return NULL;
}

static void give_screen_back(struct watch *watch)
{
    EK_BUFFER text = {0};
    if (!watch->terminal)
        return;
    ek_screen_close(&text);
    ek_buffer_text_add(&text, ek_buffer_text(&watch->last));
    ek_print(&text);
}

/* True: a signal came. A look can take as long as a dead host is waited for; whoever wants to
 * leave does not wait for that, and nothing that looks needs to be put right after it. */
static bool look(struct watch *watch, struct ek_round *ret_round)
{
    struct look look = {.fleet = &watch->fleet};
    pthread_t thread;
    bool stopped = false;
    bool threaded = pthread_create(&thread, NULL, look_once, &look) == 0;
    if (!threaded)
        look_once(&look);
    while (!stopped && !atomic_load(&look.over))
        stopped = stopped_within(watch, 20);
    atomic_store(&look.stop, stopped);
    for (int64_t waited = 0; stopped && !atomic_load(&look.over); waited += 20) {
        if (waited >= GRACE_MS) {
            give_screen_back(watch);
            _exit(EK_EXIT_OK);
        }
        ek_sleep_ms(20);
    }
    if (threaded)
        pthread_join(thread, NULL);
    *ret_round = look.round;
    if (look.error.code)
        watch->fleet_error = look.error;
    return stopped;
}

/* ---- the specs ---------------------------------------------------------------------------- */

/* Specs that are wrong for a while (somebody is at work in them) leave the old ones in place. */
static int open_specs(struct watch *watch, bool *ret_said, struct ek_error *err)
{
    bool repository = watch->fleet_open && !watch->fleet.source.directory;
    int64_t now_ms = ek_monotonic_ms();
    if (repository && now_ms - watch->fleet_opened_ms < SPECS_AGAIN_MS)
        return 0;
    struct ek_fleet fresh;
    int result = ek_fleet_open(watch->options, &fresh, ret_said, err);
    watch->fleet_opened_ms = now_ms;
    if (result != 0)
        return result;
    if (watch->fleet_open)
        ek_fleet_done(&watch->fleet);
    watch->fleet = fresh;
    watch->fleet_open = true;
    return 0;
}

/* ---- on a terminal ------------------------------------------------------------------------ */

static void draw(struct watch *watch, const struct ek_round *round)
{
    EK_BUFFER frame = {0};
    EK_BUFFER text = {0};
    struct winsize size = {0};
    char now[EK_TIME_TEXT_SIZE];
    ek_time_text(ek_wall_ms(), false, now);
    ek_round_print(watch->options, round, watch->colour, &frame);
    ek_buffer_text_add(&frame, "\n");
    for (size_t i = 0; i < round->count; i++)
        if (round->assessment[i].error.code)
            ek_buffer_printf(&frame, "%s [%s]\n", round->assessment[i].error.sentence,
                             round->assessment[i].error.id);
    if (watch->fleet_error.code)
        ek_buffer_printf(&frame, "the specs can't be read, the old ones are shown: %s [%s]\n",
                         watch->fleet_error.sentence, watch->fleet_error.id);
    ek_buffer_printf(&frame, "%s\n", now);
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    ek_screen_draw(ek_buffer_text(&frame), size.ws_row, size.ws_col, &text);
    if (frame.failed || text.failed) /* the frame before stays; the next one is due soon */
        return;
    ek_print(&text);
    ek_buffer_done(&watch->last);
    watch->last = frame;
    frame = (struct ek_buffer){0};
}

/* ---- off a terminal ----------------------------------------------------------------------- */

static struct said *add_said(struct watch *watch, const char *name)
{
    struct said *more = realloc(watch->said, (watch->said_count + 1) * sizeof *more);
    if (!more)
        return NULL;
    watch->said = more;
    more[watch->said_count] = (struct said){.name = strdup(name)};
    return more[watch->said_count].name ? &more[watch->said_count++] : NULL;
}

/* Whether it is new about the deployment; remembered, so that it is said again for want of memory
 * only. */
static bool is_news(struct watch *watch, const char *name, const char *line)
{
    struct said *said = NULL;
    for (size_t i = 0; i < watch->said_count && !said; i++)
        if (strcmp(watch->said[i].name, name) == 0)
            said = &watch->said[i];
    if (said && said->line && strcmp(said->line, line) == 0)
        return false;
    if (!said && !(said = add_said(watch, name)))
        return true;
    free(said->line);
    said->line = strdup(line);
    return true;
}

static void add_json(json_t *object, const char *type, const char *now, struct ek_buffer *text)
{
    ek_json_set(&object, "type", json_string(type));
    ek_json_set(&object, "time", json_string(now));
    ek_json_add(object, JSON_COMPACT, text);
}

static void tell_planned(struct watch *watch, const struct ek_planned *planned,
                         struct ek_buffer *text)
{
    EK_BUFFER line = {0};
    char now[EK_TIME_TEXT_SIZE];
    ek_status_line(planned, &line);
    ek_buffer_fail_with(text, &line);
    if (!is_news(watch, planned->spec->name, ek_buffer_text(&line)))
        return;
    ek_time_text(planned->observed_ms, true, now);
    if (watch->options->output == EK_OUTPUT_JSON)
        add_json(ek_status_json_one(planned), "deployment", now, text);
    else
        ek_buffer_printf(text, "%s %s\n", now, ek_buffer_text(&line));
}

static void tell_error(struct watch *watch, const char *name, const struct ek_error *err,
                       struct ek_buffer *text)
{
    char now[EK_TIME_TEXT_SIZE];
    if (!is_news(watch, name, err->sentence))
        return;
    ek_time_text(ek_wall_ms(), true, now);
    if (watch->options->output == EK_OUTPUT_JSON)
        add_json(json_pack("{s:s, s:s, s:o}", "name", name, "id", err->id, "message",
                           ek_json_text(err->sentence)),
                 "error", now, text);
    else
        ek_buffer_printf(text, "%s %s [%s]\n", now, err->sentence, err->id);
}

static void tell(struct watch *watch, const struct ek_round *round)
{
    EK_BUFFER text = {0};
    for (size_t i = 0; i < round->good; i++)
        tell_planned(watch, &round->planned[i], &text);
    for (size_t i = 0; i < round->count; i++)
        if (round->assessment[i].error.code)
            tell_error(watch, round->assessment[i].spec->name, &round->assessment[i].error, &text);
    if (watch->fleet_error.code)
        tell_error(watch, "", &watch->fleet_error, &text);
    else
        is_news(watch, "", ""); /* should it come back, it is told again */
    ek_print(&text);
}

/* ---- again and again ---------------------------------------------------------------------- */

static void begin(struct watch *watch)
{
    EK_BUFFER text = {0};
    sigemptyset(&watch->signals);
    sigaddset(&watch->signals, SIGINT);
    sigaddset(&watch->signals, SIGTERM);
    sigaddset(&watch->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &watch->signals, NULL);
    watch->terminal = isatty(STDOUT_FILENO) && watch->options->output == EK_OUTPUT_TEXT;
    watch->colour = ek_colour_wanted(watch->options, STDOUT_FILENO);
    if (watch->terminal)
        ek_screen_open(&text);
    else if (watch->options->output == EK_OUTPUT_JSON)
        ek_progress_json_version(&text);
    ek_print(&text);
}

static void end(struct watch *watch)
{
    for (size_t i = 0; i < watch->said_count; i++) {
        free(watch->said[i].name);
        free(watch->said[i].line);
    }
    free(watch->said);
    ek_buffer_done(&watch->last);
    if (watch->fleet_open)
        ek_fleet_done(&watch->fleet);
}

static void watch_on(struct watch *watch)
{
    int64_t interval_ms = watch->options->watch_interval_ms;
    bool stopped = false;
    if (interval_ms < LEAST_INTERVAL_MS)
        interval_ms = LEAST_INTERVAL_MS;
    while (!stopped && !ferror(stdout)) {
        struct ek_round round;
        stopped = look(watch, &round);
        if (!stopped && watch->terminal)
            draw(watch, &round);
        else if (!stopped)
            tell(watch, &round);
        ek_round_done(&round);
        stopped = stopped || stopped_within(watch, interval_ms);
        struct ek_error err = {0};
        if (!stopped)
            open_specs(watch, NULL, &err);
        watch->fleet_error = err;
    }
}

int ek_status_watch(const struct ek_options *options)
{
    struct watch watch = {.options = options};
    struct ek_error err = {0};
    bool said = false;
    if (options->output == EK_OUTPUT_MARKDOWN)
        ek_fail(&err, EK_INVALID, "EK-0804", "--watch goes with --output text or json");
    else
        open_specs(&watch, &said, &err);
    if (err.code) {
        if (!said)
            ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    begin(&watch);
    watch_on(&watch);
    give_screen_back(&watch);
    end(&watch);
    return EK_EXIT_OK;
}
