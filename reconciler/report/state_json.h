/* What was observed of a deployment, as JSON and read back: for people who want every fact that a
 * plan was made from, and for tests. What is not known is absent, never false or zero. */
#ifndef EK_REPORT_STATE_JSON_H
#define EK_REPORT_STATE_JSON_H

#include "reconciler/base/error.h"
#include "reconciler/kernel/state.h"

struct json_t;

/* The state as an object that the caller owns; NULL without memory. `problems` as in struct
 * ek_observation (why something stayed unknown: one for each member and one for the deployment), or
 * NULL. */
struct json_t *ek_state_json(const struct ek_state *state, const char (*problems)[EK_PROBLEM_SIZE]);

/* Read what ek_state_json wrote into a new state, the caller's, given back by free.
 * `ret_problems` has room for EK_MEMBERS_MAX + 1, or is NULL. EK_INVALID (EK-0819), EK_NO_MEMORY
 * (EK-0599): nothing is returned, but ret_problems may be written. */
int ek_state_json_read(const struct json_t *json, struct ek_state **ret_state,
                       char (*ret_problems)[EK_PROBLEM_SIZE], struct ek_error *err);

#endif
