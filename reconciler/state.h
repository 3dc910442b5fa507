/* What was observed of one deployment, and what a plan models of it.
 *
 * Plain data without pointers: it is copied by assignment. *Unknown* is a value of its
 * own (always 0) and never treated as false. members[i] is the spec's i-th member. */
#ifndef EK_STATE_H
#define EK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/ssl_mode.h"
#include "specs/spec.h"

enum ek_tri { EK_UNKNOWN = 0, EK_NO, EK_YES };

/* The server's own replication states, and three that only an observer knows. */
enum ek_member_state {
    EK_MEMBER_UNKNOWN = 0,
    EK_MEMBER_UNINITIATED, /* runs, but was never given a configuration */
    EK_MEMBER_STARTUP,
    EK_MEMBER_PRIMARY,
    EK_MEMBER_SECONDARY,
    EK_MEMBER_RECOVERING,
    EK_MEMBER_STARTUP2, /* initial sync */
    EK_MEMBER_ARBITER,
    EK_MEMBER_DOWN,
    EK_MEMBER_ROLLBACK,
    EK_MEMBER_REMOVED,
};

struct ek_certificate_state {
    enum ek_tri present;
    uint8_t sha256[32];
    enum ek_tri issued_by_authority; /* by the deployment's authority as it is now */
    enum ek_tri key_sealed;          /* installed ones only */
    enum ek_tri sole_name;           /* carries `name` and nothing else */
    char name[256];                  /* the first DNS name it carries */
    int64_t not_after_s;
};

struct ek_trust_state {
    enum ek_tri present;
    size_t count; /* of authorities trusted */
    uint8_t sha256[4][32];
};

struct ek_options_state {
    enum ek_tri known;
    uint8_t digest[32]; /* all zero: no TLS options at all */
};

#define EK_CLOCK_UNKNOWN INT64_MIN

struct ek_member_observed {
    char name[64];

    /* host */
    enum ek_tri process; /* the server process exists */
    int64_t pid;         /* 0 unknown or none */
    int64_t started_ms;
    int64_t age_ms;            /* how long that process has run */
    int64_t clock_ahead_ms;    /* the host's clock before Evenkeel's; EK_CLOCK_UNKNOWN */
    enum ek_tri restart_begun; /* Evenkeel began a restart whose process never came up */
    enum ek_tri data;          /* the data directory holds something */
    enum ek_tri configuration; /* the configuration file exists */
    enum ek_tri key_file;      /* the set's keyFile exists on the host */
    enum ek_ssl_mode mode_configured;
    struct ek_options_state options_configured;
    struct ek_options_state options_wanted; /* what Evenkeel would write for TLS */
    struct ek_certificate_state certificate_installed;
    struct ek_trust_state trust_installed;

    /* server */
    enum ek_tri reachable; /* answered our own connection */
    enum ek_member_state state;
    enum ek_tri writable;
    int version[3];
    enum ek_ssl_mode mode_running;
    struct ek_options_state options_running;
    struct ek_certificate_state certificate_running; /* as presented to a TLS client */
    struct ek_trust_state trust_running;
    int64_t signing_key;       /* key id that signs the cluster time; 0 none yet, -1 unknown */
    int64_t lag_ms;            /* behind the primary, -1 unknown */
    int64_t plaintext_clients; /* -1 unknown */

    /* replica-set configuration */
    int id; /* _id, -1: not in the configuration */
    char host[280];
    double priority;
    int votes;
    bool hidden;
    bool arbiter;
    bool delayed;
    uint64_t healthy_for; /* bit j: member j reports this one healthy */
    uint64_t viewed_by;   /* bit j: member j's view was read */

    /* names */
    enum ek_tri domain_name_bound; /* its name in the SSL domain resolves to its address */
    enum ek_tri spec_host_resolves;
};

struct ek_state {
    char account[64];
    char deployment[64];
    enum ek_tri initiated;
    char set_name[128];
    char set_id[32];
    int64_t config_version;
    int64_t config_term;
    int64_t election_term;
    char foreign_member[280]; /* host of a member that the specs don't name, "" none */
    char domain_label[32];    /* of the SSL domain, "" none was ever chosen */
    enum ek_tri authority;    /* the certificate authority exists */
    uint8_t authority_sha256[32];
    enum ek_tri authentication;
    enum ek_tri own_user; /* Evenkeel's own user exists with the password we hold */
    size_t member_count;
    struct ek_member_observed members[EK_MEMBERS_MAX];
};

/* What people have to say to a deployment's steps, at the moment of policy.now_s. All zero:
 * nothing is asked for. reconciler/consent/ fills it from the specs and the store. */
enum ek_window_state { EK_WINDOW_ANY_TIME = 0, EK_WINDOW_OPEN, EK_WINDOW_CLOSED };
enum ek_agreement { EK_AGREEMENT_NOT_NEEDED = 0, EK_AGREEMENT_GIVEN, EK_AGREEMENT_MISSING };

struct ek_consent {
    enum ek_window_state window;
    int64_t window_changes_s; /* when it closes, or opens; 0: never, or not known */
    char window_words[128];   /* the one that is open, or opens next: "sat 02:00-05:00 UTC" */
    enum ek_agreement approval;
    enum ek_agreement signature; /* of the plan, by a key that the specs name */
    char by[128];                /* who approved or signed; "" nobody */
    char how[32];                /* "command", "signed-plan", "signed-commit" */
    int64_t paused_until_s;      /* what follows is set while the deployment is paused */
    char paused_by[128];
    char paused_why[256];
};

/* What the owners of the fleet and the moment decide; passed in, never read from a clock. */
struct ek_policy {
    int64_t now_s;
    char new_label[32]; /* random label for an SSL domain that has none yet */
    int former_primary; /* member to reinstate when priorities don't tell; -1 none */
    bool paused;
    struct ek_consent consent;
};

/* Copy a state; of the members only those that there are. */
void ek_state_copy(struct ek_state *to, const struct ek_state *from);

/* Index of the primary that is writable, or -1. */
int ek_state_primary(const struct ek_state *state);

/* PRIMARY, SECONDARY or ARBITER. */
bool ek_member_state_serves(enum ek_member_state state);

/* Whether member `index` serves: it answers, is PRIMARY, SECONDARY or ARBITER, and no peer reports
 * it as not healthy, but such as nobody sees themselves. ret_deaf_peers (or NULL): the peers that
 * do, bit j for member j. */
bool ek_member_serves(const struct ek_state *state, size_t index, uint64_t *ret_deaf_peers);

/* The name of member `index` in the SSL domain ("a.label.base"), written into buffer.
 * False when there is no base or no label. */
bool ek_domain_name(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size);

/* "host:port" that the specs want in the configuration: in the SSL domain while sslMode is
 * not disabled, else the spec's own host. */
bool ek_wanted_host(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size);

/* The host of "host:port", into buffer. */
void ek_host_without_port(const char *host, char *buffer, size_t size);

const char *ek_member_state_name(enum ek_member_state state);

/* SHA-256 over what identifies a state for a plan: everything that steps change, nothing that
 * drifts by itself (pids, lag, versions of optimes). Two states with the same digest have the
 * same plan. Written as 64 hex digits and NUL; untouched with EK_NO_MEMORY, which is all that can
 * go wrong. */
int ek_state_digest(const struct ek_deployment_spec *spec, const struct ek_state *state,
                    const struct ek_policy *policy, char ret_hex[65]);

/* The same content in words, one fact per line, for showing what moved between two states. */
struct ek_buffer;
void ek_state_facts(const struct ek_deployment_spec *spec, const struct ek_state *state,
                    const struct ek_policy *policy, struct ek_buffer *ret_lines);

/* Whether one of those facts is this line. */
bool ek_facts_have(const char *facts, const char *line, size_t length);

#endif
