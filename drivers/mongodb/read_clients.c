/* Which client connections of a server are not using SSL.
 *
 * A server has no such flag per connection. In preferSSL it logs one line for each plaintext
 * connection when that is opened; getLog gives its last 1024 lines, and currentOp says
 * which connections are still open and whose they are. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/read.h"

enum { LOG_ID_PLAINTEXT = 23838, LOG_ID_NO_CERTIFICATE = 23234, LOG_ID_ACCEPTED = 22943 };

struct connection {
    int64_t id;
    bool plaintext, tls, accepted; /* what the log says of it */
};

struct connections {
    struct connection *list;
    size_t count;
};

static void connections_done(struct connections *connections)
{
    bson_free(connections->list);
}

/* The number after the first occurrence of `mark`, or -1. */
static int64_t number_after(const char *line, const char *mark)
{
    const char *at = strstr(line, mark);
    if (!at)
        return -1;
    at += strlen(mark);
    char *end;
    long long number = strtoll(at, &end, 10);
    return end == at ? -1 : number;
}

static struct connection *connection_with_id(struct connections *all, int64_t id)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].id == id)
            return &all->list[i];
    return NULL;
}

static void read_text_line(const char *line, struct connections *open)
{
    struct connection *connection;
    if (strstr(line, "is not using SSL")) {
        if ((connection = connection_with_id(open, number_after(line, "' and connection "))))
            connection->plaintext = true;
    } else if (strstr(line, "no SSL certificate provided by peer")) {
        if ((connection = connection_with_id(open, number_after(line, "[conn"))))
            connection->tls = true;
    } else if (strstr(line, "connection accepted from ")) {
        if ((connection = connection_with_id(open, number_after(line, " #"))))
            connection->accepted = true;
    }
}

/* 4.4 and newer: one JSON object per line. */
static void read_json_line(const char *line, struct connections *open)
{
    json_t *entry = json_loads(line, 0, NULL);
    json_int_t id = json_integer_value(json_object_get(entry, "id"));
    json_t *attributes = json_object_get(entry, "attr");
    struct connection *connection =
        connection_with_id(open, json_integer_value(json_object_get(attributes, "connectionId")));
    const char *context = json_string_value(json_object_get(entry, "ctx"));
    if (id == LOG_ID_PLAINTEXT && connection)
        connection->plaintext = true;
    else if (id == LOG_ID_ACCEPTED && connection)
        connection->accepted = true;
    else if (id == LOG_ID_NO_CERTIFICATE && context &&
             (connection = connection_with_id(open, number_after(context, "conn"))))
        connection->tls = true;
    json_decref(entry);
}

static bool starts_with(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
}

/* Connections of members and our own are no clients. */
static bool is_client(const bson_t *operation)
{
    const char *name = ek_bson_text(operation, "appName");
    if (name && strcmp(name, "evenkeel") == 0)
        return false;
    const char *library = ek_bson_text(operation, "clientMetadata.driver.name");
    if (starts_with(library, "NetworkInterfaceTL") || starts_with(library, "MongoDB Internal"))
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

static bool read_log(const bson_t *log, struct connections *open)
{
    bson_t lines;
    bson_iter_t at;
    if (!ek_bson_document(log, "log", &lines) || !bson_iter_init(&at, &lines))
        return false;
    while (bson_iter_next(&at)) {
        if (!BSON_ITER_HOLDS_UTF8(&at))
            continue;
        const char *line = bson_iter_utf8(&at, NULL);
        if (line[0] == '{')
            read_json_line(line, open);
        else
            read_text_line(line, open);
    }
    return true;
}

void ek_mongodb_read_clients(const bson_t *log, const bson_t *current_op,
                             struct ek_mongodb_seen *seen)
{
    EK_CLEANUP(connections_done) struct connections open = {0};
    if (seen->mode_running != EK_SSL_PREFER && seen->mode_running != EK_SSL_REQUIRE)
        return;
    if (!read_open_connections(current_op, &open) || !read_log(log, &open))
        return;
    /* Since when every plaintext connection is logged or refused: only a server that was
     * started that way tells it of every connection whose beginning its log still shows. */
    bool always_logged = seen->mode_at_start >= EK_SSL_PREFER;
    seen->plaintext_clients = seen->undecided_clients = 0;
    for (size_t i = 0; i < open.count; i++)
        if (open.list[i].plaintext)
            seen->plaintext_clients++;
        else if (!open.list[i].tls && !(open.list[i].accepted && always_logged))
            seen->undecided_clients++;
}
