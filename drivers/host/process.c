#include "drivers/host/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/proc.h"

enum { PROC_TEXT_MAX = 1 << 20 };

static int proc_read(pid_t pid, const char *name, struct ek_buffer *ret_text)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return ek_file_read(path, PROC_TEXT_MAX, ret_text, NULL, NULL);
}

static int boot_time_s(int64_t *ret_seconds)
{
    EK_BUFFER text = {0};
    int result = ek_file_read("/proc/stat", PROC_TEXT_MAX, &text, NULL, NULL);
    if (result != 0)
        return result;
    const char *line = strstr(ek_buffer_text(&text), "\nbtime ");
    if (!line)
        return EK_SYSTEM;
    *ret_seconds = strtoll(line + 7, NULL, 10);
    return 0;
}

static int stat_of(pid_t pid, char *ret_state, uint64_t *ret_ticks)
{
    EK_BUFFER text = {0};
    int result = proc_read(pid, "stat", &text);
    if (result != 0 || text.length == 0)
        return result == EK_NO_MEMORY ? result : EK_NOT_FOUND;
    const char *stat = ek_buffer_text(&text);
    *ret_state = *ek_proc_stat_field(stat, EK_PROC_STATE);
    *ret_ticks = strtoull(ek_proc_stat_field(stat, EK_PROC_START), NULL, 10);
    return 0;
}

int ek_process_observe(pid_t pid, struct ek_process *ret_process, struct ek_error *err)
{
    char state;
    struct ek_process process = {.pid = pid};
    int64_t boot_s;
    int result = pid > 0 ? stat_of(pid, &state, &process.ticks) : EK_NOT_FOUND;
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    if (result != 0 || strchr("ZXx", state))
        return ek_fail(err, EK_NOT_FOUND, "EK-0401", "no process %d", (int)pid);
    result = boot_time_s(&boot_s);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    if (result != 0)
        return ek_fail(err, EK_SYSTEM, "EK-0401",
                       "/proc/stat does not tell when the machine started");
    uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);
    process.started_ms = boot_s * 1000 + (int64_t)(process.ticks * 1000 / per_second);
    struct timespec since_boot;
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    process.age_ms = (int64_t)since_boot.tv_sec * 1000 + (int64_t)(since_boot.tv_nsec / 1000000) -
                     (int64_t)(process.ticks * 1000 / per_second);
    *ret_process = process;
    return 0;
}

int ek_process_if_alive(pid_t pid, struct ek_process *ret_process, struct ek_error *err)
{
    struct ek_process process = {0};
    int result = pid > 0 ? ek_process_observe(pid, &process, NULL) : EK_NOT_FOUND;
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    *ret_process = result == 0 ? process : (struct ek_process){0};
    return 0;
}

static bool names_file(const struct ek_buffer *command_line, const char *configuration)
{
    const char *end = ek_buffer_text(command_line) + command_line->length;
    const char *previous = "";
    for (const char *argument = ek_buffer_text(command_line); argument < end;
         argument += strlen(argument) + 1) {
        bool named = strcmp(previous, "--config") == 0 || strcmp(previous, "-f") == 0;
        if (named && strcmp(argument, configuration) == 0)
            return true;
        if (strncmp(argument, "--config=", 9) == 0 && strcmp(argument + 9, configuration) == 0)
            return true;
        previous = argument;
    }
    return false;
}

int ek_process_command_line(pid_t pid, struct ek_buffer *ret_words)
{
    int result = proc_read(pid, "cmdline", ret_words);
    return result == 0 && ret_words->length == 0 ? EK_NOT_FOUND : result;
}

int ek_process_serves(pid_t pid, const char *configuration, bool *ret_serves, struct ek_error *err)
{
    EK_BUFFER text = {0};
    int result = proc_read(pid, "cmdline", &text);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    *ret_serves = result == 0 && names_file(&text, configuration);
    return 0;
}

/* ---- where it was found last: /proc is long where many servers run ---- */

static struct {
    pthread_mutex_t lock;
    struct {
        pid_t pid;
        uint64_t ticks;
    } at[4096];
} found_last = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A clash costs one look through /proc. */
static size_t place_of(const char *configuration)
{
    return ek_hash_text(configuration) % (sizeof found_last.at / sizeof *found_last.at);
}

static void remember(const char *configuration, const struct ek_process *process)
{
    size_t place = place_of(configuration);
    pthread_mutex_lock(&found_last.lock);
    found_last.at[place].pid = process->pid;
    found_last.at[place].ticks = process->ticks;
    pthread_mutex_unlock(&found_last.lock);
}

/* The live process of that pid, if it serves the configuration; else EK_NOT_FOUND. */
static int look_for_server(pid_t pid, const char *configuration, struct ek_process *ret_process,
                           struct ek_error *err)
{
    bool serves = false;
    int result = pid > 0 ? ek_process_serves(pid, configuration, &serves, err) : 0;
    if (result != 0)
        return result;
    return serves ? ek_process_observe(pid, ret_process, err) : EK_NOT_FOUND;
}

/* The one that was the oldest still is, as long as it lives. */
static int still_there(const char *configuration, struct ek_process *ret_process,
                       struct ek_error *err)
{
    size_t place = place_of(configuration);
    struct ek_process now = {0};
    pthread_mutex_lock(&found_last.lock);
    pid_t pid = found_last.at[place].pid;
    uint64_t ticks = found_last.at[place].ticks;
    pthread_mutex_unlock(&found_last.lock);
    int result = look_for_server(pid, configuration, &now, err);
    if (result != 0)
        return result;
    if (now.ticks != ticks)
        return EK_NOT_FOUND;
    *ret_process = now;
    return 0;
}

/* A server forks to run its __exec commands; until such a child executes, it looks like its
 * parent. So the oldest one is the server. */
int ek_process_find(const char *configuration, struct ek_process *ret_process, struct ek_error *err)
{
    struct ek_process oldest = {0};
    struct ek_error problem = {0};
    int result = still_there(configuration, ret_process, &problem);
    if (result == 0)
        return 0;
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    DIR *directory = opendir("/proc");
    if (!directory)
        return ek_fail_errno(err, "EK-0401", "/proc");
    for (struct dirent *entry; result != EK_NO_MEMORY && (entry = readdir(directory));) {
        struct ek_process found = {0};
        pid_t pid =
            isdigit((unsigned char)*entry->d_name) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (pid <= 0 || pid == getpid())
            continue;
        result = look_for_server(pid, configuration, &found, &problem);
        if (result != 0)
            continue;
        if (!oldest.pid || found.ticks < oldest.ticks ||
            (found.ticks == oldest.ticks && found.pid < oldest.pid))
            oldest = found;
    }
    closedir(directory);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    if (oldest.pid)
        remember(configuration, &oldest);
    *ret_process = oldest;
    return 0;
}

/* A descriptor of the process; -1 in *ret_fd when it is gone (also when another has its pid:
 * the descriptor is opened first and the start time read after). */
static int open_process(const struct ek_process *process, int *ret_fd, struct ek_error *err)
{
    struct ek_process now = {0};
    int fd = pidfd_open(process->pid, 0);
    if (fd < 0 && errno != ESRCH)
        return ek_fail_errno(err, "EK-0401", "pidfd_open");
    int result = fd >= 0 ? ek_process_observe(process->pid, &now, err) : 0;
    if (result == EK_NO_MEMORY) {
        close(fd);
        return result;
    }
    if (fd >= 0 && (result != 0 || now.ticks != process->ticks)) {
        close(fd);
        fd = -1;
    }
    *ret_fd = fd;
    return 0;
}

static int wait_for(int fd, const struct ek_process *process, int64_t deadline,
                    struct ek_error *err)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left = ek_time_left_ms(deadline);
        int got = poll(&poll_fd, 1, (int)(left > 60000 ? 60000 : left));
        if (got > 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return ek_fail_errno(err, "EK-0401", "poll");
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0405", "process %d has not ended",
                           (int)process->pid);
    }
}

int ek_process_wait(const struct ek_process *process, int64_t deadline, struct ek_error *err)
{
    int fd = -1;
    int result = open_process(process, &fd, err);
    if (result != 0 || fd < 0)
        return result;
    result = wait_for(fd, process, deadline, err);
    close(fd);
    return result;
}

int ek_process_stop(const struct ek_process *process, int64_t deadline, struct ek_error *err)
{
    int fd = -1;
    int result = open_process(process, &fd, err);
    if (result != 0 || fd < 0)
        return result;
    if (pidfd_send_signal(fd, SIGTERM, NULL, 0) != 0 && errno != ESRCH)
        result = ek_fail_errno(err, "EK-0426", "SIGTERM");
    if (result == 0)
        result = wait_for(fd, process, deadline, err);
    close(fd);
    return result;
}

/* ---- does it listen ---- */

static bool is_listening_inode(const char *table, const char *inode)
{
    for (const char *line = strchr(table, '\n'); line; line = strchr(line + 1, '\n')) {
        char state[8], found[32];
        if (sscanf(line + 1, "%*s %*s %*s %7s %*s %*s %*s %*s %*s %31s", state, found) == 2 &&
            strcmp(state, "0A") == 0 && strcmp(found, inode) == 0)
            return true;
    }
    return false;
}

bool ek_process_listens(pid_t pid)
{
    static const char *const names[] = {"net/tcp", "net/tcp6"};
    struct ek_buffer tables[2] = {{0}, {0}};
    char path[64];
    bool listens = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    for (int i = 0; i < 2; i++)
        (void)proc_read(pid, names[i], &tables[i]);
    for (struct dirent *entry; directory && !listens && (entry = readdir(directory));) {
        char target[64] = {0};
        if (readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1) <= 8 ||
            strncmp(target, "socket:[", 8) != 0)
            continue;
        target[strcspn(target, "]")] = 0;
        for (int i = 0; i < 2 && !listens; i++)
            listens = is_listening_inode(ek_buffer_text(&tables[i]), target + 8);
    }
    if (directory)
        closedir(directory);
    ek_buffer_done(&tables[0]);
    ek_buffer_done(&tables[1]);
    return listens;
}
