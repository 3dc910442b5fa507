/* Connections: direct, one server, one short-lived client each. A fresh client has no
 * memory, so that the cluster time it reports is that server's own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/key_file.h"
#include "drivers/mongodb/link.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/sizes.h"

enum { TIMEOUT_LEAST_MS = 50 };

/* libmongoc keeps counters in /dev/shm/mongoc-PID, from before main() on: a process that is
 * killed leaves the file behind, and the next one with that pid complains about it on stderr.
 * Nobody reads ours: they get memory without a name. */
__attribute__((visibility("default"))) int shm_open(const char *name, int flags, mode_t mode)
{
    (void)flags, (void)mode;
    return memfd_create(name[0] == '/' ? name + 1 : name, MFD_CLOEXEC);
}

__attribute__((visibility("default"))) int shm_unlink(const char *name)
{
    (void)name;
    return 0;
}

static void keep_quiet(mongoc_log_level_t level, const char *domain, const char *message,
                       void *context)
{
    (void)level, (void)domain, (void)message, (void)context;
}

static void start_library(void)
{
    mongoc_log_set_handler(keep_quiet, NULL);
    mongoc_init();
    atexit(mongoc_cleanup);
}

void ek_mongodb_library_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_library);
}

void ek_mongodb_link_done(struct ek_mongodb_link *link)
{
    if (!link->client)
        return;
    mongoc_client_destroy(link->client);
    bson_destroy(&link->hello);
    link->client = NULL;
}

static void free_uri(mongoc_uri_t **uri)
{
    mongoc_uri_destroy(*uri);
}
#define EK_URI EK_CLEANUP(free_uri) mongoc_uri_t

static void set_timeouts(mongoc_uri_t *uri, int64_t deadline)
{
    int64_t left = ek_time_left_ms(deadline);
    int32_t ms = left > INT32_MAX ? INT32_MAX : (int32_t)left;
    if (ms < TIMEOUT_LEAST_MS)
        ms = TIMEOUT_LEAST_MS;
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, ms);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, ms);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, ms);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, true);
}

/* How __system proves itself. */
struct proof {
    const char *mechanism;
    const struct ek_secret *key;
};

static bool set_login(mongoc_uri_t *uri, const struct ek_mongodb_target *target,
                      enum ek_login login, const struct proof *proof)
{
    switch (login) {
    case EK_LOGIN_NONE: return true;
    case EK_LOGIN_USER:
        return mongoc_uri_set_username(uri, target->user) &&
               mongoc_uri_set_password(uri, ek_secret_reveal(target->password)) &&
               mongoc_uri_set_auth_source(uri,
                                          target->user_database ? target->user_database : "admin");
    case EK_LOGIN_CERTIFICATE:
        return mongoc_uri_set_auth_mechanism(uri, "MONGODB-X509") &&
               mongoc_uri_set_auth_source(uri, "$external");
    case EK_LOGIN_SYSTEM:
        return mongoc_uri_set_username(uri, "__system") &&
               mongoc_uri_set_password(uri, ek_secret_reveal(proof->key)) &&
               mongoc_uri_set_auth_source(uri, "local") &&
               mongoc_uri_set_auth_mechanism(uri, proof->mechanism);
    }
    return false;
}

static mongoc_uri_t *new_uri(const char *host, int port)
{
    char bracketed[EK_HOST_PORT_SIZE];
    bool bare_address = strchr(host, ':') && host[0] != '[';
    snprintf(bracketed, sizeof bracketed, bare_address ? "[%s]" : "%s", host);
    return port > 0 && port <= UINT16_MAX ? mongoc_uri_new_for_host_port(bracketed, (uint16_t)port)
                                          : NULL;
}

/* Without authorities (NULL): encrypted, but with whoever answers. */
static void set_tls(mongoc_uri_t *uri, const char *ca_file, const char *client_certificate)
{
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLS, true);
    if (client_certificate)
        mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, client_certificate);
    if (ca_file) {
        mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, ca_file);
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSDISABLEOCSPENDPOINTCHECK, true);
    } else {
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, true);
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, true);
    }
}

/* The one that was given, or our own once it was asked for; NULL: none is shown. */
static const char *client_certificate(const struct ek_mongodb_target *target,
                                      char path[static EK_CLIENT_PATH_SIZE])
{
    const struct ek_mongodb_client_maker *client = target->client;
    if (target->client_certificate)
        return target->client_certificate;
    return client && client->file(client->context, false, path) ? path : NULL;
}

static int new_client(const struct ek_mongodb_dial *dial, const struct proof *proof,
                      struct ek_mongodb_link *ret_link, struct ek_error *err)
{
    const struct ek_mongodb_target *target = dial->target;
    const struct ek_mongodb_handshake *handshake = dial->handshake;
    struct ek_mongodb_link link = {.deadline = dial->deadline,
                                   .login = dial->login,
                                   .by_tls = handshake->tls == EK_ANSWER_YES,
                                   .proven = handshake->verified};
    /* Somebody who keeps us from shaking hands must not make us speak openly. */
    if (handshake->tls == EK_ANSWER_UNKNOWN)
        return ek_fail(err, EK_UNREACHABLE, "EK-0430", "%s does not answer: %s", target->member,
                       handshake->problem);
    const char *host = link.by_tls && target->tls_host ? target->tls_host : target->plain_host;
    EK_URI *uri = new_uri(host, target->port);
    if (!uri)
        return ek_fail(err, EK_INVALID, "EK-0446", "%s: %s:%d is no address of a server",
                       target->member, host, target->port);
    set_timeouts(uri, dial->deadline);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_DIRECTCONNECTION, true);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, false);
    mongoc_uri_set_appname(uri, "evenkeel");
    char path[EK_CLIENT_PATH_SIZE];
    if (link.by_tls)
        set_tls(uri, link.proven ? target->ca_file : NULL, client_certificate(target, path));
    else if (dial->login == EK_LOGIN_CERTIFICATE)
        return ek_fail(err, EK_DENIED, "EK-0432",
                       "%s speaks no TLS, so that no certificate can be shown to it",
                       target->member);
    if (!set_login(uri, target, dial->login, proof))
        return ek_fail(err, EK_INVALID, "EK-0446",
                       "%s: name or password of the login can't be used (not UTF-8?)",
                       target->member);
    link.client = mongoc_client_new_from_uri(uri);
    if (!link.client)
        return ek_fail(err, EK_SYSTEM, "EK-0450", "%s: no client could be made", target->member);
    mongoc_client_set_error_api(link.client, MONGOC_ERROR_API_VERSION_2);
    *ret_link = link;
    bson_init(&ret_link->hello);
    return 0;
}

/* The very first exchange, before any login: who answers at all? */
static int greet(struct ek_mongodb_link *link, const struct ek_mongodb_target *target,
                 struct ek_error *err)
{
    bson_error_t error = {0};
    mongoc_server_description_t *server =
        mongoc_client_select_server(link->client, false, NULL, &error);
    if (!server)
        return ek_fail(err, EK_UNREACHABLE, "EK-0430", "%s does not answer %s: %s", target->member,
                       link->by_tls ? "over TLS" : "in plaintext", error.message);
    bson_destroy(&link->hello);
    bson_copy_to(mongoc_server_description_hello_response(server), &link->hello);
    mongoc_server_description_destroy(server);
    return 0;
}

static const char *who(const struct ek_mongodb_link *link, const struct ek_mongodb_target *target)
{
    switch (link->login) {
    case EK_LOGIN_SYSTEM: return "__system with the keyFile";
    case EK_LOGIN_CERTIFICATE: return "the subject of the client certificate";
    case EK_LOGIN_NONE:
    case EK_LOGIN_USER: break;
    }
    return target->user;
}

static int log_in(struct ek_mongodb_link *link, const struct ek_mongodb_target *target,
                  struct ek_error *err)
{
    bson_t *command = BCON_NEW("ping", BCON_INT32(1));
    EK_REPLY reply;
    ek_mongodb_command(link, command, &reply);
    bson_destroy(command);
    if (reply.ok)
        return 0;
    if (reply.refused)
        return ek_fail(err, EK_DENIED, "EK-0432", "%s refuses the login as %s: %s", target->member,
                       who(link, target), reply.words);
    if (reply.lost)
        return ek_fail(err, EK_UNREACHABLE, "EK-0430", "%s broke off during the login: %s",
                       target->member, reply.words);
    return ek_mongodb_reply_fail(&reply, target->member, "ping", err);
}

static int open_once(const struct ek_mongodb_dial *dial, const struct proof *proof,
                     struct ek_mongodb_link *ret_link, struct ek_error *err)
{
    int failed = new_client(dial, proof, ret_link, err);
    if (!failed)
        failed = greet(ret_link, dial->target, err);
    if (!failed && dial->login != EK_LOGIN_NONE)
        failed = log_in(ret_link, dial->target, err);
    return failed;
}

/* A server that wants a certificate of its clients ends the connection without a word: that is
 * tried again with one, if there was none so far. */
static int open_with(const struct ek_mongodb_dial *dial, const struct proof *proof,
                     struct ek_mongodb_link *ret_link, struct ek_error *err)
{
    char path[EK_CLIENT_PATH_SIZE];
    const struct ek_mongodb_client_maker *client = dial->target->client;
    bool bare = client && !dial->target->client_certificate &&
                dial->handshake->tls == EK_ANSWER_YES &&
                !client->file(client->context, false, path);
    struct ek_error refusal = {0};
    int failed = open_once(dial, proof, ret_link, &refusal);
    if (failed == EK_UNREACHABLE && bare && ek_time_left_ms(dial->deadline) > 0 &&
        client->file(client->context, true, path)) {
        ek_mongodb_link_done(ret_link);
        return open_once(dial, proof, ret_link, err);
    }
    if (failed && err)
        *err = refusal;
    return failed;
}

/* With this key, and what the server knows to take it by. */
static int open_by_key(const struct ek_mongodb_dial *dial, const struct ek_secret *key,
                       struct ek_mongodb_link *ret_link, struct ek_error *err)
{
    struct proof proof = {"SCRAM-SHA-256", key};
    int failed = open_with(dial, &proof, ret_link, err);
    if (failed != EK_DENIED ||
        ek_bson_int(&ret_link->hello, "maxWireVersion", EK_WIRE_VERSION_4_0) >= EK_WIRE_VERSION_4_0)
        return failed;
    ek_mongodb_link_done(ret_link);
    proof.mechanism = "SCRAM-SHA-1";
    return open_with(dial, &proof, ret_link, err);
}

int ek_mongodb_link_open(const struct ek_mongodb_dial *dial, struct ek_mongodb_link *ret_link,
                         struct ek_error *err)
{
    static const struct proof none = {0};
    ek_mongodb_library_start();
    *ret_link = (struct ek_mongodb_link){0};
    if (dial->login != EK_LOGIN_SYSTEM)
        return open_with(dial, &none, ret_link, err);
    int failed = EK_DENIED;
    for (size_t i = 0; i < EK_KEYS_MAX && failed == EK_DENIED; i++) {
        EK_SECRET *key = NULL;
        if (ek_key_file_key(dial->target->key_file, i, &key, err) != 0)
            return EK_NO_MEMORY;
        if (!key && i > 0)
            break;
        ek_mongodb_link_done(ret_link);
        failed = key ? open_by_key(dial, key, ret_link, err)
                     : ek_fail(err, EK_INVALID, "EK-0457", "the keyFile holds no key");
    }
    return failed;
}

enum ek_login ek_mongodb_first_login(const struct ek_mongodb_target *target)
{
    if (target->user && target->password)
        return EK_LOGIN_USER;
    if (target->client_certificate && target->by_certificate)
        return EK_LOGIN_CERTIFICATE;
    return target->key_file ? EK_LOGIN_SYSTEM : EK_LOGIN_NONE;
}

int ek_mongodb_link_for_act(const struct ek_mongodb_target *target, int64_t deadline,
                            struct ek_mongodb_link *ret_link, struct ek_error *err)
{
    EK_CLEANUP(ek_mongodb_handshake_done) struct ek_mongodb_handshake handshake = {0};
    const struct ek_mongodb_tls_question question = {
        target->tls_host ? target->tls_host : target->plain_host, target->port, target->ca_file};
    struct ek_mongodb_dial dial = {.target = target, .handshake = &handshake, .deadline = deadline};
    int64_t half = ek_monotonic_ms() + ek_time_left_ms(deadline) / 2;
    *ret_link = (struct ek_mongodb_link){0};
    int failed = ek_mongodb_handshake(&question, half, &handshake, err);
    if (failed)
        return failed;
    dial.login = ek_mongodb_first_login(target);
    if (dial.login == EK_LOGIN_USER || dial.login == EK_LOGIN_CERTIFICATE) {
        failed = ek_mongodb_link_open(&dial, ret_link, err);
        if (failed != EK_DENIED || !target->key_file)
            return failed;
        ek_mongodb_link_done(ret_link);
    }
    dial.login = target->key_file ? EK_LOGIN_SYSTEM : EK_LOGIN_NONE;
    return ek_mongodb_link_open(&dial, ret_link, err);
}
