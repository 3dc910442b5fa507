/* TLS as mongod does it: the handshake always completes, and the certificate is judged afterwards.
 */
#ifndef STANDIN_TLS_H
#define STANDIN_TLS_H

#include "options.h"
#include "wire.h"

/* Loads certificates; ends the process with mongod's messages and status when that fails. */
void tls_init(void);
/* Reads the same files again (rotateCertificates), and logs what they are; false with the reason,
 * and everything stays. */
bool tls_reload(char *why, size_t size);
/* The mode now; it starts as configured and can be raised while running. */
enum tls_mode tls_mode_now(void);
void tls_mode_set(enum tls_mode mode);

/* Handshake and verification on an accepted socket. Negative: `why` says what goes to the log, or
 * is empty when the other end just gave up. */
int tls_accept(struct stream *s, char *why, size_t size);
/* The same outwards; `host` is the name that was dialled. */
int tls_connect(struct stream *s, const char *host, char *why, size_t size);

/* serverStatus.security and .transportSecurity */
void tls_security_status(bson_t *to);
void tls_counters(bson_t *to);

#endif
