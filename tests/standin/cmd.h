/* What the files of commands share. */
#ifndef STANDIN_CMD_H
#define STANDIN_CMD_H

#include "util.h"

void add_election_id(bson_t *to, const char *key);
/* hosts, setName, who is primary, …; `hello`: with the newer name of `ismaster`. */
void add_set_role(bson_t *to, bool hello);
void add_topology_version(bson_t *to);
struct call;
/* The login that a first isMaster of 4.4 and later may already begin. */
void speculative_login(struct call *c);
/* The names of the mechanisms that `credentials` has; both when it is NULL. */
void add_user_mechanisms(bson_t *to, const char *key, const bson_t *credentials);
void add_feature_version(bson_t *to, const char *key);
void add_current_ops(bson_t *to, const char *key, bool idle);
/* What contradicts itself in createUser, updateUser, grantRolesToUser and its opposite, and
 * usersInfo: 0, or what fail() returned. `ret_list` becomes a view of the roles that are named. */
int user_check_new(struct call *c);
int user_check_change(struct call *c);
int user_check_roles(struct call *c, bson_t *ret_list);
int user_check_question(struct call *c);
/* Names and {role, db} become {role, db}; 0, or what fail() returned when there is no such role. */
int user_resolve_roles(struct call *c, const bson_t *list, bson_t *ret_arr);
/* Documents on their way into a first batch; each is freed with it. */
struct results {
    bson_t **at;
    size_t n, room;
};
void results_add(struct results *r, bson_t *doc);
/* How the first answer to a query is cut. */
struct batching {
    int64_t size;    /* at most so many documents; -1: all */
    bool single;     /* what doesn't fit is dropped, and no cursor kept */
    bool batch_last; /* after id and ns when it is empty */
};
/* The first answer to a query; keeps a cursor when not everything fits. Takes the results. */
void first_batch(struct call *c, const char *ns, struct results *r, struct batching how);

#endif
