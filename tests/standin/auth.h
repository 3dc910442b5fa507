/* Who is logged in on a connection, and what that allows. */
#ifndef STANDIN_AUTH_H
#define STANDIN_AUTH_H

#include "util.h"

/* Kinds of things that commands do; roles grant them. */
enum action {
    A_NONE, /* anyone who is logged in */
    A_READ,
    A_WRITE,
    A_ADMIN_DB, /* create, drop, indexes */
    A_MONITOR,
    A_PARAMETER, /* getParameter */
    A_STATUS,    /* replSetGetStatus */
    A_CONFIG,    /* replSetGetConfig */
    A_CLUSTER,   /* initiate, reconfig, step down, freeze */
    A_HOST,      /* setParameter, shutdown, logRotate, fsync */
    A_APPLY,     /* entries of another log; and what each of them does */
    A_USER,      /* users and roles */
    A_INTERNAL   /* members among themselves */
};

struct login {
    int n;
    struct {
        char user[128], db[128];
    } who[4];
    bool system; /* one of them is __system */
};

bool auth_enabled(void);
/* Also true for the localhost exception's commands. With the node's lock held. */
bool auth_allows(const struct login *l, bool localhost, enum action a, const char *command,
                 const char *db);
/* Nobody is logged in, but the localhost exception holds. */
bool auth_localhost_exception(const struct login *l, bool localhost);
/* The user's document in admin.system.users, or NULL. With the node's lock held. */
const bson_t *auth_user(const char *user, const char *db);
bool auth_any_users(void);
bool role_exists(const char *role, const char *db);
void login_add(struct login *l, const char *user, const char *db);
void login_remove_db(struct login *l, const char *db);

/* The line of a login that came off. */
void auth_log_login(const char *mechanism, bool speculative, const char *user, const char *db,
                    const char *remote);

#endif
