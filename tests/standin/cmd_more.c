/* Commands that are asked for seldom, and the names of those that the real server has and this one
 * doesn't: who isn't logged in is told so there, too, and not that there is no such command. */
#include "arguments.h"
#include "cmd.h"
#include "peer.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

static int drop_connections(struct call *c)
{
    bson_t hosts;
    bson_iter_t it;

    if (doc_sub(c->command, "hostAndPort", &hosts) && bson_iter_init(&it, &hosts))
        while (bson_iter_next(&it))
            if (BSON_ITER_HOLDS_UTF8(&it))
                peers_drop(bson_iter_utf8(&it, NULL));
    return 0;
}

/* A secondary that is in maintenance serves no reads and stands for no election. */
static int maintenance(struct call *c)
{
    static int64_t asked;
    bson_iter_t it;
    bool on = doc_find(c->command, c->name, &it) && bson_iter_as_bool(&it);

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (node.state == S_PRIMARY)
        return fail(c, 95, "primaries can't modify maintenance mode");
    if (!on && asked == 0)
        return fail(c, 96, "already out of maintenance mode");
    asked += on ? 1 : -1;
    if (node.state == S_SECONDARY && asked > 0)
        repl_set_state(S_RECOVERING);
    else if (node.state == S_RECOVERING && asked == 0)
        repl_set_state(S_SECONDARY);
    return 0;
}

/* Taken note of and not followed: everybody pulls from the primary here. */
static int sync_from(struct call *c)
{
    const char *target = doc_str(c->command, c->name, "");
    const struct config *config = &node.config;

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (*target == '\0')
        return fail(c, 9, "Empty host component parsing HostAndPort from \"\"");
    if (node.state == S_PRIMARY)
        return fail(c, 95, "primaries don't sync");
    if (node.state == S_ARBITER)
        return fail(c, 95, "arbiters don't sync");
    for (int i = 0; i < config->n; i++) {
        if (strcmp(config->m[i].host, target) != 0)
            continue;
        if (i == node.self)
            return fail(c, 72, "I cannot sync from myself");
        if (config->m[i].arbiter)
            return fail(c, 72, "Cannot sync from \"%s\" because it is an arbiter", target);
        if (!node.view[i].up)
            return fail(c, 6, "I cannot reach the requested member: %s", target);
        add_str(c->reply, "syncFromRequested", target);
        if (node.sync_source >= 0)
            add_str(c->reply, "prevSyncTarget", config->m[node.sync_source].host);
        return 0;
    }
    return fail(c, 74, "Could not find member \"%s\" in replica set", target);
}

/* 4.2 and 4.4 tell the whole command, and where to read of it. */
static int refuse_feature_version(struct call *c, const char *wanted)
{
    bool older = version.part[1] < 4 && version.part[0] == 4;
    char *text = bson_text(c->command);
    bson_iter_t it;
    int rc;

    doc_find(c->command, c->name, &it);
    if (wanted == NULL)
        rc = fail(c, 14,
                  "Command argument must be of type String, but was of type %s in: %s. See "
                  "http://dochub.mongodb.org/core/%s-feature-compatibility.",
                  type_name(&it), text, older ? "4.2" : "4.4");
    else
        rc =
            fail(c, 2,
                 "Invalid command argument. Expected '%s' or '%s', found %s in: %s. See "
                 "http://dochub.mongodb.org/core/%s-feature-compatibility.",
                 older ? "4.2" : "4.4", older ? "4.0" : "4.2", wanted, text, older ? "4.2" : "4.4");
    free(text);
    return rc;
}

/* Another version's form of data isn't played. */
static int set_feature_version(struct call *c)
{
    const char *wanted = doc_str(c->command, c->name, NULL);

    if (wanted != NULL && strcmp(wanted, version.feature) == 0)
        return 0;
    if (!version_at_least(5, 0))
        return refuse_feature_version(c, wanted);
    return fail(c, 2,
                "Invalid command argument. Expected the version that is played here, found %s.",
                wanted == NULL ? "" : wanted);
}

static int not_played(struct call *c)
{
    return fail(c, 115, "the stand-in doesn't do %s", c->name);
}

const struct command more_commands[] = {
    {"dropConnections", F_ADMIN, A_HOST, drop_connections},
    {"replSetMaintenance", F_ADMIN, A_CLUSTER, maintenance},
    {"replSetSyncFrom", F_ADMIN, A_CLUSTER, sync_from},
    {"setFeatureCompatibilityVersion", F_ADMIN | F_WRITE, A_CLUSTER, set_feature_version},
    {NULL, 0, A_NONE, NULL},
};

const struct command *command_not_played(const char *name)
{
    static const char *const names[] = {
        "abortTransaction",
        "addShard",
        "appendOplogNote",
        "authSchemaUpgrade",
        "cleanupOrphaned",
        "clone",
        "cloneCollectionAsCapped",
        "collMod",
        "collStats",
        "commitTransaction",
        "compact",
        "connPoolStats",
        "connPoolSync",
        "convertToCapped",
        "createRole",
        "dataSize",
        "dbHash",
        "dbStats",
        "delete",
        "distinct",
        "driverOIDTest",
        "dropAllRolesFromDatabase",
        "dropAllUsersFromDatabase",
        "dropRole",
        "explain",
        "filemd5",
        "forceerror",
        "geoSearch",
        "getLastError",
        "getPrevError",
        "getFreeMonitoringStatus",
        "getShardMap",
        "getShardVersion",
        "grantPrivilegesToRole",
        "grantRolesToRole",
        "invalidateUserCache",
        "killAllSessions",
        "killAllSessionsByPattern",
        "killOp",
        "listShards",
        "lockInfo",
        "mapReduce",
        "planCacheClear",
        "planCacheListFilters",
        "profile",
        "reIndex",
        "renameCollection",
        "repairDatabase",
        "replSetAbortPrimaryCatchUp",
        "replSetResizeOplog",
        "replSetUpdatePosition",
        "resetError",
        "revokePrivilegesFromRole",
        "revokeRolesFromRole",
        "rolesInfo",
        "setFreeMonitoring",
        "setShardVersion",
        "shardingState",
        "splitVector",
        "startRecordingTraffic",
        "startSession",
        "stopRecordingTraffic",
        "top",
        "touch",
        "updateRole",
        "validate",
        "waitForFailPoint",
    };
    static _Thread_local struct command found = {NULL, 0, A_HOST, not_played};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) == 0) {
            found.name = names[i];
            return &found;
        }
    }
    return NULL;
}
