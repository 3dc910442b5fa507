/* What one line of a server's log says of connections. Inside drivers/mongodb. */
#ifndef EK_DRIVERS_MONGODB_LOG_LINE_H
#define EK_DRIVERS_MONGODB_LOG_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum ek_log_word {
    EK_LOG_OTHER,
    EK_LOG_ACCEPTED,       /* a connection begins */
    EK_LOG_PLAINTEXT,      /* it is not using SSL: told from preferSSL on */
    EK_LOG_NO_CERTIFICATE, /* it is using SSL */
    EK_LOG_INTERNAL,       /* it is a member's, or our own */
    EK_LOG_MODE_SET,       /* sslMode was changed at run time */
    EK_LOG_LOGGING_SET,    /* whether plaintext connections are told was changed at run time */
};

struct ek_log_line {
    enum ek_log_word word;
    int64_t connection; /* -1 none */
    int64_t at_s;       /* wall clock of the server; 0 not told */
};

/* Read a line in text (up to 4.2) or JSON. */
void ek_log_line_read(const char *line, struct ek_log_line *ret_line);

/* Whether a connection with this metadata (each may be NULL) is a member's, or our own. */
bool ek_connection_is_internal(const char *application, const char *driver);

#endif
