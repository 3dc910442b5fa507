/* dns: the names of members in their SSL domain. */
#ifndef EK_DRIVERS_DNS_DNS_H
#define EK_DRIVERS_DNS_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/error.h"

struct ek_dns_zone {
    const char *path; /* hosts-file: the file */
};

/* One name that Evenkeel bound; `mark` says for whom ("acme/orders"). */
struct ek_dns_record {
    char name[256];
    char address[64];
    char mark[160];
    int64_t until_s; /* 0: no end */
};

struct ek_dns_driver {
    const char *name; /* "hosts-file" */

    /* MUST. Every record that carries Evenkeel's mark "evenkeel:<mark>" with this mark (NULL:
     * any), at most max; *ret_count is how many there really are. */
    int (*list)(const struct ek_dns_zone *zone, const char *mark, struct ek_dns_record *ret_records,
                size_t max, size_t *ret_count, struct ek_error *err);

    /* MUST. Bind name to address with the mark; replaces our own record of that name; refuses
     * (EK_CONFLICT, EK-0420) a name somebody else's line binds to another address. Everything
     * else in the file stays byte for byte. Atomic; concurrent writers are kept apart by a lock. */
    int (*bind)(const struct ek_dns_zone *zone, const struct ek_dns_record *record,
                struct ek_error *err);

    /* MUST. Remove our record of that name and mark; EK_NOT_FOUND when there is none. */
    int (*unbind)(const struct ek_dns_zone *zone, const char *name, const char *mark,
                  struct ek_error *err);

    /* MUST. The first address `name` has, as this machine would resolve it. */
    int (*look_up)(const struct ek_dns_zone *zone, const char *name, char *ret_address, size_t size,
                   struct ek_error *err);
};

const struct ek_dns_driver *ek_dns_driver_named(const char *name);

#endif
