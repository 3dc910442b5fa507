/* What was observed of a deployment, as JSON and read back: for people who want every fact that a
 * plan was made from, and for tests. What is not known is absent, never false or zero. */
#ifndef EK_REPORT_STATE_JSON_H
#define EK_REPORT_STATE_JSON_H

#include "reconciler/base/error.h"
#include "reconciler/state.h"

struct json_t;

/* The state as an object that the caller owns. `problems` as in struct ek_observation (why
 * something stayed unknown, by member, the deployment's last), or NULL. */
struct json_t *ek_state_json(const struct ek_state *state, const char (*problems)[512]);

/* Read what ek_state_json wrote. `ret_problems` has room for EK_MEMBERS_MAX + 1, or is NULL.
 * EK_INVALID (EK-0819) for a key that there is not, a wrong type, a name or a number out of its
 * bounds, or a member named twice. */
int ek_state_json_read(const struct json_t *json, struct ek_state *ret_state,
                       char (*ret_problems)[512], struct ek_error *err);

#endif
