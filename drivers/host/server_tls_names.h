/* The names of net.ssl's keys under net.tls, for the parser and the editor. */
#ifndef EK_DRIVERS_HOST_SERVER_TLS_NAMES_H
#define EK_DRIVERS_HOST_SERVER_TLS_NAMES_H

#include "drivers/host/yaml_tree.h"

#define EK_TLS_PASSWORD_KEY "certificateKeyFilePassword"

/* The name under net.tls of a key of net.ssl; the same name for most. */
const char *ek_tls_name_of_ssl(const char *ssl_name);

/* The __exec command by which a server reads its password from `file`. */
void ek_server_password_command(const char *file, struct ek_buffer *ret_command);

/* The text as a double-quoted YAML scalar; malloc'ed. */
char *ek_server_quoted(const char *text);

#endif
