/* host "system": servers that are systemd units of this machine. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/command.h"
#include "drivers/host/drivers.h"
#include "drivers/host/files.h"
#include "drivers/host/process.h"
#include "drivers/host/roots.h"
#include "drivers/host/servers.h"
#include "drivers/host/system_unit.h"
#include "reconciler/base/clock.h"

static void mark_path(const struct ek_host *host, char ret_path[static PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%s", ek_host_roots().restarting, host->unit);
}

static int facts(const struct ek_host *host, int64_t deadline, struct ek_host_facts *ret_facts,
                 struct ek_error *err)
{
    char mark[PATH_MAX];
    struct ek_unit unit = {0};
    struct ek_process process = {0};
    struct ek_server_configuration configuration = {0};
    EK_BUFFER next = {0};
    mark_path(host, mark);
    bool marked = ek_mark_is_set(mark);
    int result = host->ssh ? ek_host_is_here(host->ssh->host, deadline, err) : 0;
    if (result == 0)
        result = ek_unit_look_at_words(host->unit, deadline, &unit, &next, err);
    if (result != 0)
        return result;
    struct ek_host_options options = {.lost = ""};
    result = ek_process_if_alive(unit.main_pid, &process, err);
    if (result == 0 && process.pid)
        result = ek_host_options_of(host, process.pid, &next, &options, err);
    if (result == 0)
        result = ek_host_configuration(host, &configuration, err);
    if (result != 0)
        return result;
    const char *data = configuration.db_path ? configuration.db_path : "/data/db";
    *ret_facts = (struct ek_host_facts){
        .running = process.pid != 0,
        .pid = process.pid,
        .started_ms = process.started_ms,
        .age_ms = process.age_ms,
        .now_ms = ek_wall_ms(),
        .restart_begun = marked && process.pid == 0,
        .data_present = ek_directory_has_content(data),
        .options = options,
    };
    ek_server_configuration_done(&configuration);
    return 0;
}

static int servers(const struct ek_host *host, int64_t deadline,
                   struct ek_host_servers *ret_servers, struct ek_error *err)
{
    int result = host->ssh ? ek_host_is_here(host->ssh->host, deadline, err) : 0;
    return result ? result : ek_host_servers_here(host, deadline, ret_servers, err);
}

static int run(const struct ek_host *host, const struct ek_command *command, int64_t deadline,
               struct ek_command_result *ret_result, struct ek_error *err)
{
    (void)host;
    return ek_command_run(command, NULL, deadline, ret_result, err);
}

static int read_file(const struct ek_host *host, const struct ek_file_question *question,
                     int64_t deadline, struct ek_file *ret_file, struct ek_error *err)
{
    (void)host;
    (void)deadline;
    return ek_host_file_read(question, ret_file, err);
}

static int write_file(const struct ek_host *host, const struct ek_file_content *content,
                      int64_t deadline, struct ek_error *err)
{
    struct ek_owner owner;
    (void)deadline;
    int result = ek_owner_of(host->server_user, &owner, err);
    return result ? result : ek_host_file_write(content, &owner, err);
}

static int remove_file(const struct ek_host *host, const char *path, int64_t deadline,
                       struct ek_error *err)
{
    (void)host;
    (void)deadline;
    return ek_host_file_remove(path, err);
}

static int volatile_directory(const struct ek_host *host, int64_t deadline, char *ret_path,
                              size_t size, struct ek_error *err)
{
    struct ek_owner owner;
    (void)deadline;
    int result = ek_owner_of(host->server_user, &owner, err);
    return result ? result : ek_host_volatile_directory(host, &owner, ret_path, size, err);
}

/* ---- service ---- */

static int start(const struct ek_host *host, bool expand_exec, int64_t deadline,
                 struct ek_error *err)
{
    char mark[PATH_MAX];
    struct ek_unit unit = {0};
    struct ek_process process;
    struct ek_server_configuration configuration = {0};
    mark_path(host, mark);
    int result = ek_unit_observe(host->unit, deadline, &unit, err);
    if (result != 0)
        return result;
    result = ek_process_if_alive(unit.main_pid, &process, err);
    if (result != 0)
        return result;
    if (process.pid)
        return ek_fail(err, EK_EXISTS, "EK-0402", "%s runs already, as process %d", host->unit,
                       (int)unit.main_pid);
    result = ek_host_configuration(host, &configuration, err);
    if (result == 0)
        result = ek_unit_expansion(host->unit, expand_exec || configuration.password_by_exec,
                                   deadline, err);
    if (result == 0)
        result = ek_unit_start(host->unit, configuration.log_path, deadline, err);
    ek_server_configuration_done(&configuration);
    return result == 0 ? ek_mark_clear(mark, err) : result;
}

static int stop(const struct ek_host *host, bool restarting, int64_t deadline, struct ek_error *err)
{
    char mark[PATH_MAX];
    struct ek_unit unit = {0};
    mark_path(host, mark);
    int result = ek_unit_observe(host->unit, deadline, &unit, err);
    if (result == 0 && restarting)
        result = ek_mark_set(mark, unit.main_pid, err);
    return result == 0 ? ek_unit_stop(host->unit, unit.main_pid, deadline, err) : result;
}

static int service(const struct ek_host *host, enum ek_service_verb verb, bool expand_exec,
                   int64_t deadline, struct ek_error *err)
{
    int result = 0;
    if (verb != EK_SERVICE_START)
        result = stop(host, verb == EK_SERVICE_RESTART, deadline, err);
    if (result == 0 && verb != EK_SERVICE_STOP)
        return start(host, expand_exec, deadline, err);
    if (result != 0)
        ek_wrap(err, "%s/%s", host->deployment, host->member);
    return result;
}

static int fence(const struct ek_host *host, const struct ek_fence *wanted, int64_t deadline,
                 struct ek_fence_hold *ret_hold, struct ek_error *err)
{
    char path[PATH_MAX];
    char name[EK_HOST_NAME_SIZE];
    struct ek_owner owner;
    int result = ek_owner_of(host->server_user, &owner, err);
    if (result != 0)
        return result;
    ek_host_name(host, name);
    snprintf(path, sizeof path, "%s/%s/fence", ek_host_roots().members, name);
    const struct ek_fence_place place = {.path = path, .owner = &owner};
    result = ek_host_fence(&place, wanted, deadline, ret_hold, err);
    if (result != 0)
        ek_wrap(err, "%s/%s", host->deployment, host->member);
    return result;
}

const struct ek_host_driver ek_host_system = {
    .name = "system",
    .facts = facts,
    .servers = servers,
    .run = run,
    .read_file = read_file,
    .write_file = write_file,
    .remove_file = remove_file,
    .volatile_directory = volatile_directory,
    .service = service,
    .fence = fence,
};
