/* The stand-in for mongod: start, signals, end. */
#include "keyfile.h"
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "tls.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
    sigaddset(ret_set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* How long a signalled shutdown may take: 10 s, and from 5.0 on a parameter. */
static int64_t shutdown_ms(void)
{
    const char *given =
        settings_get(&options.given, "setParameter.shutdownTimeoutMillisForSignaledShutdown");

    if (!version_at_least(5, 0))
        return 10000;
    return given == NULL ? 15000 : strtol(given, NULL, 10);
}

_Noreturn static void wait_for_signals(const sigset_t *set)
{
    char why[400];
    int number, code;

    log_context("signalProcessingThread");
    for (;;) {
        if (sigwait(set, &number) != 0)
            continue;
        if (number == SIGUSR1) {
            log_rotate();
            continue;
        }
        log_line('I', "CONTROL", "got signal %d (%s), will terminate after current cmd ends",
                 number, strsignal(number));
        if (version_at_least(4, 4))
            log_line('I', "CONTROL", "will terminate after current cmd ends");
        if (version_at_least(5, 0) && repl_active())
            log_line('I', "REPL", "Stepping down the ReplicationCoordinator for shutdown: %lld",
                     (long long)shutdown_ms());
        server_shut_down(true, shutdown_ms(), why, sizeof why, &code);
        if (!version_at_least(4, 4))
            log_line('I', "CONTROL", "dbexit:  rc: 0");
        if (options.pid_file != NULL)
            unlink(options.pid_file);
        _exit(0);
    }
}

/* The parent ends when the child listens, or with the child's status. */
static int daemonise(void)
{
    int ends[2], status, null;
    char byte;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        exit(1);
    printf("about to fork child process, waiting until server is ready for connections.\n");
    fflush(stdout);
    child = fork();
    if (child != 0) {
        printf("forked process: %d\n", (int)child);
        close(ends[1]);
        if (read(ends[0], &byte, 1) == 1) {
            printf("child process started successfully, parent exiting\n");
            fflush(stdout);
            _exit(0);
        }
        waitpid(child, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    close(ends[0]);
    setsid();
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    return ends[1];
}

static void write_pid_file(void)
{
    FILE *f;

    if (options.pid_file == NULL || (f = fopen(options.pid_file, "we")) == NULL)
        return;
    fprintf(f, "%d\n", (int)getpid());
    fclose(f);
}

static void announce(void)
{
    char host[256] = "localhost", *text = bson_text(&options.parsed);
    bson_t build = BSON_INITIALIZER;

    gethostname(host, sizeof host - 1);
    log_context("initandlisten");
    log_line('I', "CONTROL", "MongoDB starting : pid=%d port=%d dbpath=%s 64-bit host=%s",
             (int)getpid(), options.port, options.db_path, host);
    if (version_at_least(4, 4)) {
        add_str(&build, "version", version.text);
        add_str(&build, "gitVersion", "unknown");
        add_str(&build, "openSSLVersion", OpenSSL_version(OPENSSL_VERSION));
        log_attach(&build);
    }
    log_line('I', "CONTROL", "db version v%s", version.text);
    if (!version_at_least(4, 4)) {
        log_line('I', "CONTROL", "git version: unknown");
        log_line('I', "CONTROL", "OpenSSL version: %s", OpenSSL_version(OPENSSL_VERSION));
        log_line('I', "CONTROL", "allocator: system");
        log_line('I', "CONTROL", "modules: none");
    }
    log_attach(&options.parsed);
    log_line('I', "CONTROL", "options: %s", text);
    bson_destroy(&build);
    free(text);
}

/* What a person should know of how this was started: not a warning that others can ask for. */
static void warn_of_no_authority(void)
{
    if (options.tls_mode == TLS_DISABLED || options.tls_ca != NULL)
        return;
    if (version_at_least(4, 4)) {
        log_line('W', "CONTROL",
                 "No client certificate validation can be performed since no CA file has been "
                 "provided. Please specify an sslCAFile parameter");
        return;
    }
    log_line('I', "CONTROL", "%s", "");
    log_line('I', "CONTROL",
             "** WARNING: No client certificate validation can be performed since no CA file has "
             "been provided");
    log_line('I', "CONTROL", "**          Please specify an sslCAFile parameter.");
}

/* And of the options and this machine; also what `getLog: "startupWarnings"` answers. */
static void warn(void)
{
    struct statfs fs;
    bool text = !version_at_least(4, 4);

    if (statfs(options.db_path, &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC) {
        if (text)
            log_startup_warning("STORAGE", "%s", "");
        log_startup_warning("STORAGE", "** WARNING: Using the XFS filesystem is strongly "
                                       "recommended with the WiredTiger storage engine");
        if (text)
            log_startup_warning("STORAGE", "**          See "
                                           "http://dochub.mongodb.org/core/prodnotes-filesystem");
    }
    warn_of_no_authority();
    if (geteuid() == 0) {
        log_startup_warning("CONTROL", "** WARNING: You are running this process as the root user, "
                                       "which is not recommended.");
        if (text)
            log_startup_warning("CONTROL", "%s", "");
    }
}

/* Diagnostic data are collected every full second; here only the line that this writes once. */
static void *collect(void *arg)
{
    int64_t from = wall_ms() + 600, next = from - from % 1000 + 1001;

    (void)arg;
    log_context("ftdc");
    sleep_ms(next - wall_ms());
    log_line('I', "SHARDING",
             "Marking collection local.oplog.rs as collection version: <unsharded>");
    return NULL;
}

int main(int argc, char **argv)
{
    sigset_t signals;
    int ready = -1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    version_init();
    options_parse(argc, argv);
    if (options.fork)
        ready = daemonise();
    block_signals(&signals);
    if (options.log_path != NULL && !log_to_file(options.log_path, options.log_append)) {
        log_line('F', "CONTROL", "Failed global initialization: FileNotOpen: Failed to open \"%s\"",
                 options.log_path);
        return 1;
    }
    tls_init();
    if (options.key_file != NULL && !keyfile_load(options.key_file)) {
        if (version_at_least(4, 4))
            log_line('F', "CONTROL",
                     "Error creating service context: Location5579201: Unable to "
                     "acquire security key[s]");
        return 1;
    }
    announce();
    node_init();
    bson_oid_init(&process_id, NULL);
    storage_open(options.db_path);
    warn();
    repl_load();
    if (!server_listen())
        log_and_exit(48);
    log_context("initandlisten");
    repl_start();
    if (!version_at_least(4, 4))
        spawn(collect, NULL);
    write_pid_file();
    if (ready >= 0) {
        (void)!write(ready, "1", 1);
        close(ready);
    }
    wait_for_signals(&signals);
}
