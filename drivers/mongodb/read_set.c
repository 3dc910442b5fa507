/* isMaster, replSetGetStatus, replSetGetConfig: what a member says about its set. */
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/read.h"

enum { STATE_NOT_INITIATED = -2, STATE_PRIMARY = 1, STATE_REMOVED = 10 };

void ek_mongodb_seen_init(struct ek_mongodb_seen *seen)
{
    memset(seen, 0, sizeof *seen);
    seen->state = -1;
    seen->config_version = seen->config_term = seen->election_term = -1;
    seen->heartbeat_interval_ms = seen->election_timeout_ms = -1;
    seen->pid = seen->uptime_ms = seen->signing_key = seen->applied_ms = -1;
    seen->plaintext_clients = seen->undecided_clients = -1;
    seen->clock_behind_ms = INT64_MIN;
}

void ek_mongodb_read_hello(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    seen->answered = true;
    seen->wire_version = (int)ek_bson_int(reply, "maxWireVersion", 0);
    seen->writable = ek_bson_answer(reply, "isWritablePrimary");
    if (seen->writable == EK_ANSWER_UNKNOWN)
        seen->writable = ek_bson_answer(reply, "ismaster");
    const char *word = ek_bson_text(reply, "msg");
    if (word && strcmp(word, "isdbgrid") == 0)
        snprintf(seen->cluster_role, sizeof seen->cluster_role, "mongos");
    ek_bson_copy_text(reply, "me", seen->me, sizeof seen->me);
    ek_bson_copy_text(reply, "primary", seen->primary, sizeof seen->primary);
    bool in_set = ek_bson_copy_text(reply, "setName", seen->set_name, sizeof seen->set_name);
    if (seen->applied_ms < 0)
        seen->applied_ms = ek_bson_date_ms(reply, "lastWrite.lastWriteDate");
    if (ek_bson_true(reply, "isreplicaset")) {
        /* No valid configuration: never initiated, or removed (then it knows the set's name). */
        seen->initiated = in_set ? EK_ANSWER_YES : EK_ANSWER_NO;
        seen->state = in_set ? STATE_REMOVED : STATE_NOT_INITIATED;
        return;
    }
    seen->initiated = in_set ? EK_ANSWER_YES : EK_ANSWER_NO;
    if (!in_set)
        return;
    seen->config_version = ek_bson_int(reply, "setVersion", -1);
    /* "secondary" says less: a primary in catch-up reports it too. */
    if (seen->writable == EK_ANSWER_YES)
        seen->state = STATE_PRIMARY;
}

static struct ek_mongodb_member *member_with_id(struct ek_mongodb_seen *seen, int id)
{
    for (size_t i = 0; i < seen->member_count; i++)
        if (seen->members[i].id == id)
            return &seen->members[i];
    if (seen->member_count == EK_MEMBERS_MAX)
        return NULL;
    struct ek_mongodb_member *member = &seen->members[seen->member_count++];
    *member = (struct ek_mongodb_member){.id = id,
                                         .state = -1,
                                         .optime_ms = -1,
                                         .heartbeat_age_ms = -1,
                                         .votes = -1,
                                         .priority = -1};
    return member;
}

static void read_status_row(const bson_t *row, int64_t now_ms, struct ek_mongodb_seen *seen)
{
    int64_t id = ek_bson_int(row, "_id", -1);
    struct ek_mongodb_member *member =
        id >= 0 && id <= INT32_MAX ? member_with_id(seen, (int)id) : NULL;
    if (!member)
        return;
    bool self = ek_bson_true(row, "self");
    member->view_known = true;
    member->healthy = self || ek_bson_double(row, "health", 0) >= 1;
    member->state = (int)ek_bson_int(row, "state", -1);
    member->optime_ms = ek_bson_date_ms(row, "lastAppliedWallTime");
    if (member->optime_ms < 0)
        member->optime_ms = ek_bson_date_ms(row, "optimeDate");
    int64_t heartbeat_ms = ek_bson_date_ms(row, "lastHeartbeat");
    if (now_ms >= 0 && heartbeat_ms > 0)
        member->heartbeat_age_ms = now_ms > heartbeat_ms ? now_ms - heartbeat_ms : 0;
    ek_bson_copy_text(row, "lastHeartbeatMessage", member->heartbeat_message,
                      sizeof member->heartbeat_message);
    if (!member->host[0])
        ek_bson_copy_text(row, "name", member->host, sizeof member->host);
    if (self && seen->applied_ms < 0)
        seen->applied_ms = member->optime_ms;
}

static void read_status_rows(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    bson_t rows, row;
    bson_iter_t at;
    int64_t now_ms = ek_bson_date_ms(reply, "date");
    if (!ek_bson_document(reply, "members", &rows) || !bson_iter_init(&at, &rows))
        return;
    while (bson_iter_next(&at))
        if (ek_bson_iter_document(&at, &row))
            read_status_row(&row, now_ms, seen);
}

void ek_mongodb_read_status(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    if (!ek_bson_true(reply, "ok")) {
        int64_t code = ek_bson_int(reply, "code", 0);
        if (code == EK_SERVER_NOT_YET_INITIALIZED) {
            seen->state = STATE_NOT_INITIATED;
            seen->initiated = EK_ANSWER_NO;
        } else if (code == EK_SERVER_INVALID_CONFIG) {
            seen->state = (int)ek_bson_int(reply, "state", STATE_REMOVED);
        }
        return;
    }
    seen->initiated = EK_ANSWER_YES;
    seen->state = (int)ek_bson_int(reply, "myState", -1);
    seen->election_term = ek_bson_int(reply, "term", -1);
    seen->heartbeat_interval_ms = ek_bson_int(reply, "heartbeatIntervalMillis", -1);
    if (!seen->set_name[0])
        ek_bson_copy_text(reply, "set", seen->set_name, sizeof seen->set_name);
    int64_t applied = ek_bson_date_ms(reply, "optimes.lastAppliedWallTime");
    if (applied >= 0)
        seen->applied_ms = applied;
    read_status_rows(reply, seen);
}

static void read_config_member(const bson_t *row, struct ek_mongodb_seen *seen)
{
    int64_t id = ek_bson_int(row, "_id", -1);
    struct ek_mongodb_member *member =
        id >= 0 && id <= INT32_MAX ? member_with_id(seen, (int)id) : NULL;
    if (!member)
        return;
    ek_bson_copy_text(row, "host", member->host, sizeof member->host);
    member->priority = ek_bson_double(row, "priority", 1);
    member->votes = (int)ek_bson_int(row, "votes", 1);
    member->hidden = ek_bson_true(row, "hidden");
    member->arbiter = ek_bson_true(row, "arbiterOnly");
    member->build_indexes = ek_bson_answer(row, "buildIndexes") != EK_ANSWER_NO;
    member->delayed =
        ek_bson_int(row, "slaveDelay", 0) > 0 || ek_bson_int(row, "secondaryDelaySecs", 0) > 0;
}

void ek_mongodb_read_config(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    bson_t config, rows, row;
    bson_iter_t at, id;
    if (!ek_bson_document(reply, "config", &config)) {
        if (ek_bson_int(reply, "code", 0) == EK_SERVER_NOT_YET_INITIALIZED)
            seen->initiated = EK_ANSWER_NO;
        return;
    }
    seen->initiated = EK_ANSWER_YES;
    seen->config_version = ek_bson_int(&config, "version", -1);
    seen->config_term = ek_bson_int(&config, "term", -1);
    seen->heartbeat_interval_ms =
        ek_bson_int(&config, "settings.heartbeatIntervalMillis", seen->heartbeat_interval_ms);
    seen->election_timeout_ms = ek_bson_int(&config, "settings.electionTimeoutMillis", -1);
    if (!seen->set_name[0])
        ek_bson_copy_text(&config, "_id", seen->set_name, sizeof seen->set_name);
    if (ek_bson_find(&config, "settings.replicaSetId", &id) && BSON_ITER_HOLDS_OID(&id))
        bson_oid_to_string(bson_iter_oid(&id), seen->set_id);
    if (ek_bson_true(&config, "configsvr"))
        snprintf(seen->cluster_role, sizeof seen->cluster_role, "configsvr");
    if (!ek_bson_document(&config, "members", &rows) || !bson_iter_init(&at, &rows))
        return;
    while (bson_iter_next(&at))
        if (ek_bson_iter_document(&at, &row))
            read_config_member(&row, seen);
}
