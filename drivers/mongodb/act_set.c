/* Acts on the set's configuration: rename members, initiate. */
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/mongodb/read.h"

static const char *new_host(const struct ek_mongodb_renaming *names, int64_t id)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->ids[i] == id)
            return names->hosts[i];
    return NULL;
}

/* A copy of a members[] row with another host; every other field as it was. */
static void append_renamed_row(bson_t *rows, const char *key, const bson_t *row, const char *host)
{
    bson_t copy;
    bson_iter_t at;
    bson_append_document_begin(rows, key, -1, &copy);
    bool more = bson_iter_init(&at, row);
    while (more && bson_iter_next(&at))
        if (host && strcmp(bson_iter_key(&at), "host") == 0)
            BSON_APPEND_UTF8(&copy, "host", host);
        else
            bson_append_iter(&copy, NULL, -1, &at);
    bson_append_document_end(rows, &copy);
}

/* Returns how many members were found and given their name. */
static size_t append_renamed_rows(bson_t *config, const bson_t *rows,
                                  const struct ek_mongodb_renaming *names)
{
    bson_t copies, row;
    bson_iter_t at;
    size_t found = 0;
    bson_append_array_begin(config, "members", -1, &copies);
    if (bson_iter_init(&at, rows))
        while (bson_iter_next(&at)) {
            if (!ek_bson_iter_document(&at, &row))
                continue;
            const char *host = new_host(names, ek_bson_int(&row, "_id", -1));
            found += host != NULL;
            append_renamed_row(&copies, bson_iter_key(&at), &row, host);
        }
    bson_append_array_end(config, &copies);
    return found;
}

size_t ek_mongodb_renamed_config(const bson_t *config, int64_t version,
                                 const struct ek_mongodb_renaming *names, bson_t *ret_config)
{
    bson_t rows;
    bson_iter_t at;
    size_t found = 0;
    if (!bson_iter_init(&at, config))
        return 0;
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);
        if (strcmp(key, "version") == 0)
            BSON_APPEND_INT32(ret_config, key, (int32_t)(version + 1));
        else if (strcmp(key, "members") == 0 && ek_bson_iter_document(&at, &rows))
            found = append_renamed_rows(ret_config, &rows, names);
        else
            bson_append_iter(ret_config, NULL, -1, &at);
    }
    return found;
}

static int reconfigure(struct ek_mongodb_link *link, const char *member, const bson_t *config,
                       const struct ek_mongodb_renaming *names, struct ek_error *err)
{
    int64_t version = ek_bson_int(config, "version", -1);
    if (version != names->expected_version)
        return ek_fail(err, EK_STALE, "EK-0439",
                       "%s: the set's configuration has version %lld by now, not %lld", member,
                       (long long)version, (long long)names->expected_version);
    bson_t *renamed = bson_new();
    if (ek_mongodb_renamed_config(config, version, names, renamed) != names->count) {
        bson_destroy(renamed);
        return ek_fail(err, EK_NOT_FOUND, "EK-0443",
                       "%s: a member that is to be renamed is not in the set's configuration",
                       member);
    }
    bson_t *command =
        BCON_NEW("replSetReconfig", BCON_DOCUMENT(renamed), "force", BCON_BOOL(false));
    EK_REPLY reply;
    ek_mongodb_command(link, command, &reply);
    bson_destroy(command);
    bson_destroy(renamed);
    return reply.ok ? 0 : ek_mongodb_reply_fail(&reply, member, "reconfigure", err);
}

int ek_mongodb_rename_members(const struct ek_mongodb_target *target,
                              const struct ek_mongodb_renaming *renaming, int64_t deadline,
                              struct ek_error *err)
{
    EK_LINK link = {0};
    int failed = ek_mongodb_link_for_act(target, deadline, &link, err);
    if (failed)
        return failed;
    bson_t *question = BCON_NEW("replSetGetConfig", BCON_INT32(1));
    EK_REPLY reply;
    ek_mongodb_command(&link, question, &reply);
    bson_destroy(question);
    if (!reply.ok)
        return ek_mongodb_reply_fail(&reply, target->member, "read the configuration", err);
    bson_t config;
    if (!ek_bson_document(&reply.document, "config", &config))
        return ek_fail(err, EK_SYSTEM, "EK-0452", "%s: the server's configuration can't be read",
                       target->member);
    return reconfigure(&link, target->member, &config, renaming, err);
}

static void append_member(bson_t *rows, const char *key, const struct ek_mongodb_member *member)
{
    bson_t row;
    bson_append_document_begin(rows, key, -1, &row);
    BSON_APPEND_INT32(&row, "_id", member->id);
    BSON_APPEND_UTF8(&row, "host", member->host);
    BSON_APPEND_DOUBLE(&row, "priority", member->arbiter ? 0 : member->priority);
    BSON_APPEND_INT32(&row, "votes", member->votes);
    if (member->hidden)
        BSON_APPEND_BOOL(&row, "hidden", true);
    if (member->arbiter)
        BSON_APPEND_BOOL(&row, "arbiterOnly", true);
    bson_append_document_end(rows, &row);
}

int ek_mongodb_initiate(const struct ek_mongodb_target *target,
                        const struct ek_mongodb_new_set *set, int64_t deadline,
                        struct ek_error *err)
{
    /* No set, no users: only the key of the set can log in here, or nobody need. */
    struct ek_mongodb_target first = *target;
    if (first.key_file)
        first.user = NULL;
    EK_LINK link = {0};
    int failed = ek_mongodb_link_for_act(&first, deadline, &link, err);
    if (failed)
        return failed;
    bson_t command = BSON_INITIALIZER, config, rows;
    bson_append_document_begin(&command, "replSetInitiate", -1, &config);
    BSON_APPEND_UTF8(&config, "_id", set->name);
    BSON_APPEND_INT32(&config, "version", 1);
    bson_append_array_begin(&config, "members", -1, &rows);
    for (size_t i = 0; i < set->count; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        append_member(&rows, key, &set->members[i]);
    }
    bson_append_array_end(&config, &rows);
    bson_append_document_end(&command, &config);
    EK_REPLY reply;
    ek_mongodb_command(&link, &command, &reply);
    bson_destroy(&command);
    return reply.ok ? 0 : ek_mongodb_reply_fail(&reply, target->member, "initiate", err);
}
