/* Desired state as the owners wrote it: what the parser makes of the YAML documents.
 *
 * Everything is owned by struct ek_specs and freed with it. Strings are never NULL
 * unless the comment says "or NULL"; defaults are already filled in; names between
 * documents are already resolved. */
#ifndef EK_SPECS_SPEC_H
#define EK_SPECS_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/error.h"
#include "reconciler/ssl_mode.h"

#define EK_MEMBERS_MAX 50 /* the server's own limit for one replica set */

enum ek_key_algorithm { EK_KEY_P256, EK_KEY_RSA3072 };
enum ek_plan_line { EK_PLAN_DEDICATED, EK_PLAN_SHARED, EK_PLAN_SANDBOX };
enum ek_provider {
    EK_PROVIDER_LOCAL,
    EK_PROVIDER_HOSTS,
    EK_PROVIDER_AWS,
    EK_PROVIDER_AZURE,
    EK_PROVIDER_GCP
};
/* How provider hosts gets to a member's host. */
enum ek_reach { EK_REACH_SSH, EK_REACH_LOCAL };
enum ek_choice { EK_CHOICE_DEFAULT, EK_CHOICE_NO, EK_CHOICE_YES };

/* Whose yes a plan needs: nobody's, anybody's who may approve, or a signature on the plan itself.
 */
enum ek_approval_rule {
    EK_APPROVAL_DEFAULT = 0, /* not written; never left after parsing of a deployment */
    EK_APPROVAL_NONE,
    EK_APPROVAL_REQUIRED,
    EK_APPROVAL_SIGNED
};

/* Public keys whose signatures count. */
struct ek_approvers {
    char **plan_keys; /* Ed25519, base64 or PEM */
    size_t plan_key_count;
    char **commit_keys; /* OpenSSH: "ssh-ed25519 AAAA… alice@example.net" */
    size_t commit_key_count;
};

/* kind: Account */
struct ek_account_spec {
    char *name;
    char *technical_contact; /* email, or NULL */
    struct {
        enum ek_approval_rule approval; /* default none */
        struct ek_approvers approvers;
    } maintenance; /* for deployments that say nothing else */
    struct ek_span at;
};

/* kind: CertificateAuthority. spec: { type: builtIn, algorithm, commonName, organization, validity
 * } */
struct ek_authority_spec {
    char *name;
    char *account;
    enum ek_key_algorithm algorithm; /* of the CA's own key; default P-256 */
    char *common_name;               /* default "<account> <name>" */
    char *organization;              /* O of the CA and of every leaf; default the account's name */
    int64_t validity_s;              /* default 10 years */
    struct ek_span at;
};

struct ek_member_spec {
    char *name; /* "a": unique in the set; first label of the member's name in the SSL domain */
    char *host; /* "db-a.example.net": the name that peers dial outside the SSL domain */
    int port;   /* default 27017 */
    double priority; /* default 1 */
    int votes;       /* default 1 */
    bool hidden;
    bool arbiter;
    char *address; /* the address that the SSL-domain name is bound to, or NULL: what host resolves
                      to */
    char *network_namespace; /* provider local: name of the netns the server runs in, or NULL */
    char *directory;         /* provider local: default "<provider.directory>/<name>"; else NULL */
    char *configuration;     /* path of mongod.conf on the host; default: local
                                "<directory>/mongod.conf", hosts "/etc/mongod.conf" */
    char *unit;              /* provider hosts: systemd unit, default "mongod.service" */
    struct {
        char *host; /* default: the member's host */
        char *user; /* these: the deployment's, where they are not the member's own */
        int port;
        char *identity_file;
        char **host_keys;
        size_t host_key_count;
    } ssh;
    struct ek_span at;
};

enum ek_interruption { EK_INTERRUPTION_REFUSE, EK_INTERRUPTION_ACCEPT };
/* Which members that are down are started. */
enum ek_start_stopped {
    EK_START_OWN_ACTS, /* those that our own restart, or a reboot, left down */
    EK_START_ALWAYS,   /* whoever has stopped */
};

enum ek_plaintext_clients { EK_PLAINTEXT_REFUSE, EK_PLAINTEXT_DISCONNECT };

/* What is done when the fleet moves away from specs that did not change; later is less. */
enum ek_drift_policy { EK_DRIFT_ENFORCE, EK_DRIFT_REPORT, EK_DRIFT_IGNORE };
enum ek_drift_field {
    EK_DRIFT_SSL_MODE,
    EK_DRIFT_CERTIFICATES,
    EK_DRIFT_CONFIGURATION,
    EK_DRIFT_NAMES,
    EK_DRIFT_MEMBERS,
    EK_DRIFT_USERS,
    EK_DRIFT_FIELDS
};

/* kind: Deployment */
struct ek_deployment_spec {
    char *name;
    char *account;
    struct ek_span at;

    enum ek_plan_line plan; /* spec.plan, default dedicated */
    struct ek_span plan_at;

    enum ek_provider provider; /* spec.provider.name */
    char *provider_directory;  /* provider local: where the members' directories are; absolute */
    char *server_binary;       /* provider local: path or name of mongod, default "mongod" */
    char *server_user;         /* provider hosts: the user that mongod runs as, default "mongodb" */
    enum ek_reach reach;       /* provider hosts: default ssh */
    struct {
        char *user; /* NULL and 0: as ssh_config says */
        int port;
        char *identity_file;
        char *known_hosts;
        char *config;
        char **host_keys; /* "SHA256:…"; none: the known hosts */
        size_t host_key_count;
        bool sudo;
        int connections; /* default 32 */
    } ssh;

    char *set_name; /* spec.replicaSet.name */
    struct ek_member_spec *members;
    size_t member_count;

    enum ek_ssl_mode ssl_mode;    /* absent: disabled */
    bool ssl_mode_written_as_tls; /* the spec used preferTLS etc. */
    struct ek_span ssl_mode_at;

    struct { /* the servers' options under net.tls; by default as people have them */
        enum ek_choice allow_connections_without_certificates;
        char *disabled_protocols; /* or NULL */
        char *ciphers;            /* or NULL */
    } tls;

    struct {
        char *base; /* "fleet.example.net"; NULL when sslMode is disabled and no domain was given */
        int64_t keep_old_names_s; /* default 30 d */
        char *hosts_file; /* sslDomain.dns: { provider: hostsFile, path }; default /etc/hosts */
    } ssl_domain;

    struct {
        char *authority;                 /* name of the CertificateAuthority, or NULL without TLS */
        enum ek_key_algorithm algorithm; /* of the members' keys; default P-256 */
        int64_t validity_s;              /* default and at most 730 d */
        int64_t renew_before_s;          /* default 45 d */
        int64_t notify_before_s;         /* default 30 d */
    } certificates;

    struct {
        enum ek_choice reinstate_primary; /* maintenance.reinstatePrimary */
        enum ek_interruption
            interruption; /* maintenance.interruption: refuse|accept, default refuse */
        enum ek_plaintext_clients
            plaintext_clients; /* maintenance.plaintextClients: refuse|disconnect, default refuse */
        int64_t plaintext_window_s; /* for how long no plaintext client may have been seen before
                                       requireSSL; 0: clients are not watched; default 10 min */
        enum ek_start_stopped start_stopped; /* maintenance.startStopped, default ownActs */
        int64_t max_lag_s;                   /* maintenance.maxLag, default 10 s */
        char *technical_contact;             /* or NULL */
        char **windows;                      /* when service may be disturbed; none: at any time */
        size_t window_count;
        int64_t urgent_renewal_s; /* a served certificate that ends so soon waits for no window;
                                     default 7 d */
        enum ek_approval_rule approval; /* default: the account's, else none */
        struct ek_approvers approvers;  /* default: the account's */
    } maintenance;

    enum ek_drift_policy drift[EK_DRIFT_FIELDS];
};

/* One git repository that a controller follows. */
struct ek_repository_spec {
    char *name;
    char *url;
    char *revision;            /* or NULL: its HEAD */
    char *folder;              /* inside the tree, or NULL: all of it */
    char *token_file;          /* or NULL */
    char *ssh_key_file;        /* or NULL */
    char *webhook_secret_file; /* or NULL: no webhook of its own */
    int64_t interval_s;        /* between two fetches; default 60 s */
    int rewritten;             /* enum ek_rewritten */
};

/* What is done when a branch no longer leads back to the commit that was followed. */
enum ek_rewritten { EK_REWRITTEN_REFUSE, EK_REWRITTEN_ACCEPT };

/* kind: Controller */
struct ek_controller_spec {
    char *name;
    struct ek_span at;
    struct ek_repository_spec *repositories;
    size_t repository_count;
    char *listen; /* "127.0.0.1:9464", or NULL: not at all */
    int64_t observe_every_s;
    int64_t acting_total;       /* deployments that are changed at a time */
    int64_t acting_per_account; /* of one account */
    struct {
        enum ek_approval_rule approval; /* approval.floor: what every plan needs at least */
        struct ek_approvers approvers;  /* whose signatures count for the floor */
    } maintenance;
};

/* A document that was left out because something is wrong with it. */
struct ek_broken_spec {
    char *kind;
    char *account; /* or NULL */
    char *name;    /* or NULL: it could not be read */
    char *file;
    char *sentence; /* the first thing that is wrong, as "file:line:column: sentence" */
};

struct ek_diagnostics;

struct ek_specs {
    struct ek_account_spec *accounts;
    size_t account_count;
    struct ek_authority_spec *authorities;
    size_t authority_count;
    struct ek_deployment_spec *deployments;
    size_t deployment_count;
    struct ek_controller_spec *controllers; /* of a configuration file alone */
    size_t controller_count;
    struct ek_broken_spec *broken; /* of ek_specs_parse_sound alone */
    size_t broken_count;
    struct ek_diagnostics *warnings; /* what is worth knowing of specs that are sound */
    char *commit;                    /* full commit id, or NULL for a plain directory */
    char *commit_subject;            /* first line of the message, or NULL */
    void *memory;                    /* the arena that holds it all */
};

void ek_specs_free(struct ek_specs *specs);

/* Look up by name; NULL when absent. Borrowed. A deployment is named "orders" or, with its
 * account, "acme/orders"; the short form is NULL when several accounts have one of that name. */
const struct ek_deployment_spec *ek_specs_deployment(const struct ek_specs *specs,
                                                     const char *name);
const struct ek_authority_spec *ek_specs_authority(const struct ek_specs *specs,
                                                   const char *account, const char *name);

#endif
