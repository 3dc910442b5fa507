/* What the files of commands share. */
#ifndef STANDIN_CMD_H
#define STANDIN_CMD_H

#include "util.h"

void add_election_id(bson_t *to, const char *key);
/* The names of the mechanisms that `credentials` has; both when it is NULL. */
void add_user_mechanisms(bson_t *to, const char *key, const bson_t *credentials);
void add_current_ops(bson_t *to, const char *key, bool idle);

#endif
