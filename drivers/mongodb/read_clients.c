/* Which client connections of a server are not using SSL, and since when none was.
 *
 * A server has no such flag per connection. In preferSSL it logs one line for each plaintext
 * connection when that is opened; getLog gives its last 1024 lines, and currentOp says
 * which connections are still open and whose they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/log_line.h"
#include "drivers/mongodb/read.h"

struct connection {
    int64_t id;
    bool plaintext, tls; /* as the log says */
    bool told;           /* it began where the log would say that it is plaintext */
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
    bool timeless;         /* a line that matters has no time */
    bool told;             /* a plaintext connection is told of where the reading is */
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

static bool read_open_connections(const bson_t *current_op, struct connections *open)
{
    bson_t operations, operation;
    bson_iter_t at;
    if (!ek_bson_document(current_op, "inprog", &operations) || !bson_iter_init(&at, &operations))
        return false;
    open->list = bson_malloc0((bson_count_keys(&operations) + 1) * sizeof *open->list);
    while (bson_iter_next(&at)) {
        if (!ek_bson_iter_document(&at, &operation) || !is_client(&operation))
            continue;
        int64_t id = ek_bson_int(&operation, "connectionId", -1);
        if (id >= 0 && !connection_with_id(open, id))
            open->list[open->count++].id = id;
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
        open->list[i].told = false;
    history->logging_set_s = at_s;
    history->timeless |= at_s == 0;
}

static void take_line(const struct ek_log_line *line, struct connections *open,
                      struct history *history)
{
    struct connection none;
    struct connection *found = connection_with_id(open, line->connection);
    struct connection *connection = found ? found : &none;
    switch (line->word) {
    case EK_LOG_OTHER: break;
    case EK_LOG_ACCEPTED: connection->told = history->told; break;
    case EK_LOG_PLAINTEXT:
        connection->plaintext = true;
        arrives(history, line);
        break;
    case EK_LOG_NO_CERTIFICATE: connection->tls = true; break;
    case EK_LOG_INTERNAL: is_no_client(history, line->connection); break;
    case EK_LOG_MODE_SET: /* from allowSSL or preferSSL, upwards */
        history->mode_set_s = line->at_s;
        history->timeless |= line->at_s == 0;
        history->told = true;
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

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Whole seconds: what happened in one is over with the next. A server that was started below
 * preferSSL, and whose log no longer shows when that changed, may have kept silent before. */
static void tell_since(const struct history *history, struct ek_mongodb_seen *seen)
{
    int64_t whole_s = later(history->begins_s, history->logging_set_s) + 1;
    if (history->timeless || history->begins_s == 0)
        return;
    for (size_t i = 0; i < history->arrival_count; i++)
        if (!history->arrivals[i].internal)
            whole_s = later(whole_s, history->arrivals[i].at_s + 1);
    seen->clients_told_since_s = whole_s;
    if (seen->mode_at_start >= EK_SSL_PREFER)
        seen->no_plaintext_since_s = whole_s;
    else
        seen->no_plaintext_since_s =
            later(whole_s, history->mode_set_s > 0 ? history->mode_set_s + 1 : seen->clients_at_s);
}

void ek_mongodb_read_clients(const bson_t *log, const bson_t *current_op,
                             struct ek_mongodb_seen *seen)
{
    EK_CLEANUP(connections_done) struct connections open = {0};
    EK_CLEANUP(history_done)
    struct history history = {.told = seen->mode_at_start >= EK_SSL_PREFER};
    if (seen->mode_running != EK_SSL_PREFER && seen->mode_running != EK_SSL_REQUIRE)
        return;
    if (!read_open_connections(current_op, &open) || !read_log(log, &open, &history))
        return;
    seen->plaintext_clients = seen->undecided_clients = 0;
    for (size_t i = 0; i < open.count; i++)
        if (open.list[i].plaintext)
            seen->plaintext_clients++;
        else if (!open.list[i].tls && !open.list[i].told)
            seen->undecided_clients++;
    tell_since(&history, seen);
}
