/* A member's fence over SSH: the helper holds the lock on the host for as long as its input is
 * open, which is as long as the descriptor that the caller has. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/host/command.h"
#include "drivers/host/fence_line.h"
#include "drivers/host/fence_mark.h"
#include "drivers/host/ssh.h"
#include "drivers/host/ssh_call.h"
#include "drivers/host/ssh_connection.h"
#include "drivers/host/ssh_helper.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"

enum { TALK_MAX = 1 << 16 };

/* ---- fences that this process has ---- */

struct held {
    struct held *next;
    char name[512]; /* host and member */
    int fd;
    ino_t inode; /* another file has that descriptor: it was given back */
};

static struct {
    pthread_mutex_t lock;
    struct held *first;
} ours = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void name_of(const struct ek_host *host, char ret_name[static 512])
{
    char member[EK_HOST_NAME_SIZE];
    ek_host_name(host, member);
    snprintf(ret_name, 512, "%s %s", host->ssh->host, member);
}

static struct held *held_for(const char *name)
{
    struct held *held = ours.first;
    while (held && strcmp(held->name, name) != 0)
        held = held->next;
    return held;
}

/* NULL without memory. */
static struct held *held_or_new(const char name[512])
{
    struct held *held = held_for(name);
    if (held)
        return held;
    held = calloc(1, sizeof *held);
    if (!held)
        return NULL;
    memcpy(held->name, name, sizeof held->name);
    held->next = ours.first;
    ours.first = held;
    return held;
}

/* A fence whose loss would go unnoticed is none. */
static int remember(const struct ek_host *host, int fd, struct ek_error *err)
{
    char name[512];
    struct stat status;
    name_of(host, name);
    if (fstat(fd, &status) != 0)
        return ek_fail_errno(err, "EK-0472", "the fence's connection");
    pthread_mutex_lock(&ours.lock);
    struct held *held = held_or_new(name);
    if (held) {
        held->fd = fd;
        held->inode = status.st_ino;
    }
    pthread_mutex_unlock(&ours.lock);
    return held ? 0 : ek_no_memory(err);
}

int ek_ssh_fence_check(const struct ek_host *host, struct ek_error *err)
{
    char name[512];
    struct stat status;
    bool lost = false;
    name_of(host, name);
    pthread_mutex_lock(&ours.lock);
    const struct held *held = held_for(name);
    if (held && held->fd >= 0 && fstat(held->fd, &status) == 0 && S_ISSOCK(status.st_mode) &&
        status.st_ino == held->inode) {
        struct pollfd end = {.fd = held->fd, .events = POLLIN | POLLRDHUP};
        lost = poll(&end, 1, 0) > 0;
    }
    pthread_mutex_unlock(&ours.lock);
    if (!lost)
        return 0;
    ek_fail(err, EK_UNREACHABLE, "EK-0473", "%s: the fence was lost with its connection",
            host->ssh->host);
    return ek_hint(err, "nothing more was done; run it again");
}

/* ---- the client that keeps the channel, in the child ---- */

static _Noreturn void become_client(const char *program, const char *const *arguments, int end,
                                    int null)
{
    sigset_t none;
    if (setsid() < 0 || fork() != 0)
        _exit(0);
    sigemptyset(&none);
    if (dup2(end, 0) < 0 || dup2(end, 1) < 0 || dup2(null, 2) < 0)
        _exit(1);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(program, (char *const *)arguments);
    _exit(1);
}

/* ---- starting it ---- */

/* It is nobody's child, so that nobody has to see its end. */
static int start_client(const struct ek_ssh_connection *connection, const char *remote, int *ret_fd,
                        struct ek_error *err)
{
    char program[PATH_MAX];
    const char *arguments[EK_SSH_ARGUMENTS];
    int ends[2] = {-1, -1};
    int result = ek_program_find("ssh", "EK-0472", program, err);
    if (result != 0)
        return result;
    ek_ssh_arguments(connection, remote, arguments);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        result = ek_fail_errno(err, "EK-0472", "socketpair");
    } else {
        pid_t middle = fork();
        if (middle == 0)
            become_client(program, arguments, ends[1], null);
        while (middle > 0 && waitpid(middle, NULL, 0) < 0 && errno == EINTR)
            ;
        if (middle < 0)
            result = ek_fail_errno(err, "EK-0472", "fork");
    }
    if (null >= 0)
        close(null);
    if (ends[1] >= 0)
        close(ends[1]);
    if (result == 0)
        *ret_fd = ends[0];
    else if (ends[0] >= 0)
        close(ends[0]);
    return result;
}

/* ---- the conversation ---- */

struct talk {
    const struct ek_host *host;
    int fd;
    int64_t deadline;
    char marker[EK_SSH_MARKER + 1];
    struct ek_buffer heard;
    size_t at;               /* behind the last of the helper's own lines */
    char word[64];           /* what that line says behind the marker */
    struct ek_buffer before; /* what stands between it and the one before */
};

static int wait_until(const struct talk *talk, short events, struct ek_error *err)
{
    for (;;) {
        int64_t left = ek_time_left_ms(talk->deadline);
        struct pollfd fd = {.fd = talk->fd, .events = events};
        int got = poll(&fd, 1, (int)(left > 60000 ? 60000 : left));
        if (got > 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return ek_fail_errno(err, "EK-0466", "poll");
        if (ek_time_left_ms(talk->deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0407", "%s: no fence before the deadline",
                           talk->host->ssh->host);
    }
}

static int lost(const struct talk *talk, struct ek_error *err)
{
    return ek_fail(err, EK_UNREACHABLE, "EK-0466", "%s: the connection was lost",
                   talk->host->ssh->host);
}

static int say(const struct talk *talk, const struct ek_buffer *text, struct ek_error *err)
{
    size_t said = 0;
    while (said < text->length) {
        ssize_t sent =
            send(talk->fd, text->bytes + said, text->length - said, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return lost(talk, err);
        if (sent > 0)
            said += (size_t)sent;
        int result = sent > 0 ? 0 : wait_until(talk, POLLOUT, err);
        if (result != 0)
            return result;
    }
    return 0;
}

/* The helper's next line of its own, when all of it was heard. */
static bool take_line(struct talk *talk)
{
    char start[EK_SSH_MARKER + 4];
    const char *text = ek_buffer_text(&talk->heard) + talk->at;
    snprintf(start, sizeof start, "%s ", talk->marker);
    const char *found = strstr(text, start);
    const char *word = found ? found + strlen(start) : NULL;
    const char *end = word ? strchr(word, '\n') : NULL;
    if (!end)
        return false;
    snprintf(talk->word, sizeof talk->word, "%.*s", (int)(end - word), word);
    ek_buffer_done(&talk->before);
    ek_buffer_add(&talk->before, text, (size_t)(found - text));
    talk->at += (size_t)(end + 1 - text);
    return true;
}

static int hear(struct talk *talk, struct ek_error *err)
{
    while (!take_line(talk)) {
        char chunk[4096];
        int result = wait_until(talk, POLLIN, err);
        if (result != 0)
            return result;
        ssize_t got = recv(talk->fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0 || talk->heard.length > TALK_MAX)
            return lost(talk, err);
        ek_buffer_add(&talk->heard, chunk, (size_t)got);
        result = ek_buffer_check(&talk->heard, err);
        if (result != 0)
            return result;
    }
    return 0;
}

/* Until the lock is ours: the line that stands there. */
static int await_lock(struct talk *talk, struct ek_fence_line *ret_line, struct ek_error *err)
{
    int result = hear(talk, err);
    if (result == 0 && strcmp(talk->word, "begin") == 0)
        result = hear(talk, err);
    if (result != 0)
        return result;
    bool busy = strcmp(talk->word, "end busy") == 0;
    if (!busy && strcmp(talk->word, "locked") != 0)
        return ek_ssh_last_word(talk->host, "fence", talk->word + strcspn(talk->word, " ") + 1, "",
                                err);
    result = ek_buffer_check(&talk->before, err); /* empty would be a fence that nobody had */
    if (result != 0)
        return result;
    size_t length = talk->before.length; /* a line end stands before the marker */
    result = ek_fence_line_read(ek_buffer_text(&talk->before), length > 0 ? length - 1 : 0, "fence",
                                ret_line, busy ? NULL : err);
    return busy ? ek_fence_in_progress(ret_line, err) : result;
}

static int take_turn(struct talk *talk, const struct ek_fence *fence,
                     struct ek_fence_hold *ret_hold, struct ek_error *err)
{
    char text[EK_FENCE_LINE + 1];
    struct ek_fence_line seen = {0};
    struct ek_fence_mark mine = {.token = fence->token};
    snprintf(mine.id, sizeof mine.id, "%s", fence->id);
    int result = await_lock(talk, &seen, err);
    if (result != 0)
        return result;
    if (!ek_fence_passes(&seen.mark, &mine)) {
        ret_hold->highest = seen.mark.token;
        return ek_fence_behind(&seen, fence, err);
    }
    EK_BUFFER line = {0};
    ek_fence_line_write(&mine, text);
    ek_buffer_add(&line, text, EK_FENCE_LINE);
    result = ek_buffer_check(&line, err);
    if (result == 0)
        result = say(talk, &line, err);
    if (result == 0)
        result = hear(talk, err);
    if (result == 0 && strcmp(talk->word, "held") != 0)
        result = ek_fail(err, EK_SYSTEM, "EK-1017", "%s: the fence could not be written",
                         talk->host->ssh->host);
    if (result == 0)
        *ret_hold = (struct ek_fence_hold){.lock = talk->fd, .highest = mine.token};
    return result;
}

static int converse(struct talk *talk, const struct ek_ssh_connection *connection,
                    const struct ek_fence *fence, struct ek_fence_hold *ret_hold,
                    struct ek_error *err)
{
    char seconds[24];
    EK_BUFFER remote = {0};
    EK_BUFFER text = {0};
    /* A second is left to tell who has it. */
    int64_t left_s = ek_time_left_ms(talk->deadline) / 1000;
    snprintf(seconds, sizeof seconds, "%lld", (long long)(left_s > 1 ? left_s - 1 : 0));
    const char *const arguments[] = {seconds, NULL};
    const struct ek_ssh_question question = {.operation = "fence", .arguments = arguments};
    int result = ek_ssh_question_text(talk->host, &question, talk->marker, &text, err);
    if (result != 0)
        return result;
    ek_ssh_remote_command(talk->host->ssh->sudo, &remote);
    result = ek_buffer_check(&remote, err);
    if (result != 0)
        return result;
    result = start_client(connection, ek_buffer_text(&remote), &talk->fd, err);
    if (result != 0)
        return result;
    result = say(talk, &text, err);
    if (result == 0)
        result = take_turn(talk, fence, ret_hold, err);
    if (result != 0)
        close(talk->fd);
    return result;
}

int ek_ssh_fence(const struct ek_host *host, const struct ek_fence *fence, int64_t deadline,
                 struct ek_fence_hold *ret_hold, struct ek_error *err)
{
    struct ek_ssh_connection *connection = NULL;
    struct talk talk = {.host = host, .fd = -1, .deadline = deadline};
    ret_hold->highest = 0;
    int result = ek_ssh_connect(host, deadline, &connection, err);
    if (result == 0) {
        result = converse(&talk, connection, fence, ret_hold, err);
        ek_ssh_leave(connection); /* an act takes turns of its own */
    }
    ek_buffer_done(&talk.heard);
    ek_buffer_done(&talk.before);
    if (result == 0) {
        result = remember(host, ret_hold->lock, err);
        if (result != 0)
            close(ret_hold->lock);
    }
    if (result != 0)
        ek_wrap(err, "%s/%s", host->deployment, host->member);
    return result;
}
