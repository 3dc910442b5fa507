/* The syntaxes of names: pure predicates over text. */
#ifndef EK_SPECS_NAMES_H
#define EK_SPECS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* A DNS label as Evenkeel writes them: a-z, 0-9 and inner hyphens, 1 to 63 of them. */
bool ek_is_label(const char *text);

/* A host name (labels of letters, digits and inner hyphens; 253 characters at most) whose
 * last label is not a number. */
bool ek_is_host_name(const char *text);

/* The same with underscores, which no DNS host name may have but many a container's has
 * (shop_mongo_1): servers and their clients take such names. */
bool ek_is_server_name(const char *text);

bool ek_is_ipv4(const char *text);
bool ek_is_ipv6(const char *text);

/* localhost, 127.*, ::1 and 0.0.0.0: names that mean another machine on each machine. */
bool ek_is_local_host(const char *text);

/* An absolute path without "..", empty or "." segments and without control characters. */
bool ek_is_absolute_path(const char *text);

/* somebody@some.domain, ASCII. */
bool ek_is_email(const char *text);

/* Only characters of `allowed` and letters and digits; the first one a letter, a digit or "_". */
bool ek_is_word_of(const char *text, const char *allowed, size_t longest);

/* An OpenSSH public key as it stands in a .pub file: a type that ssh-keygen knows, base64 that
 * says the same, and perhaps a comment; one line, printable. */
bool ek_is_ssh_key(const char *text);

#endif
