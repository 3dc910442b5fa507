/* Who holds a lease: a JSON object in its record, for people and for challengers. */
#ifndef EK_LEASE_HOLDER_H
#define EK_LEASE_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "reconciler/base/error.h"

struct ek_lease_holder {
    char id[17]; /* random */
    char operation[32];
    char who[64];
    char host[65];
    char boot[37];  /* the kernel's id of this boot */
    char space[24]; /* the pid name space: the same pid elsewhere is another process */
    char since[32]; /* wall clock, for people */
    int64_t pid;
    int64_t started; /* clock ticks since boot: with the pid, its identity */
    int64_t ttl_ms;
};

/* This process. EK_SYSTEM (EK-0503) without randomness. */
int ek_lease_holder_self(const char *operation, int64_t ttl_ms, struct ek_lease_holder *ret_holder,
                         struct ek_error *err);

/* As the record keeps it: at most 511 bytes. */
int ek_lease_holder_write(const struct ek_lease_holder *holder, char text[static 512],
                          struct ek_error *err);

/* Read what a record says; what it does not say stays empty. */
void ek_lease_holder_read(const char *text, struct ek_lease_holder *ret_holder);

/* True only when the holder was a process of this boot and this pid name space that surely has
 * ended. */
bool ek_lease_holder_gone(const struct ek_lease_holder *holder);

#endif
