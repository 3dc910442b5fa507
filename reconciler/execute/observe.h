/* An observation in the making. Each aspect looks at its part, in its observe.c; ek_observe puts
 * the parts together. */
#ifndef EK_EXECUTE_OBSERVE_H
#define EK_EXECUTE_OBSERVE_H

#include <stdatomic.h>

#include "reconciler/base/hash.h"
#include "reconciler/execute/world_internal.h"

/* A text that goes into the state when all is seen: until then the state does not move. */
struct ek_observed_text {
    size_t place; /* of the reference in the state, in bytes */
    char *text;   /* owned */
};

enum { EK_OBSERVED_TEXTS = 8 };

/* What one observation gathers of a member before it is put together. */
struct ek_observing_member {
    bool out_of_reach; /* the host can't be reached, or not acted on: nothing more is asked of it */
    struct ek_file configuration;          /* the file's text; empty when it could not be read */
    struct ek_server_configuration parsed; /* what it says, when the state says that it is there */
    struct ek_host_options options;        /* of its command line */
    struct ek_world_tls tls;               /* what Evenkeel would write; mode 0: not known */
    uint8_t old_options[EK_SHA256_SIZE];   /* digest of what earlier versions wrote there */
    enum ek_tri old_files;                 /* some are at the old place; whose, is */
    bool told_by_name;                     /* told by this name in a certificate: */
    char old_name[EK_CERTIFICATE_NAME_SIZE];
    struct ek_secret *key_file; /* content of security.keyFile, or NULL; owned */
    struct ek_mongodb_seen seen;
    struct ek_observed_text texts[EK_OBSERVED_TEXTS];
    size_t text_count;
};

struct ek_observing {
    struct ek_world *world;
    int64_t deadline;
    struct ek_state *state; /* being filled */
    char (*problems)[EK_PROBLEM_SIZE];
    struct ek_buffer authority_pem; /* empty: there is none */
    struct ek_dns_record records[EK_MEMBERS_MAX * 4];
    size_t record_count;
    atomic_bool no_memory; /* something stayed unknown for want of it: nothing is to be concluded */
    struct ek_observing_member members[EK_MEMBERS_MAX];
};

/* How an aspect looks at its part. The slots are called in this order, each of them for all aspects
 * in the order of aspects.def before the next one; each MAY be NULL. What could not be seen stays
 * unknown in the state; the reason goes to ek_observe_problem. */
struct ek_observer {
    /* What this machine holds. Fails only when the controller itself can't work. */
    int (*controller)(struct ek_observing *o, struct ek_error *err);
    /* Files and process of member i; one thread for each member. */
    void (*host)(struct ek_observing *o, size_t i);
    /* What is told by the hosts together, and by the names. */
    void (*between)(struct ek_observing *o);
    /* The server of member i, by its protocol; one thread for each member. */
    void (*server)(struct ek_observing *o, size_t i);
    /* The members' answers put together. */
    void (*set)(struct ek_observing *o);
};

/* Say why something of a member (or, with member_count, the deployment) stayed unknown; the
 * first reason is kept. */
void ek_observe_problem(struct ek_observing *o, size_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of a failure: its place in the file and its row of the catalogue are told, too. */
void ek_observe_failure(struct ek_observing *o, size_t i, const struct ek_error *err);

/* Let `ref`, which is part of member i in the state, be the text when the observation ends; longer
 * ones are cut off. Once for each reference. */
void ek_observe_text(struct ek_observing *o, size_t i, struct ek_text_ref *ref, const char *text);

/* Note what a question came to: for want of memory the whole observation fails, since nothing is
 * to be concluded from what stayed unknown so. ek_observe_failure does it as well. */
void ek_observe_result(struct ek_observing *o, int result);

/* Read a file on member i's host into ret_file, whose content is the caller's. EK_NOT_FOUND; other
 * failures are told as problems. */
int ek_observe_file(struct ek_observing *o, size_t i, const char *path, struct ek_file *ret_file);

#endif
