/* replSetGetStatus. */
#include "cmd.h"
#include "peer.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

static int64_t wall_of(struct optime at)
{
    size_t i = log_index(at);
    bson_iter_t it;

    if (i < log_count() && doc_find(log_at(i)->doc, "wall", &it) && BSON_ITER_HOLDS_DATE_TIME(&it))
        return bson_iter_date_time(&it);
    return 0;
}

static void add_optimes(bson_t *to)
{
    struct optime last = log_last(), durable = log_durable();
    bson_t sub;

    bson_append_document_begin(to, "optimes", -1, &sub);
    add_optime(&sub, "lastCommittedOpTime", node.commit);
    add_date(&sub, "lastCommittedWallTime", wall_of(node.commit));
    if (!optime_is_null(node.commit)) {
        add_optime(&sub, "readConcernMajorityOpTime", node.commit);
        add_date(&sub, "readConcernMajorityWallTime", wall_of(node.commit));
    }
    add_optime(&sub, "appliedOpTime", last);
    add_optime(&sub, "durableOpTime", durable);
    add_date(&sub, "lastAppliedWallTime", wall_of(last));
    add_date(&sub, "lastDurableWallTime", wall_of(durable));
    bson_append_document_end(to, &sub);
    bson_append_timestamp(to, "lastStableRecoveryTimestamp", -1, node.commit.secs, node.commit.inc);
    bson_append_timestamp(to, "lastStableCheckpointTimestamp", -1, node.commit.secs,
                          node.commit.inc);
}

static void add_election(bson_t *to)
{
    static const char *const why[] = {"electionTimeout", "stepUpRequestSkipDryRun",
                                      "priorityTakeover", "catchupTakeover",
                                      "singleNodePromptElection"};
    bson_t sub;

    if (node.metrics.candidate && node.state == S_PRIMARY) {
        bson_append_document_begin(to, "electionCandidateMetrics", -1, &sub);
        add_str(&sub, "lastElectionReason", why[node.metrics.reason]);
        add_date(&sub, "lastElectionDate", node.metrics.date);
        add_long(&sub, "electionTerm", node.metrics.term);
        add_optime(&sub, "lastCommittedOpTimeAtElection", node.metrics.committed_then);
        add_optime(&sub, "lastSeenOpTimeAtElection", node.metrics.seen_then);
        add_int(&sub, "numVotesNeeded", node.metrics.votes_needed);
        add_num(&sub, "priorityAtElection", node.config.m[node.self].priority);
        add_long(&sub, "electionTimeoutMillis", node.config.election_timeout);
        add_long(&sub, "numCatchUpOps", 0);
        if (node.metrics.new_term_date != 0)
            add_date(&sub, "newTermStartDate", node.metrics.new_term_date);
        if (node.metrics.majority_date != 0)
            add_date(&sub, "wMajorityWriteAvailabilityDate", node.metrics.majority_date);
        bson_append_document_end(to, &sub);
    } else if (node.metrics.participant && node.state != S_PRIMARY) {
        bson_append_document_begin(to, "electionParticipantMetrics", -1, &sub);
        add_bool(&sub, "votedForCandidate", node.metrics.voted);
        add_long(&sub, "electionTerm", node.metrics.vote_term);
        add_date(&sub, "lastVoteDate", node.metrics.vote_date);
        add_int(&sub, "electionCandidateMemberId", node.metrics.vote_candidate);
        add_str(&sub, "voteReason", "");
        add_optime(&sub, "lastAppliedOpTimeAtElection", node.metrics.vote_applied);
        add_optime(&sub, "maxAppliedOpTimeInSet", node.metrics.vote_applied);
        add_num(&sub, "priorityAtElection", node.config.m[node.self].priority);
        add_date(&sub, "newTermStartDate", node.metrics.vote_date);
        add_date(&sub, "newTermAppliedDate", node.metrics.vote_date);
        bson_append_document_end(to, &sub);
    }
}

static void add_source(bson_t *to, const char *host)
{
    int32_t id = -1;

    for (int i = 0; i < node.config.n; i++)
        if (*host != '\0' && strcmp(node.config.m[i].host, host) == 0)
            id = node.config.m[i].id;
    if (!version_at_least(4, 4))
        add_str(to, "syncingTo", host);
    add_str(to, "syncSourceHost", host);
    add_int(to, "syncSourceId", id);
}

static const char *own_source(void)
{
    return node.sync_source >= 0 && node.state != S_PRIMARY ? node.config.m[node.sync_source].host
                                                            : "";
}

static void add_self(bson_t *to, const struct member *m)
{
    struct optime last = log_last();

    add_num(to, "health", 1);
    add_int(to, "state", (int32_t)repl_state_told());
    add_str(to, "stateStr", state_name(repl_state_told()));
    add_int(to, "uptime", (int32_t)((wall_ms() - node.started) / 1000));
    if (!m->arbiter) {
        add_optime(to, "optime", last);
        add_date(to, "optimeDate", (int64_t)last.secs * 1000);
        if (version_at_least_patch(5, 0, 1)) {
            add_date(to, "lastAppliedWallTime", (int64_t)last.secs * 1000);
            add_date(to, "lastDurableWallTime", (int64_t)log_durable().secs * 1000);
        }
    }
    add_source(to, own_source());
    add_str(to, "infoMessage", node.state == S_PRIMARY ? "could not find member to sync from" : "");
    if (node.state == S_PRIMARY) {
        bson_append_timestamp(to, "electionTime", -1, node.election_secs, node.election_inc);
        add_date(to, "electionDate", (int64_t)node.election_secs * 1000);
    }
    add_int(to, "configVersion", (int32_t)node.config.version);
    if (version_at_least(4, 4))
        add_int(to, "configTerm", (int32_t)node.config.term);
    add_bool(to, "self", true);
    add_str(to, "lastHeartbeatMessage", "");
}

static void add_other(bson_t *to, const struct member *m, const struct view *v)
{
    add_num(to, "health", v->up ? 1 : 0);
    if (!v->up) {
        bool never = v->last_heartbeat == 0;

        add_int(to, "state", never || v->auth_failed ? S_UNKNOWN : S_DOWN);
        add_str(to, "stateStr", never ? "UNKNOWN" : "(not reachable/healthy)");
    } else {
        add_int(to, "state", (int32_t)v->state);
        add_str(to, "stateStr", state_name(v->state));
    }
    add_int(to, "uptime", v->up ? (int32_t)((wall_ms() - v->up_since) / 1000) : 0);
    if (!m->arbiter) {
        struct optime a = v->up ? v->applied : OPTIME_NULL, d = v->up ? v->durable : OPTIME_NULL;

        add_optime(to, "optime", a);
        add_optime(to, "optimeDurable", d);
        add_date(to, "optimeDate", (int64_t)a.secs * 1000);
        add_date(to, "optimeDurableDate", (int64_t)d.secs * 1000);
        if (version_at_least_patch(5, 0, 1)) {
            add_date(to, "lastAppliedWallTime", (int64_t)a.secs * 1000);
            add_date(to, "lastDurableWallTime", (int64_t)d.secs * 1000);
        }
    }
    add_date(to, "lastHeartbeat", v->last_heartbeat);
    add_date(to, "lastHeartbeatRecv", v->last_received);
    add_long(to, "pingMs", v->ping);
    if (v->auth_failed)
        add_bool(to, "authenticated", false);
    add_str(to, "lastHeartbeatMessage", v->message);
    add_source(to, v->up ? v->sync_host : "");
    add_str(to, "infoMessage", "");
    if (v->up && v->state == S_PRIMARY) {
        bson_append_timestamp(to, "electionTime", -1, v->election_secs, v->election_inc);
        add_date(to, "electionDate", (int64_t)v->election_secs * 1000);
    }
    add_int(to, "configVersion", v->up || v->config_version > 0 ? (int32_t)v->config_version : -1);
    if (version_at_least(4, 4))
        add_int(to, "configTerm", (int32_t)v->config_term);
}

/* Numeric names are shown as they are; others as they resolve now. */
static void add_ip(bson_t *to, const char *member_host)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *res = NULL;
    char host[256], port[16], ip[64];

    host_split(member_host, host, sizeof host, port, sizeof port);
    if (getaddrinfo(host, NULL, &hints, &res) != 0) {
        bson_append_null(to, "ip", -1);
        return;
    }
    inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)res->ai_addr)->sin_addr, ip, sizeof ip);
    freeaddrinfo(res);
    add_str(to, "ip", ip);
}

static void add_members(bson_t *to)
{
    bson_t arr = BSON_INITIALIZER, one = BSON_INITIALIZER;
    uint32_t n = 0;

    for (int i = 0; i < node.config.n; i++) {
        const struct member *m = &node.config.m[i];

        bson_reinit(&one);
        add_int(&one, "_id", m->id);
        add_str(&one, "name", m->host);
        if (!version_at_least(4, 4))
            add_ip(&one, m->host);
        if (i == node.self)
            add_self(&one, m);
        else
            add_other(&one, m, &node.view[i]);
        push_doc(&arr, &n, &one);
    }
    add_arr(to, "members", &arr);
    bson_destroy(&one);
    bson_destroy(&arr);
}

int replset_get_status(struct call *c)
{
    bson_t *r = c->reply;

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (node.config.doc == NULL)
        return fail(c, 94, "no replset config has been received");
    if (node.self < 0) {
        fail(c, 93, "Our replica set config is invalid or we are not a member of it");
        if (!version_at_least(5, 0)) {
            add_int(r, "state", S_REMOVED);
            add_str(r, "stateStr", "REMOVED");
        }
        return -1;
    }
    add_str(r, "set", node.config.name);
    add_date(r, "date", wall_ms());
    add_int(r, "myState", (int32_t)repl_state_told());
    add_long(r, "term", node.term);
    add_source(r, own_source());
    add_long(r, "heartbeatIntervalMillis", node.config.heartbeat_interval);
    add_int(r, "majorityVoteCount", config_majority(&node.config));
    add_int(r, "writeMajorityCount", config_write_majority(&node.config));
    if (version_at_least(4, 4)) {
        add_int(r, "votingMembersCount", config_voters(&node.config));
        add_int(r, "writableVotingMembersCount", config_data_voters(&node.config));
    }
    add_optimes(r);
    add_election(r);
    add_members(r);
    return 0;
}
