/* The inside of a world, for the files that observe, act and verify. */
#ifndef EK_EXECUTE_WORLD_INTERNAL_H
#define EK_EXECUTE_WORLD_INTERNAL_H

#include <pthread.h>

#include "drivers/certificate/certificate.h"
#include "drivers/dns/dns.h"
#include "drivers/host/host.h"
#include "drivers/host/server_configuration.h"
#include "drivers/mongodb/mongodb.h"
#include "drivers/secret/secret.h"
#include "drivers/store/store.h"
#include "reconciler/base/sizes.h"
#include "reconciler/execute/world.h"

/* Where things of one member are on its host. */
struct ek_member_paths {
    char key[512];      /* encrypted PKCS#8 */
    char server[512];   /* certificate + encrypted key: net.tls.certificateKeyFile */
    char trust[512];    /* net.tls.CAFile */
    char key_file[512]; /* security.keyFile of a member that Evenkeel creates */
    char db[512];
    char log[512];
};

/* Where earlier versions kept files of the member, under names that could be another member's, too
 * ("orders-a"). A server whose configuration names them there goes on with them until a step writes
 * files of the member anyhow: that step copies them to their new place and lets the configuration
 * name them there, last of all. What is left of them is removed once neither the configuration nor
 * the process names it. A data directory, a log and a keyFile stay where the configuration has
 * them. */
struct ek_old_paths {
    char certificates[EK_HOST_PATH_SIZE]; /* directory; "": they are where they were (provider
                                             local) */
    char root[EK_HOST_PATH_SIZE];         /* directory; "" likewise */
    char server[512];
    char trust[512];
};

/* The certificate that is shown to servers which want one. */
struct ek_client_proof {
    pthread_mutex_t lock;
    int file;       /* descriptor; -1: none was needed yet */
    int64_t made_s; /* epoch */
    struct ek_mongodb_client_maker certificate;
};

struct ek_world {
    const struct ek_specs *specs;
    const struct ek_deployment_spec *spec;
    const struct ek_controller *controller;
    const struct ek_host_driver *hosts;
    const struct ek_mongodb_driver *mongodb;
    const struct ek_certificate_driver *certificates;
    const struct ek_secret_driver *secrets;
    const struct ek_dns_driver *dns;
    struct ek_host host[EK_MEMBERS_MAX];
    struct ek_ssh ssh[EK_MEMBERS_MAX];
    struct ek_member_paths paths[EK_MEMBERS_MAX];
    struct ek_old_paths old_paths[EK_MEMBERS_MAX];
    struct ek_secret_store store;
    struct ek_authority authority; /* authority.spec is NULL without TLS */
    struct ek_dns_zone zone;
    char authority_file[512];                            /* the root certificate on this machine */
    char mark[160];                                      /* "account/deployment" */
    struct ek_secret *own_password;                      /* as sealed, or NULL */
    struct ek_mongodb_session *sessions[EK_MEMBERS_MAX]; /* by member, or NULL */
    int64_t session_pid[EK_MEMBERS_MAX];
    int64_t session_started_ms[EK_MEMBERS_MAX];
    struct ek_client_proof client;
    struct ek_secret *key_file; /* content of the set's keyFile as last read, or NULL */
    struct ek_client_watch watches[EK_MEMBERS_MAX];      /* by member, all zero: none */
    struct ek_client_watch kept_watches[EK_MEMBERS_MAX]; /* as the store has them */
    bool watches_read;                                   /* from the store */
};

#define EK_OWN_USER "evenkeel"
#define EK_KEY_PASSWORD "key-password" /* of a member's private key */

enum {
    EK_SECRET_NAME_SIZE = 256,
    EK_WAITING_PASSWORD_MAX = 4096, /* what is read of a password that waits on a host */
};

/* Name of a secret of this deployment: "<account>/<deployment>/<what>" or, with a member,
 * "<account>/<deployment>/<member>/<what>". */
void ek_world_secret_name(const struct ek_world *world, int member, const char *what, char *buffer,
                          size_t size);

/* The secret of that name; the caller frees it. EK_NOT_FOUND (EK-0706) when there is none. */
int ek_world_unseal(const struct ek_world *world, int member, const char *what,
                    struct ek_secret **ret_secret, struct ek_error *err);

/* Seal the secret under that name, replacing what was there. */
int ek_world_seal(const struct ek_world *world, int member, const char *what,
                  const struct ek_secret *secret, struct ek_error *err);

/* The deployment's secret of that name; made of so many random bytes and sealed first when there is
 * none. */
int ek_world_secret(const struct ek_world *world, const char *what, size_t bytes,
                    struct ek_secret **ret_secret, struct ek_error *err);

/* How to reach member i over MongoDB's protocol; `label` as observed ("" none). Borrows from
 * the world and from name. */
void ek_world_target(const struct ek_world *world, size_t i, const char *label,
                     char name[EK_DOMAIN_NAME_SIZE], struct ek_mongodb_target *ret_target);

/* What Evenkeel writes under net.tls of a member, and what earlier versions wrote; both borrow from
 * the world and from the paths beside them. */
struct ek_world_tls {
    struct ek_server_tls tls;
    struct ek_server_tls old;
    char password_path[EK_HOST_PATH_SIZE]; /* on the host, in memory only */
    char old_password_path[EK_HOST_PATH_SIZE];
};

/* Fill it for member i, in place, all but the mode, which is allowSSL. Errors as the host's
 * volatile_directory. */
int ek_world_server_tls(const struct ek_world *world, size_t i, int64_t deadline,
                        struct ek_world_tls *ret_tls, struct ek_error *err);

/* Be ready to make a certificate of our own once a server asks for one; give it up again. */
void ek_world_client_begin(struct ek_world *world);
void ek_world_client_end(struct ek_world *world);

/* The address that member i's name in the SSL domain is bound to. */
int ek_world_address(const struct ek_world *world, size_t i, char *buffer, size_t size,
                     struct ek_error *err);

#endif
