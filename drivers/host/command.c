#include "drivers/host/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/host/roots.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"

enum { ENVIRONMENT_MAX = 4 };

extern char **environ;

static const char *search_path(void)
{
    const char *path = getenv("PATH");
    return path && *path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* An absolute path, since the program may be started from another directory. */
static int give_path(const char *path, const char *id, char ret_path[static PATH_MAX],
                     struct ek_error *err)
{
    char absolute[PATH_MAX];
    if (*path == '/')
        snprintf(absolute, sizeof absolute, "%s", path);
    else if (!realpath(path, absolute))
        return ek_fail_errno(err, id, path);
    memcpy(ret_path, absolute, sizeof absolute);
    return 0;
}

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

int ek_program_find(const char *name, const char *id, char ret_path[static PATH_MAX],
                    struct ek_error *err)
{
    char path[PATH_MAX];
    const char *directory = strchr(name, '/') ? NULL : search_path();
    if (!directory) {
        snprintf(path, sizeof path, "%s", name);
        if (!is_program(path))
            return ek_fail(err, EK_NOT_FOUND, id, "%s: no such program", name);
        return give_path(path, id, ret_path, err);
    }
    while (*directory) {
        size_t length = strcspn(directory, ":");
        int used = snprintf(path, sizeof path, "%.*s/%s", (int)length, directory, name);
        if (length > 0 && used > 0 && (size_t)used < sizeof path && is_program(path))
            return give_path(path, id, ret_path, err);
        directory += length + (directory[length] == ':');
    }
    return ek_fail(err, EK_NOT_FOUND, id, "%s: no such program on PATH", name);
}

int ek_network_namespace_open(const char *name, int *ret_fd, struct ek_error *err)
{
    *ret_fd = -1;
    if (!name || !*name)
        return 0;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", ek_host_roots().netns, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ek_fail_errno(err, "EK-0409", path);
    *ret_fd = fd;
    return 0;
}

/* ---- in the child: async-signal-safe calls only, since the parent may have threads ---- */

struct child {
    const char *program;
    char *const *argv;
    char *const *environment;
    int input, output, errors; /* its ends of the pipes */
    int report;                /* a number is written here when it can't become the program */
    int namespace_fd;
};

struct child_report {
    int namespace_failed;
    int number;
};

static _Noreturn void give_up(const struct child *child, int namespace_failed)
{
    const struct child_report report = {namespace_failed, errno};
    ssize_t wrote = write(child->report, &report, sizeof report);
    _exit(wrote == (ssize_t)sizeof report ? 127 : 126);
}

static _Noreturn void become(const struct child *child)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    if (child->namespace_fd >= 0 && setns(child->namespace_fd, CLONE_NEWNET) != 0)
        give_up(child, 1);
    if (dup2(child->input, 0) < 0 || dup2(child->output, 1) < 0 || dup2(child->errors, 2) < 0)
        give_up(child, 0);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(child->program, child->argv, child->environment);
    give_up(child, 0);
}

/* ---- in the parent ---- */

struct run {
    pid_t pid;
    int in, out, errors, report;
    struct ek_buffer *stdout_text, *stderr_text;
    size_t output_max; /* of each */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Below 3 the child's dup2 would tread on its own ends. */
static int pipe_above(int ends[2])
{
    int made[2];
    if (pipe2(made, O_CLOEXEC) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 3);
        close(made[i]);
    }
    return ends[0] < 0 || ends[1] < 0 ? -1 : 0;
}

static int spawn(struct child *child, struct run *run, struct ek_error *err)
{
    int pipes[4][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    int result = 0;
    for (int i = 0; i < 4 && result == 0; i++)
        if (pipe_above(pipes[i]) != 0)
            result = ek_fail_errno(err, "EK-0406", "pipe");
    child->input = pipes[0][0];
    child->output = pipes[1][1];
    child->errors = pipes[2][1];
    child->report = pipes[3][1];
    if (result == 0) {
        run->pid = fork();
        if (run->pid == 0)
            become(child);
        if (run->pid < 0)
            result = ek_fail_errno(err, "EK-0406", "fork");
        else
            setpgid(run->pid, run->pid);
    }
    run->in = pipes[0][1];
    run->out = pipes[1][0];
    run->errors = pipes[2][0];
    run->report = pipes[3][0];
    close_fd(&child->input);
    close_fd(&child->output);
    close_fd(&child->errors);
    close_fd(&child->report);
    if (result == 0)
        (void)(set_nonblocking(run->in) + set_nonblocking(run->out) + set_nonblocking(run->errors));
    return result;
}

static int started(struct run *run, const struct child *child, struct ek_error *err)
{
    struct child_report report;
    ssize_t got;
    do
        got = read(run->report, &report, sizeof report);
    while (got < 0 && errno == EINTR);
    close_fd(&run->report);
    if (got != (ssize_t)sizeof report)
        return 0;
    errno = report.number;
    if (report.namespace_failed)
        return ek_fail_errno(err, "EK-0409", "entering the network namespace");
    return ek_fail_errno(err, "EK-0406", child->program);
}

static int take_output(int *fd, struct ek_buffer *text, size_t max, struct ek_error *err)
{
    char chunk[8192];
    ssize_t got = read(*fd, chunk, sizeof chunk);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got <= 0) {
        close_fd(fd);
        return 0;
    }
    ek_buffer_add(text, chunk, (size_t)got);
    OPENSSL_cleanse(chunk, (size_t)got);
    if (text->length > max)
        return ek_fail(err, EK_INVALID, "EK-0408", "more than %zu bytes of output", max);
    return 0;
}

static void give_input(struct run *run, const struct ek_command *command, size_t *given)
{
    ssize_t wrote = -1;
    if (*given < command->input_length)
        wrote =
            write(run->in, (const char *)command->input + *given, command->input_length - *given);
    if (wrote > 0)
        *given += (size_t)wrote;
    bool later = wrote < 0 && *given < command->input_length && (errno == EINTR || errno == EAGAIN);
    if (!later && (wrote <= 0 || *given == command->input_length))
        close_fd(&run->in);
}

static int exchange(struct run *run, const struct ek_command *command, int64_t deadline,
                    struct ek_error *err)
{
    size_t given = 0;
    if (command->input_length == 0)
        close_fd(&run->in);
    while (run->out >= 0 || run->errors >= 0) {
        int64_t left = ek_time_left_ms(deadline);
        struct pollfd fds[] = {{.fd = run->in, .events = POLLOUT},
                               {.fd = run->out, .events = POLLIN},
                               {.fd = run->errors, .events = POLLIN}};
        if (left == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0407", "not finished at its deadline");
        if (poll(fds, 3, (int)(left > 60000 ? 60000 : left)) < 0 && errno != EINTR)
            return ek_fail_errno(err, "EK-0406", "poll");
        int result = 0;
        if (fds[0].revents)
            give_input(run, command, &given);
        if (fds[1].revents)
            result = take_output(&run->out, run->stdout_text, run->output_max, err);
        if (result == 0 && fds[2].revents)
            result = take_output(&run->errors, run->stderr_text, run->output_max, err);
        if (result != 0)
            return result;
    }
    return 0;
}

/* A program that closed its output may still run: its end has the same deadline. */
static int reap(struct run *run, int64_t deadline, int *ret_status, struct ek_error *err)
{
    for (int64_t pause = 1;; pause = pause < 20 ? pause * 2 : 20) {
        int status;
        pid_t got = waitpid(run->pid, &status, WNOHANG);
        if (got == run->pid) {
            run->pid = -1;
            *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return 0;
        }
        if (got < 0 && errno != EINTR)
            return ek_fail_errno(err, "EK-0406", "waitpid");
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0407", "not finished at its deadline");
        ek_sleep_ms(pause);
    }
}

static void end(struct run *run)
{
    close_fd(&run->in);
    close_fd(&run->out);
    close_fd(&run->errors);
    close_fd(&run->report);
    if (run->pid <= 0)
        return;
    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL);
    while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    run->pid = -1;
}

/* Writing to a program that stopped reading must not end us: SIGPIPE is held back in this
 * thread, and taken if it came. */
static void hold_sigpipe(sigset_t *ret_before)
{
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, ret_before);
}

static void release_sigpipe(const sigset_t *before)
{
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    const struct timespec at_once = {0};
    if (!sigismember(before, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &at_once) == SIGPIPE)
            ;
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void small_environment(char **ret_environment, struct ek_buffer *path,
                              struct ek_buffer *home_text)
{
    size_t count = 0;
    const char *home = getenv("HOME");
    ek_buffer_printf(path, "PATH=%s", search_path());
    ek_buffer_printf(home_text, "HOME=%s", home ? home : "/");
    ret_environment[count++] = path->bytes;
    ret_environment[count++] = home_text->bytes;
    ret_environment[count++] = (char *)"LC_ALL=C";
    ret_environment[count] = NULL;
}

void ek_command_result_done(struct ek_command_result *result)
{
    ek_buffer_wipe(&result->output);
    ek_buffer_wipe(&result->errors);
}

int ek_command_run(const struct ek_command *command, const struct ek_command_setting *setting,
                   int64_t deadline, struct ek_command_result *ret_result, struct ek_error *err)
{
    static const struct ek_command_setting ours = {0};
    char program[PATH_MAX];
    char *small[ENVIRONMENT_MAX];
    EK_BUFFER path = {0};
    EK_BUFFER home = {0};
    EK_COMMAND_RESULT outcome = {0};
    struct child child = {.program = program, .argv = (char *const *)command->argv};
    int result = ek_program_find(command->argv[0], "EK-0406", program, err);
    if (!setting)
        setting = &ours;
    if (result == 0)
        result = ek_network_namespace_open(setting->network_namespace, &child.namespace_fd, err);
    if (result != 0)
        return result;
    small_environment(small, &path, &home);
    if (path.failed || home.failed) {
        close_fd(&child.namespace_fd);
        return ek_no_memory(err);
    }
    child.environment = setting->whole_environment ? environ : small;

    sigset_t before;
    struct run run = {.pid = -1,
                      .stdout_text = &outcome.output,
                      .stderr_text = &outcome.errors,
                      .output_max =
                          setting->output_max ? setting->output_max : EK_COMMAND_OUTPUT_MAX};
    hold_sigpipe(&before);
    result = spawn(&child, &run, err);
    if (result == 0)
        result = started(&run, &child, err);
    if (result == 0)
        result = exchange(&run, command, deadline, err);
    if (result == 0)
        result = reap(&run, deadline, &outcome.status, err);
    end(&run);
    if (result == 0)
        result = ek_buffer_check(&outcome.output, err);
    if (result == 0)
        result = ek_buffer_check(&outcome.errors, err);
    release_sigpipe(&before);
    close_fd(&child.namespace_fd);
    if (result != 0)
        return ek_wrap(err, "%s", command->argv[0]), result;
    *ret_result = outcome;
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): its cleanup reads it */
    outcome = (struct ek_command_result){0};
    return 0;
}
