/* Starting a server that outlives us. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/host/command.h"
#include "drivers/host/process.h"

enum { ENVIRONMENT_MAX = 4 };

enum stage { STAGE_STARTED, STAGE_FORK, STAGE_NAMESPACE, STAGE_DIRECTORY, STAGE_EXECUTE };

struct report {
    enum stage stage;
    int number;
    pid_t pid;
};

struct prepared {
    char program[PATH_MAX];
    char *const *argv;
    char *environment[ENVIRONMENT_MAX];
    char home[PATH_MAX + 8];
    int directory, null, output, report, namespace_fd;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* What a server finds around itself is stated here, whoever starts it: nothing of ours, which may
 * hold tokens, and nothing that makes it another server in one terminal than in the next. */
static void state_environment(const struct ek_launch *launch, struct prepared *prepared)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char language[] = "LANG=C.UTF-8";
    snprintf(prepared->home, sizeof prepared->home, "HOME=%s", launch->directory);
    prepared->environment[0] = path;
    prepared->environment[1] = language;
    prepared->environment[2] = prepared->home;
    prepared->environment[3] = NULL;
}

static int open_above(const char *path, int flags, mode_t mode)
{
    int low = open(path, flags | O_CLOEXEC, mode);
    int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, 3);
    if (low >= 0)
        close(low);
    return fd;
}

/* Where the server's output goes: never a pipe, whose reader we would wait for. */
static int open_output(const char *path, int *ret_fd, struct ek_error *err)
{
    struct stat status;
    *ret_fd = open_above(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0640);
    if (*ret_fd < 0 && errno != ENXIO)
        return ek_fail_errno(err, "EK-0412", path);
    if (*ret_fd < 0 || fstat(*ret_fd, &status) != 0 || !S_ISREG(status.st_mode))
        return ek_fail(err, EK_INVALID, "EK-0412", "%s is not a regular file", path);
    return 0;
}

static int prepare(const struct ek_launch *launch, struct prepared *prepared, struct ek_error *err)
{
    *prepared = (struct prepared){.argv = (char *const *)launch->argv,
                                  .directory = -1,
                                  .null = -1,
                                  .output = -1,
                                  .report = -1,
                                  .namespace_fd = -1};
    int result = ek_program_find(launch->program, "EK-0403", prepared->program, err);
    if (result == 0)
        result = ek_network_namespace_open(launch->network_namespace, &prepared->namespace_fd, err);
    if (result != 0)
        return result;
    prepared->directory = open_above(launch->directory, O_RDONLY | O_DIRECTORY, 0);
    if (prepared->directory < 0)
        return ek_fail_errno(err, "EK-0412", launch->directory);
    prepared->null = open_above("/dev/null", O_RDWR, 0);
    if (prepared->null < 0)
        return ek_fail_errno(err, "EK-0403", "/dev/null");
    result = open_output(launch->output, &prepared->output, err);
    if (result != 0)
        return result;
    state_environment(launch, prepared);
    return 0;
}

static void unprepare(struct prepared *prepared)
{
    close_fd(&prepared->directory);
    close_fd(&prepared->null);
    close_fd(&prepared->output);
    close_fd(&prepared->report);
    close_fd(&prepared->namespace_fd);
}

/* ---- in the children: async-signal-safe calls only ---- */

static _Noreturn void tell_and_end(const struct prepared *prepared, enum stage stage)
{
    const struct report report = {.stage = stage, .number = errno};
    ssize_t wrote = write(prepared->report, &report, sizeof report);
    _exit(wrote == (ssize_t)sizeof report ? 1 : 2);
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become_server(const struct prepared *prepared)
{
    const struct report report = {.stage = STAGE_STARTED, .pid = getpid()};
    if (write(prepared->report, &report, sizeof report) != (ssize_t)sizeof report)
        _exit(2); /* nobody waits for this server any more */
    if (prepared->namespace_fd >= 0 && setns(prepared->namespace_fd, CLONE_NEWNET) != 0)
        tell_and_end(prepared, STAGE_NAMESPACE);
    if (fchdir(prepared->directory) != 0)
        tell_and_end(prepared, STAGE_DIRECTORY);
    if (dup2(prepared->null, 0) < 0 || dup2(prepared->output, 1) < 0 ||
        dup2(prepared->output, 2) < 0)
        tell_and_end(prepared, STAGE_EXECUTE);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    umask(027);
    default_signals();
    execve(prepared->program, prepared->argv, prepared->environment);
    tell_and_end(prepared, STAGE_EXECUTE);
}

static _Noreturn void fork_again(const struct prepared *prepared)
{
    if (setsid() < 0)
        tell_and_end(prepared, STAGE_FORK);
    pid_t pid = fork();
    if (pid == 0)
        become_server(prepared);
    if (pid < 0)
        tell_and_end(prepared, STAGE_FORK);
    _exit(0);
}

/* ---- in the parent ---- */

static int read_report(int fd, struct report *ret_report)
{
    for (;;) {
        ssize_t got = read(fd, ret_report, sizeof *ret_report);
        if (got >= 0)
            return got == (ssize_t)sizeof *ret_report;
        if (errno != EINTR)
            return 0;
    }
}

/* First comes the pid, then a failure or, when the program took over, the pipe's end. */
static int hear(int fd, const struct prepared *prepared, pid_t *ret_pid, struct ek_error *err)
{
    static const struct {
        const char *id, *what;
    } stages[] = {
        [STAGE_STARTED] = {"EK-0403", "starting"},
        [STAGE_FORK] = {"EK-0403", "starting a process"},
        [STAGE_NAMESPACE] = {"EK-0409", "entering the network namespace"},
        [STAGE_DIRECTORY] = {"EK-0412", "entering the directory"},
        [STAGE_EXECUTE] = {"EK-0403", NULL},
    };
    struct report report;
    pid_t pid = 0;
    while (read_report(fd, &report)) {
        if (report.stage == STAGE_STARTED) {
            pid = report.pid;
            continue;
        }
        errno = report.number;
        return ek_fail_errno(err, stages[report.stage].id,
                             stages[report.stage].what ? stages[report.stage].what
                                                       : prepared->program);
    }
    if (pid == 0)
        return ek_fail(err, EK_SYSTEM, "EK-0403", "%s: its process could not be started",
                       prepared->program);
    *ret_pid = pid;
    return 0;
}

int ek_process_launch(const struct ek_launch *launch, struct ek_process *ret_process,
                      struct ek_error *err)
{
    struct prepared prepared;
    int pipes[2] = {-1, -1};
    pid_t server = 0;
    int result = prepare(launch, &prepared, err);
    if (result == 0 && pipe2(pipes, O_CLOEXEC) != 0)
        result = ek_fail_errno(err, "EK-0403", "pipe");
    if (result == 0) {
        prepared.report = fcntl(pipes[1], F_DUPFD_CLOEXEC, 3);
        close_fd(&pipes[1]);
        pid_t middle = prepared.report < 0 ? -1 : fork();
        if (middle == 0)
            fork_again(&prepared);
        close_fd(&prepared.report);
        while (middle > 0 && waitpid(middle, NULL, 0) < 0 && errno == EINTR)
            ;
        result = middle < 0 ? ek_fail_errno(err, "EK-0403", "fork")
                            : hear(pipes[0], &prepared, &server, err);
    }
    close_fd(&pipes[0]);
    close_fd(&pipes[1]);
    unprepare(&prepared);
    if (result != 0)
        return result;
    struct ek_process process;
    result = ek_process_if_alive(server, &process, err);
    if (result != 0)
        return result; /* it runs; the next look finds it */
    if (!process.pid)
        process.pid = server; /* ended already */
    *ret_process = process;
    return 0;
}
