#include "drivers/host/ssh_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/host/command.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/lock.h"
#include "reconciler/base/memory.h"

/* sshd takes 10 sessions on one connection (MaxSessions); a fence holds one of them. */
enum { SESSIONS_MAX = 8, CONNECTIONS_DEFAULT = 32, WORDS_MAX = 1 << 16, POLL_MS = 5 };

struct ek_ssh_connection {
    struct ek_ssh_connection *next;
    char *identity; /* everything that makes it another connection */
    char socket[96];
    int sessions; /* in use by this process */
    bool greeted;
};

static struct {
    pthread_mutex_t lock;
    struct ek_ssh_connection *connections;
    int in_use;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- where the sockets are ---- */

static int private_directory(char *ret_path, size_t size, struct ek_error *err)
{
    struct stat status;
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (base && *base == '/' && strlen(base) < 40 && access(base, W_OK) == 0)
        snprintf(ret_path, size, "%s/evenkeel-ssh", base);
    else if (access("/run", W_OK) == 0)
        snprintf(ret_path, size, "/run/evenkeel-ssh");
    else
        snprintf(ret_path, size, "/tmp/evenkeel-ssh-%u", (unsigned)geteuid());
    if (mkdir(ret_path, 0700) != 0 && errno != EEXIST)
        return ek_fail_errno(err, "EK-0472", ret_path);
    if (lstat(ret_path, &status) != 0)
        return ek_fail_errno(err, "EK-0472", ret_path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 0077) != 0)
        return ek_fail(err, EK_DENIED, "EK-0472", "%s is not a directory of our own alone",
                       ret_path);
    return 0;
}

static void identify(const struct ek_ssh *ssh, struct ek_buffer *ret_identity)
{
    ek_buffer_printf(ret_identity, "%s\n%d\n%s\n%s\n%s\n%s\n", ssh->host, ssh->port,
                     ssh->user ? ssh->user : "", ssh->identity_file ? ssh->identity_file : "",
                     ssh->known_hosts ? ssh->known_hosts : "", ssh->config ? ssh->config : "");
    for (size_t i = 0; i < ssh->host_key_count; i++)
        ek_buffer_printf(ret_identity, "%s\n", ssh->host_keys[i]);
}

/* A new one, at the head of all. It takes the identity over; NULL without memory. */
static struct ek_ssh_connection *add_connection(const char *directory, struct ek_buffer *identity)
{
    char digest[EK_SHA256_HEX_SIZE];
    struct ek_ssh_connection *added = calloc(1, sizeof *added);
    if (!added)
        return NULL;
    ek_sha256_hex(identity->bytes, identity->length, digest);
    snprintf(added->socket, sizeof added->socket, "%s/%.16s", directory, digest);
    added->identity = ek_buffer_take(identity);
    added->next = all.connections;
    all.connections = added;
    return added;
}

static int find(const struct ek_ssh *ssh, struct ek_ssh_connection **ret_connection,
                struct ek_error *err)
{
    EK_BUFFER identity = {0};
    char directory[64];
    int result = private_directory(directory, sizeof directory, err);
    if (result != 0)
        return result;
    identify(ssh, &identity);
    result = ek_buffer_check(&identity, err);
    if (result != 0)
        return result;
    pthread_mutex_lock(&all.lock);
    struct ek_ssh_connection *found = all.connections;
    while (found && strcmp(found->identity, ek_buffer_text(&identity)) != 0)
        found = found->next;
    if (!found)
        found = add_connection(directory, &identity);
    pthread_mutex_unlock(&all.lock);
    if (!found)
        return ek_no_memory(err);
    *ret_connection = found;
    return 0;
}

/* ---- turns ---- */

static int wait_for_turn(const struct ek_ssh *ssh, struct ek_ssh_connection *connection,
                         int64_t deadline, struct ek_error *err)
{
    int most = ssh->connections > 0 ? ssh->connections : CONNECTIONS_DEFAULT;
    for (;; ek_sleep_ms(POLL_MS)) {
        pthread_mutex_lock(&all.lock);
        bool mine = all.in_use < most && connection->sessions < SESSIONS_MAX;
        if (mine) {
            all.in_use++;
            connection->sessions++;
        }
        pthread_mutex_unlock(&all.lock);
        if (mine)
            return 0;
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_TIMEOUT, "EK-0407", "%s: no turn before the deadline",
                           ssh->host);
    }
}

void ek_ssh_leave(struct ek_ssh_connection *connection)
{
    pthread_mutex_lock(&all.lock);
    all.in_use--;
    connection->sessions--;
    pthread_mutex_unlock(&all.lock);
}

void ek_ssh_greeted(struct ek_ssh_connection *connection)
{
    pthread_mutex_lock(&all.lock);
    connection->greeted = true;
    pthread_mutex_unlock(&all.lock);
}

static bool is_greeted(struct ek_ssh_connection *connection, bool still)
{
    pthread_mutex_lock(&all.lock);
    connection->greeted = connection->greeted && still;
    bool greeted = connection->greeted;
    pthread_mutex_unlock(&all.lock);
    return greeted;
}

/* ---- the master ---- */

static bool is_up(const struct ek_ssh_connection *connection)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", connection->socket);
    bool up = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return up;
}

struct command_line {
    const char *words[EK_SSH_ARGUMENTS];
    size_t count;
    struct ek_buffer made[8]; /* words that were put together */
    size_t made_count;
    bool failed; /* there was no memory for all of it */
};

static void add(struct command_line *line, const char *word)
{
    if (line->count < EK_SSH_ARGUMENTS - 1)
        line->words[line->count++] = word;
}

static void option(struct command_line *line, const char *text)
{
    add(line, "-o");
    add(line, text);
}

__attribute__((format(printf, 2, 3))) static void make_option(struct command_line *line,
                                                              const char *format, ...)
{
    va_list values;
    char text[8192];
    struct ek_buffer *made = &line->made[line->made_count++];
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    ek_buffer_text_add(made, text);
    line->failed = line->failed || made->failed;
    option(line, ek_buffer_text(made));
}

static void line_done(struct command_line *line)
{
    for (size_t i = 0; i < line->made_count; i++)
        ek_buffer_done(&line->made[i]);
}

/* The client asks this command for the known key: it gives the one that was presented when its
 * fingerprint is among those pinned. */
static void pin(struct command_line *line, const struct ek_ssh *ssh)
{
    EK_BUFFER pinned = {0};
    for (size_t i = 0; i < ssh->host_key_count; i++)
        ek_buffer_printf(&pinned, " %s", ssh->host_keys[i]);
    line->failed = line->failed || pinned.failed;
    make_option(line,
                "KnownHostsCommand=/bin/sh -c 'case \"%s \" in *\" $1 \"*) echo \"$2 $3 $4\";; "
                "esac' sh %%f %%H %%t %%K",
                ek_buffer_text(&pinned));
    option(line, "UserKnownHostsFile=/dev/null");
    option(line, "GlobalKnownHostsFile=/dev/null");
}

static void only_what_is_asked(struct command_line *line)
{
    static const char *const options[] = {
        "BatchMode=yes",         "StrictHostKeyChecking=yes", "UpdateHostKeys=no",
        "VerifyHostKeyDNS=no",   "ForwardAgent=no",           "ForwardX11=no",
        "PermitLocalCommand=no", "ClearAllForwardings=yes",   "RemoteCommand=none",
        "RequestTTY=no",         "EscapeChar=none",           "LogLevel=ERROR",
        "ServerAliveInterval=5", "ServerAliveCountMax=3",     "ControlMaster=yes",
        "ControlPersist=60",
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        option(line, options[i]);
}

static void master_line(const struct ek_ssh *ssh, const struct ek_ssh_connection *connection,
                        int64_t deadline, struct command_line *line)
{
    int64_t seconds = ek_time_left_ms(deadline) / 1000;
    add(line, "ssh");
    if (ssh->config) {
        add(line, "-F");
        add(line, ssh->config);
    }
    only_what_is_asked(line);
    make_option(line, "ControlPath=%s", connection->socket);
    make_option(line, "ConnectTimeout=%lld", (long long)(seconds > 0 ? seconds : 1));
    if (ssh->host_key_count > 0) {
        pin(line, ssh);
    } else if (ssh->known_hosts) {
        make_option(line, "UserKnownHostsFile=\"%s\"", ssh->known_hosts);
        option(line, "GlobalKnownHostsFile=/dev/null");
    }
    if (ssh->identity_file) {
        make_option(line, "IdentityFile=\"%s\"", ssh->identity_file);
        option(line, "IdentitiesOnly=yes");
    }
    if (ssh->port > 0)
        make_option(line, "Port=%d", ssh->port);
    if (ssh->user)
        make_option(line, "User=%s", ssh->user);
    add(line, "-fNT");
    add(line, "--");
    add(line, ssh->host);
}

/* The master keeps what it was started with as its output: a file, no pipe that we wait on. */
static int start_master(const struct ek_host *host, const struct ek_ssh_connection *connection,
                        int64_t deadline, struct ek_error *err)
{
    char words_path[128];
    struct command_line line = {0};
    EK_COMMAND_RESULT ended = {0};
    EK_BUFFER words = {0};
    snprintf(words_path, sizeof words_path, "%s.words", connection->socket);
    add(&line, "sh");
    add(&line, "-c");
    add(&line, "f=$1; shift; exec \"$@\" >\"$f\" 2>&1");
    add(&line, "sh");
    add(&line, words_path);
    master_line(host->ssh, connection, deadline, &line);
    const struct ek_command command = {.argv = line.words};
    const struct ek_command_setting setting = {.whole_environment = true};
    int result =
        line.failed ? ek_no_memory(err) : ek_command_run(&command, &setting, deadline, &ended, err);
    line_done(&line);
    (void)ek_file_read(words_path, WORDS_MAX, &words, NULL, NULL);
    unlink(words_path);
    if (result == EK_TIMEOUT)
        return ek_fail(err, EK_UNREACHABLE, "EK-0460", "%s: not reached by SSH before the deadline",
                       host->ssh->host);
    if (result != 0)
        return result;
    if (ended.status == 127)
        return ek_fail(err, EK_NOT_FOUND, "EK-0472", "there is no OpenSSH client (ssh) here");
    if (ended.status != 0 || !is_up(connection))
        return ek_ssh_refusal(host, ek_buffer_text(&words), err);
    return 0;
}

/* One process and one thread at a time starts the master. */
static int lock_socket(const struct ek_ssh_connection *connection, int64_t deadline, int *ret_fd,
                       struct ek_error *err)
{
    char path[128];
    snprintf(path, sizeof path, "%s.lock", connection->socket);
    int result = ek_lock_take(path, "EK-0472", deadline, ret_fd, err);
    return result != EK_LOCKED ? result
                               : ek_fail(err, EK_UNREACHABLE, "EK-0460",
                                         "somebody else was still connecting at the deadline");
}

static int make_sure_it_is_up(const struct ek_host *host,
                              const struct ek_ssh_connection *connection, int64_t deadline,
                              bool *ret_started, struct ek_error *err)
{
    int lock = -1;
    *ret_started = false;
    if (is_up(connection))
        return 0;
    int result = lock_socket(connection, deadline, &lock, err);
    if (result != 0)
        return result;
    if (!is_up(connection)) {
        unlink(connection->socket);
        result = start_master(host, connection, deadline, err);
        *ret_started = result == 0;
    }
    close(lock);
    return result;
}

int ek_ssh_enter(const struct ek_host *host, int64_t deadline,
                 struct ek_ssh_connection **ret_connection, bool *ret_new, struct ek_error *err)
{
    struct ek_ssh_connection *connection = NULL;
    bool started;
    int result = find(host->ssh, &connection, err);
    if (result == 0)
        result = wait_for_turn(host->ssh, connection, deadline, err);
    if (result != 0)
        return result;
    result = make_sure_it_is_up(host, connection, deadline, &started, err);
    if (result != 0) {
        ek_ssh_leave(connection);
        return result;
    }
    *ret_new = !is_greeted(connection, !started);
    *ret_connection = connection;
    return 0;
}

/* Where the master is gone this ends at once instead of making a connection of its own. */
void ek_ssh_arguments(const struct ek_ssh_connection *connection, const char *command,
                      const char *ret_arguments[static EK_SSH_ARGUMENTS])
{
    const char *const arguments[] = {"ssh",
                                     "-F",
                                     "none",
                                     "-S",
                                     connection->socket,
                                     "-o",
                                     "ControlMaster=no",
                                     "-o",
                                     "BatchMode=yes",
                                     "-o",
                                     "ProxyCommand=false",
                                     "-o",
                                     "LogLevel=ERROR",
                                     "-o",
                                     "EscapeChar=none",
                                     "-T",
                                     "--",
                                     "host",
                                     command,
                                     NULL};
    memcpy(ret_arguments, arguments, sizeof arguments);
}
