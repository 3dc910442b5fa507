/* From where a user may log in, and to which of the server's addresses. */
#ifndef STANDIN_RESTRICTIONS_H
#define STANDIN_RESTRICTIONS_H

#include "server.h"

/* What is wrong with the authenticationRestrictions of createUser and updateUser: 0, or what fail()
 * returned. */
int restrictions_check(struct call *c);
/* Whether one of the restrictions in a user's document is met by the connection, or there are none.
 */
bool restrictions_met(const bson_t *user, const struct conn *conn);
/* The line that tells that none is. */
void restrictions_log(const bson_t *user);

#endif
