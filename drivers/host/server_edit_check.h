/* Whether an edited configuration says what it should, and nothing else. */
#ifndef EK_DRIVERS_HOST_SERVER_EDIT_CHECK_H
#define EK_DRIVERS_HOST_SERVER_EDIT_CHECK_H

#include "drivers/host/server_configuration.h"

/* EK_UNSUPPORTED (EK-0411) when `after` is not `before` with `tls` written into it: every other
 * option as it was. */
int ek_server_edit_check(const struct ek_server_text *before, const struct ek_buffer *after,
                         const struct ek_server_tls *tls, struct ek_error *err);

#endif
