/* The server's four sslModes, in the order in which they become stricter. */
#ifndef EK_SSL_MODE_H
#define EK_SSL_MODE_H

#include <stdbool.h>

enum ek_ssl_mode {
    EK_SSL_UNKNOWN = 0,
    EK_SSL_DISABLED,
    EK_SSL_ALLOW,
    EK_SSL_PREFER,
    EK_SSL_REQUIRE,
};

/* "disabled", "allowSSL", "preferSSL", "requireSSL", "unknown": the words people see. */
const char *ek_ssl_mode_name(enum ek_ssl_mode mode);

/* "disabled", "allowTLS", …: the words of servers from 4.2 on (net.tls.mode, tlsMode). */
const char *ek_tls_mode_name(enum ek_ssl_mode mode);

/* Either spelling; EK_SSL_UNKNOWN for anything else. */
enum ek_ssl_mode ek_ssl_mode_parse(const char *word);

#endif
