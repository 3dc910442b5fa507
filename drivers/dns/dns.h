/* dns: the names of members in their SSL domain. */
#ifndef EK_DRIVERS_DNS_DNS_H
#define EK_DRIVERS_DNS_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/error.h"
#include "reconciler/base/sizes.h"

struct ek_dns_zone {
    const char *path; /* hosts-file: the file */
};

/* One name that Evenkeel bound; `mark` says for whom ("acme/orders"). */
struct ek_dns_record {
    char name[EK_DNS_NAME_SIZE];
    char address[64];
    char mark[160];
    int64_t until_s; /* 0: no end */
};

/* Room for records; the room itself is the caller's. */
struct ek_dns_records {
    struct ek_dns_record *at;
    size_t max;   /* how many there is room for */
    size_t count; /* how many there are, which may be more (then only max were written) */
};

/* An address as text, IPv4 or IPv6 without brackets. */
struct ek_dns_address {
    char text[64];
};

/* What is handed in is borrowed; ret_... is untouched on failure. EK-0421: the zone can't be read
 * or written. */
struct ek_dns_driver {
    const char *name; /* "hosts-file" */

    /* MUST. Every record that carries Evenkeel's mark "evenkeel:<mark>" with this mark (NULL:
     * any). */
    int (*list)(const struct ek_dns_zone *zone, const char *mark,
                struct ek_dns_records *ret_records, struct ek_error *err);

    /* MUST. Bind name to address with the mark; replaces our own record of that name; refuses
     * (EK_CONFLICT, EK-0420) a name somebody else's line binds to another address. Everything
     * else in the file stays byte for byte. Atomic; concurrent writers are kept apart by a lock. */
    int (*bind)(const struct ek_dns_zone *zone, const struct ek_dns_record *record,
                struct ek_error *err);

    /* MUST. Remove our record of that name and mark; EK_NOT_FOUND (EK-0423) when there is none. */
    int (*unbind)(const struct ek_dns_zone *zone, const char *name, const char *mark,
                  struct ek_error *err);

    /* MUST. The first address `name` has, as this machine would resolve it, at the latest at
     * `deadline` (ek_monotonic_ms() time). EK_NOT_FOUND (EK-0424): it has none. Every other failure
     * says that it is not known: nobody who would know answered (EK_UNREACHABLE, EK_TIMEOUT), the
     * zone can't be read (EK-0421). */
    int (*look_up)(const struct ek_dns_zone *zone, const char *name, int64_t deadline,
                   struct ek_dns_address *ret_address, struct ek_error *err);
};

const struct ek_dns_driver *ek_dns_driver_named(const char *name);

#endif
