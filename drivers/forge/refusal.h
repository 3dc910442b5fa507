/* Inside drivers/forge/: answers that are no success, as errors of ours. */
#ifndef EK_DRIVERS_FORGE_REFUSAL_H
#define EK_DRIVERS_FORGE_REFUSAL_H

#include "drivers/forge/request.h"

/* No answer came: `code` is libcurl's, `words` its message. EK-1206, EK-1207, EK-1214. */
int ek_forge_unheard(const struct ek_forge *forge, int code, const char *words,
                     struct ek_error *err);

/* The host failed while it did something that must not be done twice: EK_CONFLICT, EK-1206. */
int ek_forge_doubtful(const struct ek_forge *forge, long status, struct ek_error *err);

/* An answer that is no success; `wait_ms` is what the host wants us to wait, 0 for nothing. */
int ek_forge_refused(const struct ek_forge *forge, const struct ek_forge_answer *answer,
                     int64_t wait_ms, struct ek_error *err);

/* Fail when the answer can't be made sense of (EK-1214). */
int ek_forge_senseless(const struct ek_forge *forge, const char *what, struct ek_error *err);

#endif
