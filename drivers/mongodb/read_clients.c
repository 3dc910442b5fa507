/* Which client connections of a server are not using SSL, and since when none was.
 *
 * A server has no such flag per connection. What decides:
 *   in plaintext: the line that a server in preferSSL writes for each plaintext connection when it
 *     is opened. getLog gives the log's last 1024 lines, and currentOp says which connections are
 *     still open and whose they are;
 *   by TLS: every connection of a server that was started in requireSSL; one that began where such
 *     a line would have been written, and wasn't; one that was noted to bring no certificate; one
 *     with a user of $external, where MONGODB-X509 alone makes such users; and one of which any of
 *     these was seen before, in the same process;
 *   gone: what currentOp does not name any more, and what has no socket on the host any more
 *     (reconciler/aspects/transport/observe_sockets.c).
 * Every other connection is undecided.
 *
 * What decides nothing: serverStatus.transportSecurity counts every TLS handshake that ended, those
 * that the server began itself, to its peers, and those of connections that are closed since among
 * them; so "as many handshakes as connections" proves nothing about any of them, and it is never 0
 * where we look, since looking takes a handshake. A socket's addresses and counters are the same
 * for both kinds, and who reads along sees other people's data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/log_line.h"
#include "drivers/mongodb/read.h"

struct connection {
    int64_t id;
    bool plaintext, tls; /* as the log says, or the user, or an earlier look */
    bool kind_logged;    /* it began where the log would say that it is plaintext */
    bool spoke;          /* it has sent something: what the log has to say of it is said */
    struct ek_mongodb_address end;
};

struct connections {
    struct connection *list;
    size_t count;
};

/* A connection that came in plaintext, whether it is still open or not. */
struct arrival {
    int64_t id;
    int64_t at_s;
    bool internal; /* a member's, or our own */
};

/* What the log says besides, from its first line to its last. */
struct history {
    struct arrival *arrivals;
    size_t arrival_count;
    int64_t begins_s;      /* time of its first line; 0 not known */
    int64_t mode_set_s;    /* sslMode was changed at run time; 0 not seen */
    int64_t logging_set_s; /* what is told was changed at run time; 0 not seen */
    int64_t last_accepted; /* the latest connection whose beginning it tells; -1 none */
    bool timeless;         /* a line that matters has no time */
    bool kind_logged;      /* a plaintext connection is told of where the reading is */
    bool logged;           /* as far as that is for what is set now to say */
};

static void history_done(struct history *history)
{
    bson_free(history->arrivals);
}

static void connections_done(struct connections *connections)
{
    bson_free(connections->list);
}

static struct connection *connection_with_id(struct connections *all, int64_t id)
{
    for (size_t i = 0; id >= 0 && i < all->count; i++)
        if (all->list[i].id == id)
            return &all->list[i];
    return NULL;
}

/* Connections of members and our own are no clients. */
static bool is_client(const bson_t *operation)
{
    if (ek_connection_is_internal(ek_bson_text(operation, "appName"),
                                  ek_bson_text(operation, "clientMetadata.driver.name")))
        return false;
    bson_t users, user;
    bson_iter_t at;
    if (!ek_bson_document(operation, "effectiveUsers", &users) || !bson_iter_init(&at, &users))
        return true;
    while (bson_iter_next(&at)) {
        const char *who;
        if (ek_bson_iter_document(&at, &user) && (who = ek_bson_text(&user, "user")) &&
            strcmp(who, "__system") == 0)
            return false;
    }
    return true;
}

bool ek_mongodb_external_is_x509(const bson_t *reply)
{
    static const char *const others[] = {"MONGODB-X509", "SCRAM-SHA-1", "SCRAM-SHA-256",
                                         "MONGODB-CR"};
    bson_t mechanisms;
    bson_iter_t at;
    if (!ek_bson_document(reply, "authenticationMechanisms", &mechanisms) ||
        !bson_iter_init(&at, &mechanisms))
        return false;
    while (bson_iter_next(&at)) {
        bool known = false;
        for (size_t i = 0; BSON_ITER_HOLDS_UTF8(&at) && i < sizeof others / sizeof *others; i++)
            known |= strcmp(bson_iter_utf8(&at, NULL), others[i]) == 0;
        if (!known)
            return false;
    }
    return true;
}

/* Whom the server knows by a certificate that came over this very connection. */
static bool has_external_user(const bson_t *operation)
{
    bson_t users, user;
    bson_iter_t at;
    bool found = false;
    if (!ek_bson_document(operation, "effectiveUsers", &users) || !bson_iter_init(&at, &users) ||
        ek_bson_find(operation, "runBy", &at)) /* for somebody who is connected elsewhere */
        return false;
    for (bson_iter_init(&at, &users); bson_iter_next(&at) && !found;) {
        const char *database = ek_bson_iter_document(&at, &user) ? ek_bson_text(&user, "db") : NULL;
        found = database && strcmp(database, "$external") == 0;
    }
    return found;
}

static int compare_ids(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static bool known_before(const struct ek_encrypted *encrypted, int64_t id)
{
    return encrypted && encrypted->count > 0 &&
           bsearch(&id, encrypted->ids, encrypted->count, sizeof id, compare_ids);
}

static bool uses_tls(const struct ek_client_answers *answers, const bson_t *operation, int64_t id)
{
    return known_before(answers->encrypted, id) ||
           (answers->external_is_x509 && has_external_user(operation));
}

static bool read_open_connections(const struct ek_client_answers *answers, struct connections *open)
{
    bson_t operations, operation;
    bson_iter_t at, unused;
    if (!ek_bson_document(answers->current_op, "inprog", &operations) ||
        !bson_iter_init(&at, &operations))
        return false;
    open->list = bson_malloc0((bson_count_keys(&operations) + 1) * sizeof *open->list);
    while (bson_iter_next(&at)) {
        if (!ek_bson_iter_document(&at, &operation) || !is_client(&operation))
            continue;
        int64_t id = ek_bson_int(&operation, "connectionId", -1);
        if (id < 0 || connection_with_id(open, id))
            continue;
        struct connection *connection = &open->list[open->count++];
        connection->id = id;
        connection->tls = uses_tls(answers, &operation, id);
        connection->spoke = ek_bson_find(&operation, "clientMetadata", &unused) ||
                            ek_bson_find(&operation, "effectiveUsers", &unused);
        ek_bson_copy_text(&operation, "client", connection->end.text, sizeof connection->end.text);
    }
    return true;
}

static void arrives(struct history *history, const struct ek_log_line *line)
{
    size_t size = (history->arrival_count + 1) * sizeof *history->arrivals;
    history->arrivals = bson_realloc(history->arrivals, size);
    history->arrivals[history->arrival_count++] =
        (struct arrival){.id = line->connection, .at_s = line->at_s};
    history->timeless |= line->at_s == 0;
}

static void is_no_client(struct history *history, int64_t id)
{
    for (size_t i = 0; i < history->arrival_count; i++)
        if (history->arrivals[i].id == id)
            history->arrivals[i].internal = true;
}

/* Of connections from before, nobody knows what was not told. */
static void tells_otherwise(struct history *history, struct connections *open, int64_t at_s)
{
    for (size_t i = 0; i < open->count; i++)
        open->list[i].kind_logged = false;
    history->logging_set_s = at_s;
    history->timeless |= at_s == 0;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void take_line(const struct ek_log_line *line, struct connections *open,
                      struct history *history)
{
    struct connection none;
    struct connection *found = connection_with_id(open, line->connection);
    struct connection *connection = found ? found : &none;
    switch (line->word) {
    case EK_LOG_OTHER: break;
    case EK_LOG_ACCEPTED:
        connection->kind_logged = history->kind_logged;
        history->last_accepted = later(history->last_accepted, line->connection);
        break;
    case EK_LOG_PLAINTEXT:
        connection->plaintext = true;
        arrives(history, line);
        break;
    case EK_LOG_NO_CERTIFICATE: connection->tls = true; break;
    case EK_LOG_INTERNAL: is_no_client(history, line->connection); break;
    case EK_LOG_MODE_SET: /* from allowSSL or preferSSL, upwards */
        history->mode_set_s = line->at_s;
        history->timeless |= line->at_s == 0;
        history->kind_logged = history->logged;
        break;
    case EK_LOG_LOGGING_SET: tells_otherwise(history, open, line->at_s); break;
    }
}

static bool read_log(const bson_t *log, struct connections *open, struct history *history)
{
    bson_t lines;
    bson_iter_t at;
    if (!ek_bson_document(log, "log", &lines) || !bson_iter_init(&at, &lines))
        return false;
    while (bson_iter_next(&at)) {
        struct ek_log_line line;
        if (!BSON_ITER_HOLDS_UTF8(&at))
            continue;
        ek_log_line_read(bson_iter_utf8(&at, NULL), &line);
        if (history->begins_s == 0)
            history->begins_s = line.at_s;
        take_line(&line, open, history);
    }
    return true;
}

/* Whole seconds: what happened in one is over with the next. The log's times are by the server's
 * clock, what comes out is by ours. A server that was started below preferSSL, and whose log no
 * longer shows when that changed, may have kept silent before. */
static void tell_since(const struct history *history, struct ek_mongodb_seen *seen)
{
    int64_t whole_s = later(history->begins_s, history->logging_set_s) + 1;
    if (!history->logged || history->timeless || history->begins_s == 0 ||
        seen->clock_behind_ms == INT64_MIN)
        return;
    for (size_t i = 0; i < history->arrival_count; i++)
        if (!history->arrivals[i].internal)
            whole_s = later(whole_s, history->arrivals[i].at_s + 1);
    int64_t behind_s = seen->clock_behind_ms / 1000 + (seen->clock_behind_ms % 1000 > 0);
    whole_s += behind_s;
    seen->clients_told_since_s = whole_s;
    if (seen->mode_at_start >= EK_SSL_PREFER)
        seen->no_plaintext_since_s = whole_s;
    else
        seen->no_plaintext_since_s =
            later(whole_s, history->mode_set_s > 0 ? history->mode_set_s + 1 + behind_s
                                                   : seen->clients_at_s);
}

/* currentOp may name a connection before the log does; until the log has, it is not read from. */
static bool has_not_begun(const struct connection *connection, const struct history *history)
{
    return !connection->spoke && history->last_accepted >= 0 &&
           connection->id > history->last_accepted;
}

static bool is_undecided(const struct connection *connection, const struct history *history)
{
    return !connection->plaintext && !connection->tls && !connection->kind_logged &&
           !has_not_begun(connection, history);
}

/* For want of memory less is known the next time, nothing else. */
static void remember(const struct connections *open, struct ek_encrypted *encrypted)
{
    int64_t *ids = malloc((open->count + 1) * sizeof *ids);
    ek_encrypted_done(encrypted);
    for (size_t i = 0; ids && i < open->count; i++) {
        const struct connection *connection = &open->list[i];
        if (!connection->plaintext &&
            (connection->tls || (connection->kind_logged && connection->spoke)))
            ids[encrypted->count++] = connection->id;
    }
    encrypted->ids = ids;
    if (ids)
        qsort(ids, encrypted->count, sizeof *ids, compare_ids);
}

void ek_encrypted_done(struct ek_encrypted *encrypted)
{
    free(encrypted->ids);
    *encrypted = (struct ek_encrypted){0};
}

void ek_mongodb_read_clients(const struct ek_client_answers *answers, struct ek_mongodb_seen *seen)
{
    EK_CLEANUP(connections_done) struct connections open = {0};
    EK_CLEANUP(history_done)
    struct history history = {.last_accepted = -1,
                              .logged = answers->plaintext_logged,
                              .kind_logged = answers->plaintext_logged &&
                                             seen->mode_at_start >= EK_SSL_PREFER};
    if (seen->mode_running != EK_SSL_PREFER && seen->mode_running != EK_SSL_REQUIRE)
        return;
    if (!read_open_connections(answers, &open) || !read_log(answers->log, &open, &history))
        return;
    seen->plaintext_clients = seen->undecided_clients = 0;
    seen->doubtful_clients = calloc(open.count + 1, sizeof *seen->doubtful_clients);
    for (size_t i = 0; i < open.count; i++) {
        const struct connection *connection = &open.list[i];
        bool came_by_tls = seen->mode_at_start == EK_SSL_REQUIRE;
        if (!connection->plaintext && (came_by_tls || !is_undecided(connection, &history)))
            continue;
        if (connection->plaintext)
            seen->plaintext_clients++;
        else
            seen->undecided_clients++;
        if (seen->doubtful_clients)
            seen->doubtful_clients[seen->doubtful_count++] = connection->end;
    }
    if (answers->encrypted)
        remember(&open, answers->encrypted);
    tell_since(&history, seen);
}
