/* Parts of an observation, one file each; ek_observe puts them together. */
#ifndef EK_EXECUTE_OBSERVE_H
#define EK_EXECUTE_OBSERVE_H

#include <stdatomic.h>

#include "reconciler/execute/world_internal.h"

/* What one observation gathers before it is put together. */
struct ek_look {
    struct ek_world *world;
    int64_t deadline;
    struct ek_observation *observation;
    struct ek_buffer authority_pem;  /* empty: there is none */
    char *key_files[EK_MEMBERS_MAX]; /* path of security.keyFile by member, or NULL */
    struct ek_secret *key_file_content[EK_MEMBERS_MAX];
    struct ek_mongodb_seen *seen; /* by member */
    struct ek_dns_record records[EK_MEMBERS_MAX * 4];
    size_t record_count;
    atomic_bool no_memory; /* something stayed unknown for want of it: nothing is to be concluded */
};

/* Say why something of a member (or, with member_count, the deployment) stayed unknown; the
 * first reason is kept. */
void ek_look_problem(struct ek_look *look, size_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of an error. One for want of memory fails the whole observation. */
void ek_look_failed(struct ek_look *look, size_t i, const struct ek_error *err);

/* Files and process of member i; run by one thread per member. */
void ek_look_at_host(struct ek_look *look, size_t i);

/* The server of member i, by its protocol; run by one thread per member. */
void ek_look_at_server(struct ek_look *look, size_t i);

/* The SSL domain: its label, and which names are bound. */
void ek_look_at_names(struct ek_look *look);

/* Put the members' answers together: configuration, primary, lag, who sees whom. */
void ek_look_at_set(struct ek_look *look);

/* Facts of the first certificate in pem as a state holds them. */
void ek_look_certificate(struct ek_look *look, const char *pem, size_t length,
                         struct ek_certificate_state *ret_certificate);

#endif
