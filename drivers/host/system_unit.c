#include "drivers/host/system_unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/command.h"
#include "drivers/host/files.h"
#include "drivers/host/process.h"
#include "drivers/host/roots.h"
#include "drivers/host/unit_words.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"

enum { WATCH_MS = 1000, DROP_IN_MAX = 65536 };

/* systemctl with at most four words; its output when ret_output is not NULL. */
static int systemctl(const char *const words[4], int64_t deadline, struct ek_buffer *ret_output,
                     int *ret_status, struct ek_error *err)
{
    const char *argv[7] = {"systemctl", "--no-pager"};
    size_t count = 2;
    for (size_t i = 0; i < 4 && words[i]; i++)
        argv[count++] = words[i];
    const struct ek_command command = {.argv = argv};
    EK_COMMAND_RESULT ran = {0};
    int result = ek_command_run(&command, NULL, deadline, &ran, err);
    if (result != 0)
        return result;
    if (ret_status)
        *ret_status = ran.status;
    else if (ran.status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0416", "systemctl %s: exit status %d", words[0], ran.status);
        return ek_cause(err, "%s", ek_buffer_text(&ran.errors)), EK_SYSTEM;
    }
    if (ret_output) {
        *ret_output = ran.output;
        ran.output = (struct ek_buffer){0};
    }
    return 0;
}

/* The value of a "Key=value" line. */
static const char *property(const char *output, const char *key, size_t *ret_length)
{
    size_t key_length = strlen(key);
    for (const char *line = output; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, key, key_length) == 0 && line[key_length] == '=') {
            *ret_length = strcspn(line + key_length + 1, "\n");
            return line + key_length + 1;
        }
    *ret_length = 0;
    return "";
}

static void read_environment(void *context, const char *path, struct ek_buffer *ret_text)
{
    EK_FILE file = {0};
    const struct ek_file_question question = {path, DROP_IN_MAX};
    (void)context;
    int result = ek_host_file_read(&question, &file, NULL);
    if (result == 0)
        ek_buffer_add(ret_text, ek_buffer_text(&file.content), file.content.length);
    else if (result == EK_NO_MEMORY)
        ek_buffer_fail(ret_text);
}

int ek_unit_observe(const char *name, int64_t deadline, struct ek_unit *ret_unit,
                    struct ek_error *err)
{
    return ek_unit_look_at_words(name, deadline, ret_unit, NULL, err);
}

int ek_unit_look_at_words(const char *name, int64_t deadline, struct ek_unit *ret_unit,
                          struct ek_buffer *ret_words, struct ek_error *err)
{
    static const struct ek_unit_files files = {.read = read_environment};
    EK_BUFFER output = {0};
    size_t length;
    const char *properties =
        ret_words ? "--property=LoadState,ActiveState,MainPID," EK_UNIT_WORD_PROPERTIES
                  : "--property=LoadState,ActiveState,MainPID";
    int result = systemctl((const char *const[4]){"show", properties, "--", name}, deadline,
                           &output, NULL, err);
    if (result != 0)
        return result;
    const char *load = property(ek_buffer_text(&output), "LoadState", &length);
    if (length == 9 && strncmp(load, "not-found", 9) == 0)
        return ek_fail(err, EK_NOT_FOUND, "EK-0417", "systemd knows no unit '%s'", name);
    struct ek_unit unit = {0};
    const char *active = property(ek_buffer_text(&output), "ActiveState", &length);
    snprintf(unit.active, sizeof unit.active, "%.*s", (int)length, active);
    unit.main_pid = (pid_t)strtol(property(ek_buffer_text(&output), "MainPID", &length), NULL, 10);
    if (ret_words) {
        ek_unit_words(ek_buffer_text(&output), &files, ret_words);
        if (ret_words->failed)
            return ek_no_memory(err);
    }
    *ret_unit = unit;
    return 0;
}

/* ---- the drop-ins ---- */

static void drop_in_path(const char *root, const char *unit, const char *name,
                         char ret_path[static PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%s.d/%s", root, unit, name);
}

static int reload(int64_t deadline, struct ek_error *err)
{
    return systemctl((const char *const[4]){"daemon-reload"}, deadline, NULL, NULL, err);
}

static int put_drop_in(const char *path, const char *text, int64_t deadline, struct ek_error *err)
{
    EK_FILE now = {0};
    const struct ek_file_question question = {path, DROP_IN_MAX};
    if (ek_host_file_read(&question, &now, NULL) == 0 &&
        strcmp(ek_buffer_text(&now.content), text) == 0)
        return 0;
    const struct ek_file_content content = {path, text, strlen(text), 0644, false};
    int result = ek_host_file_write(&content, NULL, err);
    return result ? result : reload(deadline, err);
}

static int take_drop_in(const char *path, int64_t deadline, struct ek_error *err)
{
    if (access(path, F_OK) != 0)
        return 0;
    int result = ek_host_file_remove(path, err);
    return result ? result : reload(deadline, err);
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && strchr(" \t\r", **text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && strchr(" \t\r", (*text)[*length - 1]))
        (*length)--;
}

int ek_unit_command_line(const char *cat_output, const char *own_drop_in,
                         struct ek_buffer *ret_line, struct ek_error *err)
{
    EK_BUFFER joined = {0};
    EK_BUFFER found = {0};
    size_t count = 0;
    bool own = false;
    for (const char *c = cat_output; *c; c++) /* a line that ends in a backslash goes on */
        if (c[0] == '\\' && c[1] == '\n')
            ek_buffer_add(&joined, " ", 1), c++;
        else
            ek_buffer_add(&joined, c, 1);
    for (const char *line = ek_buffer_text(&joined); *line;) {
        size_t length = strcspn(line, "\n");
        const char *value = line;
        size_t value_length = length;
        if (strncmp(line, "# /", 3) == 0) /* the header that each file has */
            own = length - 2 == strlen(own_drop_in) &&
                  strncmp(line + 2, own_drop_in, length - 2) == 0;
        trim(&value, &value_length);
        if (!own && value_length >= 9 && strncmp(value, "ExecStart", 9) == 0) {
            value += 9;
            value_length -= 9;
            trim(&value, &value_length);
            if (value_length > 0 && *value == '=') {
                value++;
                value_length--;
                trim(&value, &value_length);
                if (value_length == 0)
                    count = 0; /* an empty one forgets those before */
                else
                    count++;
                ek_buffer_done(&found);
                ek_buffer_add(&found, value, value_length);
            }
        }
        line += length + (line[length] == '\n');
    }
    if (joined.failed || found.failed)
        return ek_no_memory(err);
    if (count != 1)
        return ek_fail(err, EK_UNSUPPORTED, "EK-0418", "the unit has %zu command lines, not one",
                       count);
    *ret_line = found;
    found = (struct ek_buffer){0};
    return 0;
}

int ek_unit_expansion(const char *name, bool wanted, int64_t deadline, struct ek_error *err)
{
    char path[PATH_MAX];
    EK_BUFFER output = {0};
    EK_BUFFER line = {0};
    drop_in_path(ek_host_roots().systemd, name, "50-evenkeel.conf", path);
    if (!wanted)
        return take_drop_in(path, deadline, err);
    int result = systemctl((const char *const[4]){"cat", "--", name}, deadline, &output, NULL, err);
    if (result == 0)
        result = ek_unit_command_line(ek_buffer_text(&output), path, &line, err);
    if (result != 0)
        return result;
    if (strstr(ek_buffer_text(&line), "--configExpand"))
        return take_drop_in(path, deadline, err);
    EK_BUFFER text = {0};
    ek_buffer_printf(&text,
                     "# By Evenkeel: the server reads its key's password by a command.\n"
                     "[Service]\nExecStart=\nExecStart=%s --configExpand exec\n",
                     ek_buffer_text(&line));
    result = ek_buffer_check(&text, err);
    return result != 0 ? result : put_drop_in(path, ek_buffer_text(&text), deadline, err);
}

/* ---- start and stop ---- */

static int ended_at_once(const char *name, const char *log_path, const char *words,
                         struct ek_error *err)
{
    EK_BUFFER log = {0};
    if (log_path)
        ek_host_file_tail(log_path, 0, &log);
    ek_fail(err, EK_CONFLICT, "EK-0404", "%s: the server ended right after its start", name);
    ek_cause(err, "%s%s%s", words, *words && log.length ? " | " : "", ek_buffer_text(&log));
    return EK_CONFLICT;
}

int ek_unit_start(const char *name, const char *log_path, int64_t deadline, struct ek_error *err)
{
    char stop_path[PATH_MAX];
    int status;
    struct ek_unit unit = {0};
    drop_in_path(ek_host_roots().systemd_runtime, name, "50-evenkeel-stop.conf", stop_path);
    int result = take_drop_in(stop_path, deadline, err);
    if (result == 0) /* a unit that failed too often is started all the same */
        result = systemctl((const char *const[4]){"reset-failed", "--", name}, deadline, NULL,
                           &status, err);
    if (result == 0)
        result =
            systemctl((const char *const[4]){"start", "--", name}, deadline, NULL, &status, err);
    if (result != 0)
        return result;
    if (status != 0)
        return ended_at_once(name, log_path, "systemctl start failed", err);
    int64_t end = ek_monotonic_ms() + WATCH_MS;
    for (;;) {
        struct ek_process process;
        result = ek_unit_observe(name, deadline, &unit, err);
        if (result != 0)
            return result;
        result = ek_process_if_alive(unit.main_pid, &process, err);
        if (result != 0)
            return result;
        bool alive = process.pid != 0;
        bool starting = strcmp(unit.active, "activating") == 0;
        if (!alive && !starting)
            return ended_at_once(name, log_path, unit.active, err);
        if (alive && (ek_process_listens(unit.main_pid) || ek_time_left_ms(end) == 0))
            return 0;
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0404", "%s has no process at the deadline", name);
        ek_sleep_ms(50);
    }
}

int ek_unit_stop(const char *name, pid_t main_pid, int64_t deadline, struct ek_error *err)
{
    char path[PATH_MAX];
    struct ek_process process = {0};
    int result = ek_process_if_alive(main_pid, &process, err);
    bool alive = process.pid != 0;
    drop_in_path(ek_host_roots().systemd_runtime, name, "50-evenkeel-stop.conf", path);
    if (result == 0)
        result = put_drop_in(path,
                             "# By Evenkeel, while it waits for this unit to stop.\n"
                             "[Service]\nTimeoutStopSec=infinity\n",
                             deadline, err);
    if (result == 0)
        result = systemctl((const char *const[4]){"stop", "--no-block", "--", name}, deadline, NULL,
                           NULL, err);
    if (result == 0 && alive)
        result = ek_process_wait(&process, deadline, err);
    if (result != 0)
        return result; /* the drop-in stays while systemd still waits; the next start removes it */
    for (struct ek_unit unit;;) {
        result = ek_unit_observe(name, deadline, &unit, err);
        if (result != 0)
            return result;
        if (strcmp(unit.active, "inactive") == 0 || strcmp(unit.active, "failed") == 0)
            return take_drop_in(path, deadline, err);
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0405", "%s is still %s", name, unit.active);
        ek_sleep_ms(20);
    }
}
