/* host "local": servers that Evenkeel starts itself, on this machine, and that outlive it.
 *
 * A server is known by `<directory>/mongod.pid` (pid and start time) and, when that file is
 * missing or old, by its command line in /proc: no state is needed to find it again. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/host/command.h"
#include "drivers/host/drivers.h"
#include "drivers/host/files.h"
#include "drivers/host/process.h"
#include "drivers/host/servers.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"

/* How long a started server is watched for an early end, unless it listens before. */
enum { WATCH_MS = 1000, PID_FILE_MAX = 256 };

static void path_in(const struct ek_host *host, const char *name, char ret_path[static PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%s", host->directory, name);
}

/* What write_pid_file writes. */
static bool read_pid_file(const char *text, pid_t *ret_pid, uint64_t *ret_ticks)
{
    static const char started[] = " started ";
    static const char ticks[] = " ticks ";
    char *at = NULL;
    long pid = strtol(text, &at, 10);
    if (pid <= 0 || pid > INT_MAX || strncmp(at, started, strlen(started)) != 0)
        return false;
    at += strlen(started);
    at += strspn(at, "0123456789");
    if (strncmp(at, ticks, strlen(ticks)) != 0)
        return false;
    const char *number = at + strlen(ticks);
    *ret_pid = (pid_t)pid;
    *ret_ticks = strtoull(number, &at, 10);
    return at > number;
}

static int pid_file_process(const struct ek_host *host, struct ek_process *ret_process,
                            struct ek_error *err)
{
    char path[PATH_MAX];
    EK_BUFFER text = {0};
    pid_t pid = -1;
    uint64_t ticks = 0;
    struct ek_process process;
    bool serves = false;
    path_in(host, "mongod.pid", path);
    int result = ek_file_read(path, PID_FILE_MAX, &text, NULL, err);
    if (result != 0)
        return result;
    if (!read_pid_file(ek_buffer_text(&text), &pid, &ticks))
        return EK_NOT_FOUND;
    result = ek_process_observe(pid, &process, err);
    if (result == 0)
        result = ek_process_serves(pid, host->configuration, &serves, err);
    if (result != 0)
        return result;
    if (process.ticks != ticks || !serves)
        return EK_NOT_FOUND;
    *ret_process = process;
    return 0;
}

static int find(const struct ek_host *host, struct ek_process *ret_process, struct ek_error *err)
{
    struct ek_error problem = {0};
    int result = pid_file_process(host, ret_process, &problem);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    return result == 0 ? 0 : ek_process_find(host->configuration, ret_process, err);
}

/* The next start names the file and nothing else; that it leaves our hands is as good as a fork. */
static int options_of(const struct ek_host *host, pid_t pid, struct ek_host_options *ret_options,
                      struct ek_error *err)
{
    EK_BUFFER next = {0};
    const char *const words[] = {"mongod", "--config", host->configuration, "--fork"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ek_buffer_add(&next, words[i], strlen(words[i]) + 1);
    int result = ek_host_options_of(host, pid, &next, ret_options, err);
    ret_options->added[0] = 0;
    return result;
}

static int facts(const struct ek_host *host, int64_t deadline, struct ek_host_facts *ret_facts,
                 struct ek_error *err)
{
    char mark[PATH_MAX];
    char data[PATH_MAX];
    struct ek_process process = {0};
    struct ek_server_configuration configuration = {0};
    (void)deadline;
    path_in(host, "evenkeel.restarting", mark);
    path_in(host, "db", data);
    /* The mark first: one that is set while the server starts up is not a failed restart. */
    bool marked = ek_mark_is_set(mark);
    int result = find(host, &process, err);
    if (result != 0)
        return result;
    result = ek_host_configuration(host, &configuration, err);
    if (result != 0)
        return result;
    struct ek_host_options options = {.lost = ""};
    if (process.pid)
        result = options_of(host, process.pid, &options, err);
    *ret_facts = (struct ek_host_facts){
        .running = process.pid != 0,
        .pid = process.pid,
        .started_ms = process.started_ms,
        .age_ms = process.age_ms,
        .now_ms = ek_wall_ms(),
        .restart_begun = marked && process.pid == 0,
        .data_present =
            ek_directory_has_content(configuration.db_path ? configuration.db_path : data),
        .options = options,
    };
    ek_server_configuration_done(&configuration);
    return result;
}

static int run(const struct ek_host *host, const struct ek_command *command, int64_t deadline,
               struct ek_command_result *ret_result, struct ek_error *err)
{
    const struct ek_command_setting setting = {.network_namespace = host->network_namespace};
    return ek_command_run(command, &setting, deadline, ret_result, err);
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
    (void)host;
    (void)deadline;
    return ek_host_file_write(content, NULL, err);
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
    (void)deadline;
    return ek_host_volatile_directory(host, NULL, ret_path, size, err);
}

/* ---- service ---- */

static int write_pid_file(const struct ek_host *host, const struct ek_process *process,
                          struct ek_error *err)
{
    char path[PATH_MAX];
    EK_BUFFER text = {0};
    path_in(host, "mongod.pid", path);
    ek_buffer_printf(&text, "%d started %" PRId64 " ticks %" PRIu64 "\n", (int)process->pid,
                     process->started_ms, process->ticks);
    const struct ek_file_content content = {path, text.bytes, text.length, 0644, false};
    int result = ek_buffer_check(&text, err);
    return result == 0 ? ek_host_file_write(&content, NULL, err) : result;
}

static int64_t file_size(const char *path)
{
    struct stat status;
    return path && stat(path, &status) == 0 ? status.st_size : 0;
}

/* A file that a server adds its words to, and from where on they are those of its last start. */
struct words_of_start {
    const char *path; /* or NULL: there is none */
    int64_t from;
};

static int ended_at_once(const struct ek_host *host, const struct words_of_start *log,
                         const struct words_of_start *output, struct ek_error *err)
{
    EK_BUFFER words = {0};
    if (log->path)
        ek_host_file_tail(log->path, log->from, &words);
    if (words.length > 0)
        ek_buffer_text_add(&words, " | ");
    ek_host_file_tail(output->path, output->from, &words);
    ek_fail(err, EK_CONFLICT, "EK-0404", "%s/%s: the server ended right after its start",
            host->deployment, host->member);
    ek_cause(err, "%s", words.length ? ek_buffer_text(&words) : "it said nothing");
    return EK_CONFLICT;
}

/* Until it listens, has ended, or was watched long enough. True: it has ended. */
static bool watch(const struct ek_process *process, int64_t deadline)
{
    int64_t end = ek_monotonic_ms() + WATCH_MS;
    if (end > deadline)
        end = deadline;
    do {
        int64_t next = ek_monotonic_ms() + 20;
        if (process->ticks == 0 || ek_process_wait(process, next, NULL) == 0)
            return true;
        if (ek_process_listens(process->pid))
            return false;
    } while (ek_time_left_ms(end) > 0);
    return false;
}

/* The process that was started is gone. With processManagement.fork another one stands in its
 * place by then, with the same configuration: that is the server. */
static int find_forked(const struct ek_host *host, const struct words_of_start *log,
                       const struct words_of_start *output, struct ek_error *err)
{
    struct ek_process forked = {0};
    int result = find(host, &forked, err);
    if (result != 0)
        return result;
    return forked.pid ? write_pid_file(host, &forked, err) : ended_at_once(host, log, output, err);
}

static int start(const struct ek_host *host, bool expand_exec, int64_t deadline,
                 struct ek_error *err)
{
    char output[PATH_MAX];
    char mark[PATH_MAX];
    struct ek_process process = {0};
    struct ek_server_configuration configuration = {0};
    int result = find(host, &process, err);
    if (result != 0)
        return result;
    if (process.pid)
        return ek_fail(err, EK_EXISTS, "EK-0402", "%s/%s: its server runs already, as process %d",
                       host->deployment, host->member, (int)process.pid);
    path_in(host, "server.out", output);
    path_in(host, "evenkeel.restarting", mark);
    result = ek_host_configuration(host, &configuration, err);
    if (result != 0)
        return result;
    bool expand = expand_exec || configuration.password_by_exec;
    const char *const argv[] = {host->server_binary,
                                "--config",
                                host->configuration,
                                expand ? "--configExpand" : NULL,
                                "exec",
                                NULL};
    const struct ek_launch launch = {.directory = host->directory,
                                     .output = output,
                                     .program = host->server_binary,
                                     .argv = argv,
                                     .network_namespace = host->network_namespace};
    const struct words_of_start said = {output, file_size(output)};
    const struct words_of_start logged = {configuration.log_path,
                                          file_size(configuration.log_path)};
    result = ek_process_launch(&launch, &process, err);
    if (result == 0 && process.ticks != 0)
        result = write_pid_file(host, &process, err);
    if (result == 0 && watch(&process, deadline))
        result = find_forked(host, &logged, &said, err);
    if (result == 0)
        result = ek_mark_clear(mark, err);
    ek_server_configuration_done(&configuration);
    return result;
}

static int stop(const struct ek_host *host, bool restarting, int64_t deadline, struct ek_error *err)
{
    char mark[PATH_MAX];
    struct ek_process process = {0};
    path_in(host, "evenkeel.restarting", mark);
    int result = find(host, &process, err);
    if (result == 0 && restarting)
        result = ek_mark_set(mark, process.pid, err);
    if (result == 0 && process.pid)
        result = ek_process_stop(&process, deadline, err);
    return result;
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
    path_in(host, "fence", path);
    const struct ek_fence_place place = {.path = path};
    int result = ek_host_fence(&place, wanted, deadline, ret_hold, err);
    if (result != 0)
        ek_wrap(err, "%s/%s", host->deployment, host->member);
    return result;
}

const struct ek_host_driver ek_host_local = {
    .name = "local",
    .facts = facts,
    .servers = ek_host_servers_here,
    .run = run,
    .read_file = read_file,
    .write_file = write_file,
    .remove_file = remove_file,
    .volatile_directory = volatile_directory,
    .service = service,
    .fence = fence,
};
