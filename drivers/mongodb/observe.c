/* Everything one member can be asked. Each question is optional: what isn't answered
 * stays unknown, and `problem` says why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/mongodb/read.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/sizes.h"

struct ek_mongodb_session {
    struct ek_mongodb_link link;  /* as our own user, or closed */
    char host[EK_HOST_PORT_SIZE]; /* that was dialled */
    bool spoke_tls;               /* this process did once; none ever stops to */
    struct ek_encrypted encrypted;
};

struct observation {
    struct ek_mongodb_link *link;
    const struct ek_mongodb_target *target;
    struct ek_mongodb_seen *seen;
    struct ek_encrypted *encrypted; /* of the session, or NULL */
    bool plaintext_logged;          /* the server writes a line for each plaintext connection */
    bool external_is_x509;          /* what is a user of $external came with a certificate */
    bool over;                      /* the connection broke: no more questions */
};

void ek_mongodb_seen_done(struct ek_mongodb_seen *seen)
{
    ek_mongodb_handshake_done(&seen->handshake);
    free(seen->doubtful_clients);
    seen->doubtful_clients = NULL;
    seen->doubtful_count = 0;
}

static void add_problem(struct ek_mongodb_seen *seen, const char *what, const char *why)
{
    size_t used = strlen(seen->problem);
    snprintf(seen->problem + used, sizeof seen->problem - used, "%s%s%s%s", used ? "; " : "", what,
             *what ? ": " : "", why);
}

/* Ask one question. 13 from a server that knows us is a problem worth telling; from one
 * that doesn't it was to be expected. */
static void ask(struct observation *of, const char *name, const bson_t *command,
                struct ek_mongodb_reply *ret_reply)
{
    ek_mongodb_command(of->link, command, ret_reply);
    if (ret_reply->lost) {
        of->over = true;
        add_problem(of->seen, name, ret_reply->words);
    } else if (ret_reply->code == EK_SERVER_UNAUTHORIZED) {
        of->seen->authorization = EK_ANSWER_YES;
        if (of->link->login != EK_LOGIN_NONE)
            add_problem(of->seen, name, ret_reply->words);
    }
}

static void ask_simply(struct observation *of, const char *name,
                       void (*read)(const bson_t *, struct ek_mongodb_seen *))
{
    if (of->over)
        return;
    bson_t command = BSON_INITIALIZER;
    BSON_APPEND_INT32(&command, name, 1);
    EK_REPLY reply;
    ask(of, name, &command, &reply);
    bson_destroy(&command);
    if (!reply.lost && reply.code != EK_SERVER_UNAUTHORIZED)
        read(&reply.document, of->seen);
}

static void ask_hello(struct observation *of)
{
    bool modern = ek_bson_true(&of->link->hello, "helloOk") ||
                  ek_bson_answer(&of->link->hello, "isWritablePrimary") != EK_ANSWER_UNKNOWN;
    ask_simply(of, modern ? "hello" : "isMaster", ek_mongodb_read_hello);
}

static void ask_status(struct observation *of)
{
    if (of->over)
        return;
    bson_t *command = BCON_NEW("replSetGetStatus", BCON_INT32(1));
    EK_REPLY reply;
    ask(of, "replSetGetStatus", command, &reply);
    bson_destroy(command);
    if (reply.lost)
        return;
    if (reply.code != EK_SERVER_UNAUTHORIZED)
        ek_mongodb_read_status(&reply.document, of->seen);
    /* A server that trusts its client with the cluster time doesn't sign it: what
     * __system is told says nothing about keys, but the greeting before the login does. */
    if (of->link->login == EK_LOGIN_USER)
        of->seen->signing_key = ek_mongodb_read_signing_key(&reply.document);
    else if (of->link->login == EK_LOGIN_SYSTEM &&
             ek_mongodb_read_signing_key(&of->link->hello) > 0)
        of->seen->signing_key = ek_mongodb_read_signing_key(&of->link->hello);
}

/* The one question that no exception for strangers answers: who gets any other reply than
 * "not authorised" may ask everything. */
static void ask_config(struct observation *of)
{
    if (of->over)
        return;
    bson_t *command = BCON_NEW("replSetGetConfig", BCON_INT32(1));
    EK_REPLY reply;
    ask(of, "replSetGetConfig", command, &reply);
    bson_destroy(command);
    if (reply.lost || reply.code == EK_SERVER_UNAUTHORIZED)
        return;
    ek_mongodb_read_config(&reply.document, of->seen);
    of->seen->authenticated = true;
}

static void ask_mode(struct observation *of)
{
    if (of->over)
        return;
    bson_t *command = BCON_NEW("getParameter", BCON_INT32(1), "tlsMode", BCON_INT32(1),
                               "disableNonTLSConnectionLogging", BCON_INT32(1),
                               "authenticationMechanisms", BCON_INT32(1));
    bson_t *old = BCON_NEW("getParameter", BCON_INT32(1), "sslMode", BCON_INT32(1),
                           "disableNonSSLConnectionLogging", BCON_INT32(1),
                           "authenticationMechanisms", BCON_INT32(1));
    EK_REPLY reply;
    ask(of, "getParameter", command, &reply);
    if (!reply.ok && !reply.lost && reply.code != EK_SERVER_UNAUTHORIZED) {
        ek_mongodb_reply_done(&reply);
        ask(of, "getParameter", old, &reply);
    }
    if (reply.ok) {
        of->plaintext_logged = !ek_bson_true(&reply.document, "disableNonTLSConnectionLogging") &&
                               !ek_bson_true(&reply.document, "disableNonSSLConnectionLogging");
        of->external_is_x509 = ek_mongodb_external_is_x509(&reply.document);
        ek_mongodb_read_mode(&reply.document, of->seen);
    }
    bson_destroy(command);
    bson_destroy(old);
}

static void ask_server_status(struct observation *of)
{
    if (of->over)
        return;
    bson_t command = BSON_INITIALIZER;
    static const char *const unwanted[] = {
        "repl",    "metrics",    "locks",       "wiredTiger", "tcmalloc",    "opLatencies",
        "network", "opcounters", "flowControl", "globalLock", "transactions"};
    BSON_APPEND_INT32(&command, "serverStatus", 1);
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        BSON_APPEND_INT32(&command, unwanted[i], 0);
    EK_REPLY reply;
    ask(of, "serverStatus", &command, &reply);
    bson_destroy(&command);
    if (!reply.ok)
        return;
    int64_t answered_ms = ek_wall_ms();
    int64_t its_ms = ek_bson_date_ms(&reply.document, "localTime");
    ek_mongodb_read_server_status(&reply.document, of->seen);
    if (its_ms > 0)
        of->seen->clock_behind_ms = answered_ms - its_ms;
}

/* As the server sees this connection. */
static void ask_own_end(struct observation *of)
{
    bson_t *command = BCON_NEW("whatsmyuri", BCON_INT32(1));
    EK_REPLY reply;
    ask(of, "whatsmyuri", command, &reply);
    struct ek_mongodb_address *end = &of->seen->own_end;
    if (reply.ok)
        ek_bson_copy_text(&reply.document, "you", end->text, sizeof end->text);
    bson_destroy(command);
}

static void ask_clients(struct observation *of)
{
    const struct ek_mongodb_seen *seen = of->seen;
    bool told = seen->mode_running == EK_SSL_PREFER ||
                (seen->mode_running == EK_SSL_REQUIRE && of->plaintext_logged);
    if (of->over || !seen->authenticated || !told)
        return;
    bson_t *open = BCON_NEW("currentOp", BCON_BOOL(true), "$all", BCON_BOOL(true));
    bson_t *lines = BCON_NEW("getLog", BCON_UTF8("global"));
    EK_REPLY current_op, log;
    of->seen->clients_at_s = ek_wall_ms() / 1000;
    ask(of, "currentOp", open, &current_op);
    ask(of, "getLog", lines, &log);
    const struct ek_client_answers answers = {.current_op = &current_op.document,
                                              .log = &log.document,
                                              .plaintext_logged = of->plaintext_logged,
                                              .external_is_x509 = of->external_is_x509,
                                              .encrypted = of->encrypted};
    if (current_op.ok && log.ok)
        ek_mongodb_read_clients(&answers, of->seen);
    if (seen->doubtful_count > 0)
        ask_own_end(of);
    bson_destroy(open);
    bson_destroy(lines);
}

static void ask_everything(struct observation *of)
{
    of->seen->by_tls = of->link->by_tls;
    of->seen->as_system = of->link->login == EK_LOGIN_SYSTEM;
    of->seen->authenticated = of->link->login != EK_LOGIN_NONE;
    ask_hello(of);
    ask_simply(of, "buildInfo", ek_mongodb_read_build_info);
    ask_status(of);
    ask_config(of);
    ask_mode(of);
    ask_simply(of, "getCmdLineOpts", ek_mongodb_read_options);
    ask_server_status(of);
    ask_clients(of);
}

/* Returns 0 with a usable link, or the failure, which is also noted. */
static int log_in_as(struct observation *of, enum ek_login login, int64_t deadline)
{
    struct ek_error failure = {0};
    const struct ek_mongodb_dial dial = {of->target, &of->seen->handshake, login, deadline};
    ek_mongodb_link_done(of->link);
    int failed = ek_mongodb_link_open(&dial, of->link, &failure);
    if (of->link->client && !bson_empty(&of->link->hello)) {
        of->seen->by_tls = of->link->by_tls;
        ek_mongodb_read_hello(&of->link->hello, of->seen);
    }
    if (failed)
        add_problem(of->seen, "", failure.sentence);
    return failed;
}

/* Own user, else the set's key, else nobody. */
static int log_in(struct observation *of, int64_t deadline)
{
    const struct ek_mongodb_target *target = of->target;
    enum ek_login first = ek_mongodb_first_login(target);
    int failed = EK_DENIED;
    if (first == EK_LOGIN_USER || first == EK_LOGIN_CERTIFICATE) {
        failed = log_in_as(of, first, deadline);
        if (failed == 0)
            of->seen->own_user = EK_ANSWER_YES;
        else if (failed == EK_DENIED)
            of->seen->own_user = EK_ANSWER_NO;
    }
    if (failed == EK_DENIED && target->key_file) {
        failed = log_in_as(of, EK_LOGIN_SYSTEM, deadline);
        if (failed == 0)
            of->seen->problem[0] = '\0'; /* the refusal of the own user hid nothing */
    }
    if (failed == EK_DENIED)
        failed = log_in_as(of, EK_LOGIN_NONE, deadline);
    return failed;
}

void ek_mongodb_session_free(struct ek_mongodb_session *session)
{
    if (!session)
        return;
    ek_mongodb_link_done(&session->link);
    ek_encrypted_done(&session->encrypted);
    free(session);
}

/* Ask over the connection that was kept, when it is what would be made now. False: ask anew. */
static bool ask_again(struct observation *of, const char *host, int64_t deadline)
{
    const struct ek_mongodb_session *session = *of->target->session;
    const struct ek_mongodb_handshake *now = &of->seen->handshake;
    if (!session->link.client || session->link.by_tls != (now->tls == EK_ANSWER_YES) ||
        session->link.proven != now->verified ||
        session->link.login != ek_mongodb_first_login(of->target) ||
        strcmp(session->host, host) != 0)
        return false;
    struct ek_mongodb_seen *seen = of->seen;
    struct ek_mongodb_handshake handshake = seen->handshake;
    of->link->deadline = deadline;
    if (session->link.login == EK_LOGIN_USER)
        seen->own_user = EK_ANSWER_YES;
    ask_everything(of);
    if (!of->over)
        return true;
    of->over = false;
    free(seen->doubtful_clients);
    ek_mongodb_seen_init(seen);
    seen->handshake = handshake;
    return false;
}

static void ask_as_known(struct observation *of, const char *host, int64_t deadline)
{
    struct ek_mongodb_session *session = of->target->session ? *of->target->session : NULL;
    if (session && ask_again(of, host, deadline))
        return;
    if (log_in(of, deadline) == 0)
        ask_everything(of);
    if (session)
        snprintf(session->host, sizeof session->host, "%s", host);
}

/* The keyFile's connection is kept only while there is no replica set: later, which key signs the
 * cluster time is seen in a new greeting alone. */
static void hang_up(struct observation *of)
{
    enum ek_login login = of->link->login;
    bool lasting =
        login == EK_LOGIN_USER || (login == EK_LOGIN_SYSTEM && of->seen->initiated == EK_ANSWER_NO);
    bool keep = of->target->session && !of->over && of->seen->authenticated && lasting &&
                login == ek_mongodb_first_login(of->target);
    if (!keep)
        ek_mongodb_link_done(of->link);
}

/* A server that spoke TLS and seems not to any more is one that somebody stands in front of. */
static void remember_tls(struct ek_mongodb_session *session, struct ek_mongodb_handshake *handshake)
{
    session->spoke_tls |= handshake->tls == EK_ANSWER_YES;
    if (!session->spoke_tls || handshake->tls != EK_ANSWER_NO)
        return;
    handshake->tls = EK_ANSWER_UNKNOWN;
    snprintf(handshake->problem, sizeof handshake->problem,
             "it spoke TLS before, and now it does not");
}

int ek_mongodb_observe(const struct ek_mongodb_target *target, int64_t deadline,
                       struct ek_mongodb_seen *ret_seen, struct ek_error *err)
{
    struct ek_mongodb_link link = {0};
    struct ek_mongodb_session *session = target->session ? *target->session : NULL;
    if (target->session && !session)
        *target->session = session = calloc(1, sizeof *session);
    struct ek_mongodb_seen *seen = malloc(sizeof *seen);
    if (!seen || (target->session && !session)) {
        free(seen);
        return ek_no_memory(err);
    }
    ek_mongodb_seen_init(seen);
    struct observation of = {.target = target,
                             .seen = seen,
                             .link = session ? &session->link : &link,
                             .encrypted = session ? &session->encrypted : NULL};
    const char *host = target->tls_host ? target->tls_host : target->plain_host;
    int64_t half = ek_monotonic_ms() + ek_time_left_ms(deadline) / 2;
    const struct ek_mongodb_tls_question question = {host, target->port, target->ca_file};
    int failed = ek_mongodb_handshake(&question, half, &seen->handshake, err);
    if (!failed && session)
        remember_tls(session, &seen->handshake);
    if (!failed) {
        ask_as_known(&of, host, deadline);
        /* Without any login but nothing hidden from us: authentication is off. */
        if (seen->authenticated && of.link->login == EK_LOGIN_NONE)
            seen->problem[0] = '\0';
        bool hides_tls = seen->mode_running >= EK_SSL_ALLOW && !seen->handshake.certificate_pem;
        if ((!seen->answered || hides_tls) && seen->handshake.problem[0])
            add_problem(seen, "TLS", seen->handshake.problem);
        *ret_seen = *seen;
    }
    hang_up(&of);
    free(seen);
    return failed;
}
