#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"
#include "reconciler/base/time_text.h"
#include "reconciler/command/fleet.h"
#include "reconciler/command/store.h"
#include "reconciler/report/palette.h"
#include "reconciler/report/progress.h"

enum { MOST = 100, COMMIT_SHOWN = 8 };

struct history {
    const struct ek_options *options;
    struct ek_store_handle store;
    char account[64];
    char deployment[64];
    bool colour;
    size_t shown;
};

/* ---- what is asked for ---------------------------------------------------------------- */

static int bad_value(const char *option, const char *value, const char *hint, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-0803", "%s can't be \"%s\"", option, value);
    return ek_hint(err, "%s", hint);
}

/* "7d": so long ago. */
static bool parse_ago(const char *text, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno != 0 || number > 1000000)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (end[0] == units[i].unit && !end[1]) {
            *ret_ms = ek_wall_ms() - number * units[i].ms;
            return true;
        }
    return false;
}

static bool parse_time(const char *text, int64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end && !*end) {
            *ret_ms = (int64_t)timegm(&parts) * 1000;
            return true;
        }
    }
    return false;
}

static int parse_limit(const char *text, size_t *ret_most, struct ek_error *err)
{
    char *end = NULL;
    if (!text) {
        *ret_most = MOST;
        return 0;
    }
    errno = 0;
    long number = strtol(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno != 0 || number > 1000000)
        return bad_value("--limit", text, "a number; 0 is all", err);
    *ret_most = (size_t)number;
    return 0;
}

static int name_deployment(struct history *history, struct ek_error *err)
{
    const char *text = history->options->argument_count ? history->options->arguments[0] : "";
    const char *slash = strchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    size_t length = slash ? (size_t)(slash - text) : 0;
    if (length >= sizeof history->account || strlen(name) >= sizeof history->deployment)
        return ek_fail(err, EK_INVALID, "EK-0804", "\"%.80s\" is no name of a deployment", text);
    memcpy(history->account, text, length);
    memcpy(history->deployment, name, strlen(name));
    return 0;
}

static int make_query(struct history *history, struct ek_store_query *ret_query,
                      struct ek_error *err)
{
    const struct ek_options *options = history->options;
    struct ek_store_query query = {.kind = options->kind};
    int result = name_deployment(history, err);
    if (result == 0)
        result = parse_limit(options->limit, &query.most, err);
    if (result == 0 && options->since && !parse_ago(options->since, &query.since_ms) &&
        !parse_time(options->since, &query.since_ms))
        result = bad_value("--since", options->since,
                           "90m, 12h, 7d, 2026-01-31 or 2026-01-31T02:00:00Z", err);
    query.account = history->account[0] ? history->account : NULL;
    query.deployment = history->deployment[0] ? history->deployment : NULL;
    if (result == 0)
        *ret_query = query;
    return result;
}

/* ---- showing -------------------------------------------------------------------------- */

/* What others wrote into the store never moves the cursor. */
static void add_plain(struct ek_buffer *line, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        ek_buffer_add(line, c < 0x20 || c == 0x7f ? "?" : text, 1);
    }
}

static bool bad_news(const char *kind)
{
    return strstr(kind, "fail") || strstr(kind, "refused") || strstr(kind, "lost");
}

static void print_text(const struct history *history, const struct ek_store_event *event)
{
    EK_BUFFER line = {0};
    char at[EK_TIME_TEXT_SIZE];
    ek_time_text(event->at_ms, true, at);
    const char *colour = history->colour && bad_news(event->kind) ? ek_palette(true)->remove : "";
    ek_buffer_printf(&line, "%s  ", at);
    if (event->deployment[0]) {
        add_plain(&line, event->account);
        ek_buffer_text_add(&line, "/");
        add_plain(&line, event->deployment);
    } else {
        ek_buffer_text_add(&line, "-");
    }
    ek_buffer_printf(&line, "  %s", colour);
    add_plain(&line, event->kind);
    ek_buffer_printf(&line, "%s  ", colour[0] ? ek_palette(true)->plain : "");
    add_plain(&line, event->text);
    ek_buffer_text_add(&line, event->text[0] ? "  (" : "(");
    add_plain(&line, event->who);
    if (event->commit[0]) {
        ek_buffer_text_add(&line, ", commit ");
        EK_BUFFER commit = {0};
        ek_buffer_add(&commit, event->commit, strnlen(event->commit, COMMIT_SHOWN));
        add_plain(&line, ek_buffer_text(&commit));
        ek_buffer_fail_with(&line, &commit);
    }
    ek_buffer_text_add(&line, ")\n");
    ek_print(&line);
}

/* Text that is no UTF-8 can't be JSON. */
static void print_json(json_t *json)
{
    EK_BUFFER line = {0};
    ek_json_add(json, JSON_COMPACT, &line);
    ek_print(&line);
}

static void print_event_json(const struct ek_store_event *event)
{
    char at[EK_TIME_TEXT_SIZE];
    json_t *json = json_object();
    json_t *detail = NULL;
    bool unread =
        ek_json_read(event->detail, strlen(event->detail), 0, &detail, NULL) == EK_INVALID;
    ek_time_text(event->at_ms, true, at);
    ek_json_set(&json, "type", json_string("event"));
    ek_json_set(&json, "number", json_integer(event->number));
    ek_json_set(&json, "at", json_string(at));
    ek_json_set(&json, "at_ms", json_integer(event->at_ms));
    ek_json_set(&json, "account", ek_json_text(event->account));
    ek_json_set(&json, "deployment", ek_json_text(event->deployment));
    ek_json_set(&json, "kind", ek_json_text(event->kind));
    ek_json_set(&json, "who", ek_json_text(event->who));
    ek_json_set(&json, "commit", ek_json_text(event->commit));
    ek_json_set(&json, "plan", ek_json_text(event->plan));
    ek_json_set(&json, "text", ek_json_text(event->text));
    ek_json_set(&json, "detail", unread ? json_object() : detail);
    ek_json_set(&json, "hash", ek_json_text(event->hash));
    print_json(json);
}

static bool print_event(void *context, const struct ek_store_event *event)
{
    struct history *history = context;
    history->shown++;
    if (history->options->output == EK_OUTPUT_JSON)
        print_event_json(event);
    else
        print_text(history, event);
    return true;
}

static int show(struct history *history, struct ek_error *err)
{
    struct ek_store_query query;
    int result = make_query(history, &query, err);
    if (result == 0)
        result =
            history->store.driver->events(history->store.store, &query, print_event, history, err);
    if (result != 0)
        return result;
    if (history->shown == 0)
        ek_say(history->options, "no such events");
    else if (query.most && history->shown == query.most && !history->options->limit)
        ek_say(history->options, "the latest %zu; -n 0 shows all", query.most);
    return 0;
}

/* ---- the chain ------------------------------------------------------------------------ */

static int check_chain(struct history *history, struct ek_error *err)
{
    int64_t events = 0;
    int64_t head = 0;
    char hash[EK_SHA256_HEX_SIZE];
    int result = ek_store_verify(&history->store, &events, err);
    if (result == 0)
        result = history->store.driver->head(history->store.store, &head, hash, err);
    if (result != 0)
        return result;
    if (history->options->output == EK_OUTPUT_JSON)
        print_json(json_pack("{s:s, s:I, s:s, s:b}", "type", "chain", "events", (json_int_t)events,
                             "hash", hash, "whole", 1));
    else {
        EK_BUFFER text = {0};
        ek_buffer_printf(
            &text, "The trail is whole: %" PRId64 " events. Number %" PRId64 " has the hash %s\n",
            events, head, head ? hash : "(none)");
        ek_print(&text);
    }
    return 0;
}

int ek_command_history(const struct ek_options *options)
{
    struct history history = {.options = options, .colour = ek_colour_wanted(options, 1)};
    struct ek_fleet fleet = {.options = options};
    struct ek_error err = {0};
    EK_BUFFER first = {0};
    if (options->output == EK_OUTPUT_JSON)
        ek_progress_json_version(&first);
    ek_print(&first);
    int result = ek_fleet_settings(&fleet, &err);
    if (result == 0)
        result = ek_store_of(options, fleet.controller.state_directory, true, &history.store, &err);
    if (result == 0)
        result = options->check_chain ? check_chain(&history, &err) : show(&history, &err);
    int status = result == 0 ? EK_EXIT_OK : ek_exit_status_of(&err);
    if (result == EK_CONFLICT && options->check_chain)
        status = EK_EXIT_VERIFY_FAILED;
    if (result != 0)
        ek_say_error(options, &err);
    ek_store_close(&history.store);
    ek_fleet_done(&fleet);
    return status;
}
