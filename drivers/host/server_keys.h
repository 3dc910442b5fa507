/* Which of a server's options decide whether members take each other, whom they let in, and whether
 * they come back as who they are: kept, compared and told with their values. */
#ifndef EK_DRIVERS_HOST_SERVER_KEYS_H
#define EK_DRIVERS_HOST_SERVER_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum { EK_SERVER_KEYS_SIZE = 640 };

/* One option: "net.tls.CRLFile" and its value. Borrowed. */
struct ek_server_option {
    const char *name;
    const char *value;
};

/* Of these options those that are watched, a line "name=value" each, sorted: net.ssl under the
 * names of net.tls, without what Evenkeel writes itself; passwords as "<password>". False: they
 * don't fit. EK_NO_MEMORY is told by *ret_no_memory. */
bool ek_server_keys_of(const struct ek_server_option *options, size_t count,
                       char ret_keys[static EK_SERVER_KEYS_SIZE], bool *ret_no_memory);

/* Take out of such lines those of the names in a blank-separated list. */
void ek_server_keys_without(char keys[static EK_SERVER_KEYS_SIZE], const char *names);

#endif
