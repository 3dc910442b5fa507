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

#endif
