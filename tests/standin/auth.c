#include "auth.h"
#include "data.h"
#include "log.h"
#include "node.h"
#include "options.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

#define BIT(a) (1u << (a))
#define ALL_CLUSTER                                                                                \
    (BIT(A_MONITOR) | BIT(A_PARAMETER) | BIT(A_STATUS) | BIT(A_CONFIG) | BIT(A_CLUSTER) |          \
     BIT(A_HOST))
#define ALL_DATA (BIT(A_READ) | BIT(A_WRITE) | BIT(A_ADMIN_DB) | BIT(A_USER))

/* What each built-in role grants: on its own database, and on everything. */
static const struct {
    const char *name;
    unsigned int own, any;
} roles[] = {
    {"read", BIT(A_READ), 0},
    {"readWrite", BIT(A_READ) | BIT(A_WRITE) | BIT(A_ADMIN_DB), 0},
    {"dbAdmin", BIT(A_ADMIN_DB), 0},
    {"dbOwner", ALL_DATA, 0},
    {"userAdmin", BIT(A_USER), 0},
    {"readAnyDatabase", 0, BIT(A_READ)},
    {"readWriteAnyDatabase", 0, BIT(A_READ) | BIT(A_WRITE) | BIT(A_ADMIN_DB)},
    {"userAdminAnyDatabase", 0, BIT(A_USER)},
    {"dbAdminAnyDatabase", 0, BIT(A_ADMIN_DB) | BIT(A_APPLY)},
    {"clusterMonitor", 0, BIT(A_MONITOR) | BIT(A_PARAMETER) | BIT(A_STATUS) | BIT(A_CONFIG)},
    {"clusterManager", 0, BIT(A_STATUS) | BIT(A_CONFIG) | BIT(A_CLUSTER)},
    {"hostManager", 0, BIT(A_HOST)},
    {"clusterAdmin", 0, ALL_CLUSTER},
    {"backup", 0, BIT(A_READ) | BIT(A_PARAMETER)},
    {"restore", 0, BIT(A_PARAMETER) | BIT(A_WRITE) | BIT(A_ADMIN_DB) | BIT(A_USER)},
    {"root", 0, ALL_CLUSTER | ALL_DATA | BIT(A_APPLY)},
    {"__system", 0, ~0u},
};
static const char *const admin_only[] = {
    "readAnyDatabase",
    "readWriteAnyDatabase",
    "userAdminAnyDatabase",
    "dbAdminAnyDatabase",
    "clusterMonitor",
    "clusterManager",
    "hostManager",
    "clusterAdmin",
    "backup",
    "restore",
    "root",
    "__system",
};

bool role_exists(const char *role, const char *db)
{
    for (size_t i = 0; i < COUNT_OF(admin_only); i++)
        if (strcmp(admin_only[i], role) == 0)
            return strcmp(db, "admin") == 0;
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (strcmp(roles[i].name, role) == 0)
            return true;
    return false;
}

static bool role_grants(const char *role, const char *role_db, enum action a, const char *db)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (strcmp(roles[i].name, role) == 0)
            return (roles[i].any & BIT(a)) != 0 ||
                   ((roles[i].own & BIT(a)) != 0 && strcmp(role_db, db) == 0);
    return false;
}

bool auth_enabled(void)
{
    return options.authorization;
}

bool auth_any_users(void)
{
    const struct collection *c = data_find("admin.system.users");

    return c != NULL && c->live > 0;
}

const bson_t *auth_user(const char *user, const char *db)
{
    const struct collection *c = data_find("admin.system.users");
    bson_t key = BSON_INITIALIZER;
    char *id = xprintf("%s.%s", db, user);
    const struct document *d = NULL;
    bson_iter_t it;

    add_str(&key, "_id", id);
    if (c != NULL && doc_find(&key, "_id", &it))
        d = data_by_id(c, &it);
    free(id);
    bson_destroy(&key);
    return d == NULL ? NULL : d->doc;
}

static bool user_allows(const char *user, const char *user_db, enum action a, const char *db)
{
    const bson_t *doc = auth_user(user, user_db);
    bson_t list, one;
    bson_iter_t it;

    if (doc == NULL || !doc_sub(doc, "roles", &list))
        return false;
    bson_iter_init(&it, &list);
    while (bson_iter_next(&it))
        if (iter_sub(&it, &one) &&
            role_grants(doc_str(&one, "role", ""), doc_str(&one, "db", ""), a, db))
            return true;
    return false;
}

bool auth_localhost_exception(const struct login *l, bool localhost)
{
    return auth_enabled() && localhost && l->n == 0 && !auth_any_users();
}

static bool named(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool auth_allows(const struct login *l, bool localhost, enum action a, const char *command,
                 const char *db)
{
    static const char *const exceptions[] = {"createUser", "replSetInitiate", "replSetReconfig",
                                             "replSetGetStatus", "listDatabases"};
    static const char *const on_arbiter[] = {"getCmdLineOpts", "getParameter", "serverStatus",
                                             "shutdown"};

    if (!auth_enabled() || l->system)
        return true;
    if (auth_localhost_exception(l, localhost)) {
        if (named(exceptions, COUNT_OF(exceptions), command))
            return strcmp(db, "admin") == 0 || strcmp(db, "$external") == 0;
        return node.state == S_ARBITER && named(on_arbiter, COUNT_OF(on_arbiter), command);
    }
    if (a == A_NONE)
        return true;
    for (int i = 0; i < l->n; i++)
        if (user_allows(l->who[i].user, l->who[i].db, a, db))
            return true;
    return false;
}

void login_add(struct login *l, const char *user, const char *db)
{
    login_remove_db(l, db);
    if (l->n == (int)COUNT_OF(l->who))
        return;
    put(l->who[l->n].user, sizeof l->who[0].user, "%s", user);
    put(l->who[l->n].db, sizeof l->who[0].db, "%s", db);
    l->n++;
    l->system = l->system || (strcmp(user, "__system") == 0 && strcmp(db, "local") == 0);
}

void login_remove_db(struct login *l, const char *db)
{
    for (int i = 0; i < l->n; i++) {
        if (strcmp(l->who[i].db, db) != 0)
            continue;
        l->who[i] = l->who[--l->n];
        i--;
    }
    l->system = false;
    for (int i = 0; i < l->n; i++)
        l->system = l->system ||
                    (strcmp(l->who[i].user, "__system") == 0 && strcmp(l->who[i].db, "local") == 0);
}

void auth_log_login(const char *mechanism, bool speculative, const char *user, const char *db,
                    const char *remote)
{
    if (version_at_least(5, 0) && !version_at_least(7, 0))
        log_line('I', "ACCESS", "Authenticated by %s, speculatively: %s, as %s on %s from %s",
                 mechanism, speculative ? "true" : "false", user, db, remote);
    else
        log_line('I', "ACCESS", "Successfully authenticated as principal %s on %s from client %s",
                 user, db, remote);
}
