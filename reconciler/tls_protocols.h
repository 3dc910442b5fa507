/* Which protocols and ciphers two TLS ends have in common, as OpenSSL chooses them. Pure. */
#ifndef EK_TLS_PROTOCOLS_H
#define EK_TLS_PROTOCOLS_H

#include <stdbool.h>

/* Whether who has disabled the protocols of one list reaches who has disabled those of the other.
 * Lists as in net.tls.disabledProtocols; "": the server's default. */
bool ek_protocols_meet(const char *dialler, const char *taker);

/* Whether the two have TLS 1.3 in common, which asks no cipher list. */
bool ek_protocols_meet_latest(const char *dialler, const char *taker);

#endif
