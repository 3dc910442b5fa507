/* A member's unit on a host reached by SSH: what it does, starting it, stopping it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/files.h"
#include "drivers/host/server_arguments.h"
#include "drivers/host/server_configuration.h"
#include "drivers/host/ssh.h"
#include "drivers/host/ssh_call.h"
#include "drivers/host/unit_words.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/proc.h"

/* How long a started server is watched for an early end. */
enum { WATCH_MS = 1000, POLL_MS = 100, CONFIGURATION_MAX = 1 << 20 };

struct unit {
    char active[32];
    bool masked;
    bool marked;        /* a restart was begun */
    int64_t pid;        /* of a process that lives; 0: none */
    int64_t started_ms; /* by the host's clock */
    int64_t age_ms;
    int64_t now_ms;         /* by the host's clock; 0: it does not tell when it booted */
    struct ek_buffer shown; /* what its host says of it */
};

static void free_unit(struct unit *unit)
{
    ek_buffer_done(&unit->shown);
}
#define EK_UNIT EK_CLEANUP(free_unit) struct unit

/* The value of a "key=value" line, "" when there is none; up to its line end. */
static const char *value_of(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, key, length) == 0 && line[length] == '=')
            return line + length + 1;
    return "";
}

static bool is(const char *value, const char *word)
{
    size_t length = strlen(word);
    return strncmp(value, word, length) == 0 && (value[length] == '\n' || !value[length]);
}

static void process_of(const char *text, struct unit *unit)
{
    const char *stat = value_of(text, "stat");
    const char *state = ek_proc_stat_field(stat, EK_PROC_STATE);
    int64_t boot_ms = strtoll(value_of(text, "btime"), NULL, 10) * 1000;
    int64_t up_ms = (int64_t)(strtod(value_of(text, "uptime"), NULL) * 1000);
    unit->now_ms = boot_ms > 0 ? boot_ms + up_ms : 0;
    if (!*stat || strchr("ZXx", *state))
        return;
    int64_t per_second = strtoll(value_of(text, "ticks"), NULL, 10);
    int64_t ticks = strtoll(ek_proc_stat_field(stat, EK_PROC_START), NULL, 10);
    int64_t since_boot_ms = ticks * 1000 / (per_second > 0 ? per_second : 100);
    unit->pid = strtoll(value_of(text, "MainPID"), NULL, 10);
    unit->started_ms = boot_ms + since_boot_ms;
    unit->age_ms = up_ms - since_boot_ms;
}

static int look(const struct ek_host *host, int64_t deadline, struct unit *ret_unit,
                struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    const struct ek_ssh_question question = {.operation = "unit", .subject = host->unit};
    int result = ek_ssh_ask(host, &question, deadline, &answer, err);
    if (result != 0)
        return result;
    const char *text = ek_buffer_text(&answer.output);
    const char *active = value_of(text, "ActiveState");
    if (is(value_of(text, "LoadState"), "not-found"))
        return ek_fail(err, EK_NOT_FOUND, "EK-0417", "%s: systemd knows no unit '%s'",
                       host->ssh->host, host->unit);
    struct unit unit = {.masked = is(value_of(text, "LoadState"), "masked"),
                        .marked = is(value_of(text, "mark"), "yes")};
    snprintf(unit.active, sizeof unit.active, "%.*s", (int)strcspn(active, "\n"), active);
    process_of(text, &unit);
    ek_buffer_done(&ret_unit->shown);
    unit.shown = answer.output;
    answer.output = (struct ek_buffer){0};
    *ret_unit = unit;
    return 0;
}

static int check_mask(const struct ek_host *host, const struct unit *unit, struct ek_error *err)
{
    return unit->masked ? ek_ssh_last_word(host, host->unit, "masked", "", err) : 0;
}

/* A file of the host's; nothing when it can't be read. */
struct reader {
    const struct ek_host *host;
    int64_t deadline;
};

static void read_text(void *context, const char *path, struct ek_buffer *ret_text)
{
    const struct reader *reader = context;
    EK_FILE file = {0};
    const struct ek_file_question question = {path, CONFIGURATION_MAX};
    int result = ek_ssh_read_file(reader->host, &question, reader->deadline, &file, NULL);
    if (result == 0)
        ek_buffer_add(ret_text, ek_buffer_text(&file.content), file.content.length);
    else if (result == EK_NO_MEMORY)
        ek_buffer_fail(ret_text);
}

static int options_of(const struct ek_host *host, const char *shown, int64_t deadline,
                      struct ek_host_options *ret_options, struct ek_error *err)
{
    struct reader reader = {host, deadline};
    const struct ek_unit_files files = {&reader, read_text};
    const char *line = value_of(shown, "cmdline");
    EK_BUFFER running = {0};
    EK_BUFFER next = {0};
    EK_BUFFER file = {0};
    ek_server_words_add(&running, line, strcspn(line, "\n"));
    ek_unit_words(shown, &files, &next);
    bool unread = running.length == 0 || next.length == 0;
    if (unread)
        snprintf(ret_options->lost, sizeof ret_options->lost, "%s", EK_HOST_OPTIONS_UNREAD);
    else
        read_text(&reader, host->configuration, &file);
    if (running.failed || next.failed || file.failed)
        return ek_no_memory(err);
    const struct ek_server_start start = {
        &running, &next, {ek_buffer_text(&file), file.length, host->configuration}};
    return unread ? 0 : ek_server_arguments_compare(&start, ret_options, err);
}

/* An unreadable file gives the defaults, as with the other drivers; a lost host is an error. */
static int configuration_of(const struct ek_host *host, int64_t deadline,
                            struct ek_server_configuration *ret_configuration, struct ek_error *err)
{
    EK_FILE file = {0};
    struct ek_error why = {0};
    const struct ek_file_question question = {host->configuration, CONFIGURATION_MAX};
    int result = ek_ssh_read_file(host, &question, deadline, &file, &why);
    if (result == EK_UNREACHABLE || result == EK_TIMEOUT) {
        if (err)
            *err = why;
        return result;
    }
    if (result != 0 ||
        ek_server_configuration_parse(ek_buffer_text(&file.content), file.content.length,
                                      host->configuration, ret_configuration, NULL) != 0)
        *ret_configuration =
            (struct ek_server_configuration){.port = 27017, .mode = EK_SSL_UNKNOWN};
    return 0;
}

static int has_content(const struct ek_host *host, const char *directory, int64_t deadline,
                       bool *ret_content, struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    const char *const arguments[] = {directory, NULL};
    const struct ek_ssh_question question = {
        .operation = "content", .arguments = arguments, .subject = directory};
    int result = ek_ssh_ask(host, &question, deadline, &answer, err);
    if (result == 0)
        *ret_content = is(ek_buffer_text(&answer.output), "yes");
    return result;
}

int ek_ssh_facts(const struct ek_host *host, int64_t deadline, struct ek_host_facts *ret_facts,
                 struct ek_error *err)
{
    EK_UNIT unit = {0};
    struct ek_server_configuration configuration = {0};
    bool data = false;
    int result = look(host, deadline, &unit, err);
    if (result == 0)
        result = check_mask(host, &unit, err);
    if (result == 0)
        result = configuration_of(host, deadline, &configuration, err);
    if (result != 0)
        return result;
    result = has_content(host, configuration.db_path ? configuration.db_path : "/data/db", deadline,
                         &data, err);
    ek_server_configuration_done(&configuration);
    struct ek_host_options options = {.lost = ""};
    if (result == 0 && unit.pid != 0)
        result = options_of(host, ek_buffer_text(&unit.shown), deadline, &options, err);
    if (result != 0)
        return result;
    *ret_facts = (struct ek_host_facts){.running = unit.pid != 0,
                                        .pid = unit.pid,
                                        .started_ms = unit.started_ms,
                                        .age_ms = unit.age_ms,
                                        .now_ms = unit.now_ms,
                                        .restart_begun = unit.marked && unit.pid == 0,
                                        .data_present = data,
                                        .options = options};
    return 0;
}

/* ---- start and stop ---- */

static int ask(const struct ek_host *host, const char *operation, const char *argument,
               int64_t deadline, struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    const char *const arguments[] = {argument, NULL};
    const struct ek_ssh_question question = {
        .operation = operation, .arguments = arguments, .subject = host->unit, .changes = true};
    return ek_ssh_ask(host, &question, deadline, &answer, err);
}

static int ended_at_once(const struct ek_host *host, const char *log_path, const char *words,
                         int64_t deadline, struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    EK_BUFFER log = {0};
    const char *const arguments[] = {log_path, NULL};
    const struct ek_ssh_question question = {
        .operation = "tail", .arguments = arguments, .subject = log_path};
    if (log_path && ek_ssh_ask(host, &question, deadline, &answer, NULL) == 0 &&
        answer.output.length > 0)
        ek_host_log_errors(answer.output.bytes, &log);
    ek_fail(err, EK_CONFLICT, "EK-0404", "%s: %s: the server ended right after its start",
            host->ssh->host, host->unit);
    ek_cause(err, "%s%s%s", words, *words && log.length ? " | " : "", ek_buffer_text(&log));
    return EK_CONFLICT;
}

static int watch(const struct ek_host *host, const char *log_path, int64_t deadline,
                 struct ek_error *err)
{
    int64_t end = ek_monotonic_ms() + WATCH_MS;
    for (;; ek_sleep_ms(POLL_MS)) {
        EK_UNIT unit = {0};
        int result = look(host, deadline, &unit, err);
        if (result != 0)
            return result;
        if (unit.pid == 0 && strcmp(unit.active, "activating") != 0)
            return ended_at_once(host, log_path, unit.active, deadline, err);
        if (unit.pid != 0 && ek_time_left_ms(end) == 0)
            return 0;
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0404", "%s: %s has no process at the deadline",
                           host->ssh->host, host->unit);
    }
}

static int start(const struct ek_host *host, bool expand_exec, int64_t deadline,
                 struct ek_error *err)
{
    EK_UNIT unit = {0};
    struct ek_server_configuration configuration = {0};
    struct ek_error why = {0};
    int result = look(host, deadline, &unit, err);
    if (result == 0)
        result = check_mask(host, &unit, err);
    if (result == 0 && unit.pid != 0)
        result = ek_fail(err, EK_EXISTS, "EK-0402", "%s: %s runs already, as process %lld",
                         host->ssh->host, host->unit, (long long)unit.pid);
    if (result == 0)
        result = configuration_of(host, deadline, &configuration, err);
    if (result != 0)
        return result;
    bool expand = expand_exec || configuration.password_by_exec;
    result = ask(host, "start", expand ? "expand" : "plain", deadline, &why);
    if (result == EK_SYSTEM && strcmp(why.id, "EK-0416") == 0)
        result = ended_at_once(host, configuration.log_path, why.cause, deadline, err);
    else if (result != 0 && err)
        *err = why;
    if (result == 0)
        result = watch(host, configuration.log_path, deadline, err);
    ek_server_configuration_done(&configuration);
    return result == 0 ? ask(host, "started", NULL, deadline, err) : result;
}

/* systemd's own patience has no end meanwhile, so that it never kills the server. */
static int wait_for_end(const struct ek_host *host, int64_t deadline, struct ek_error *err)
{
    for (;; ek_sleep_ms(POLL_MS)) {
        EK_UNIT unit = {0};
        int result = look(host, deadline, &unit, err);
        if (result != 0 && result != EK_TIMEOUT)
            return result;
        if (unit.pid == 0 &&
            (strcmp(unit.active, "inactive") == 0 || strcmp(unit.active, "failed") == 0))
            return ask(host, "stopped", NULL, deadline, err);
        if (result != 0 || ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0405", "%s: %s has not stopped", host->ssh->host,
                           host->unit);
    }
}

static int stop(const struct ek_host *host, bool restarting, int64_t deadline, struct ek_error *err)
{
    EK_UNIT unit = {0};
    int result = look(host, deadline, &unit, err);
    if (result == 0)
        result = check_mask(host, &unit, err);
    if (result == 0 && restarting)
        result = ask(host, "begin", NULL, deadline, err);
    if (result == 0)
        result = ask(host, "stop", NULL, deadline, err);
    return result == 0 ? wait_for_end(host, deadline, err) : result;
}

int ek_ssh_service(const struct ek_host *host, enum ek_service_verb verb, bool expand_exec,
                   int64_t deadline, struct ek_error *err)
{
    int result = 0;
    if (verb != EK_SERVICE_START)
        result = stop(host, verb == EK_SERVICE_RESTART, deadline, err);
    if (result == 0 && verb != EK_SERVICE_STOP)
        result = start(host, expand_exec, deadline, err);
    if (result != 0)
        ek_wrap(err, "%s/%s", host->deployment, host->member);
    return result;
}
