/* import: from one member's address to specs of the replica set as it is. Looks, changes nothing.
 */
#ifndef EK_IMPORT_IMPORT_H
#define EK_IMPORT_IMPORT_H

#include "drivers/host/host.h"
#include "drivers/mongodb/mongodb.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/base/sizes.h"
#include "specs/spec.h"

/* Where to begin, and how to get in. Borrowed. */
struct ek_import_request {
    const char *host; /* of any member, as it is reached from here */
    int port;
    enum ek_provider provider; /* local: servers are processes of this machine; hosts: units */
    enum ek_reach reach;       /* of provider hosts */
    struct ek_ssh ssh;         /* `host` and `sudo` are found out */
    const char *user;          /* to log in to the servers as; NULL: see below */
    const char *user_database; /* NULL: admin */
    const struct ek_secret *password;
    const char *client_certificate; /* PEM file, or NULL. Without user: log in as its subject */
    const char *ca_file;            /* that servers are checked against, or NULL */
    const char *state_directory;    /* whose authorities are ours */
    int64_t patience_ms;            /* for each member */
};

/* Without user and certificate: as __system, with the keyFile that is read on the member's host,
 * where it lets nobody else in. */

enum ek_import_note_kind {
    EK_NOTE_KEPT,       /* is so, and stays so; specs have no key for it */
    EK_NOTE_TOLD,       /* worth knowing */
    EK_NOTE_DECIDE,     /* a person must decide */
    EK_NOTE_UNSEEN,     /* could not be seen */
    EK_NOTE_IN_THE_WAY, /* can't be managed like that */
};

struct ek_import_note {
    enum ek_import_note_kind kind;
    char id[12];        /* row of the catalogue, or "" */
    char sentence[512]; /* one line; what came from outside is escaped */
};

enum { EK_IMPORT_NOTES_MAX = 24 };

/* What a person has to know; when there is no room for one more, the last says so. */
struct ek_import_notes {
    struct ek_import_note rows[EK_IMPORT_NOTES_MAX];
    size_t count;
};

struct ek_import_member {
    char name[64]; /* in the specs: a label, unique in the set */
    char host[EK_DNS_NAME_SIZE];
    int port;
    struct ek_mongodb_member row;     /* of the set's configuration */
    enum ek_ssl_mode mode_running;    /* EK_SSL_UNKNOWN: not seen */
    enum ek_ssl_mode mode_configured; /* the same */
    char state[16];                   /* "PRIMARY", or "unknown" */
    int version[3];                   /* all 0: unknown */
    char unit[256];                   /* these: "" when they were not found */
    char user[64];
    char configuration[512];
    char program[512];
    char network_namespace[128];
    char certificate_key_file[512]; /* net.tls.certificateKeyFile; "" none */
    char *certificate;              /* that it serves, PEM, or NULL */
    bool sudo;                      /* root is had by sudo on its host */
    bool proven;                    /* the process on the host is the one that answers */
    bool answers;                   /* and lets us see what it has */
    bool authentication;            /* only who logs in gets to see more than that it is there */
    bool key_file;                  /* its file, or its command line, names one */
    struct ek_secret *key;          /* of its keyFile, when that was needed to get in */
    struct ek_import_notes notes;
};

struct ek_import {
    char set_name[128];
    char account[64];              /* that the authority below is of; "" nothing tells */
    char deployment[64];           /* as Evenkeel called it when it set it up; "" nothing tells */
    char authority[64];            /* of ours, that signed what the members serve; "" none */
    char domain[EK_DNS_NAME_SIZE]; /* its SSL domain's base then */
    bool foreign_tls; /* certificates that are not by an authority of ours are in use */
    enum ek_ssl_mode mode;
    bool sudo;
    char user[64];     /* of the servers; "" not seen */
    char program[512]; /* the same */
    struct ek_import_member *members;
    size_t member_count;
    struct ek_import_notes notes; /* about the whole */
};

/* Look at the member, at its set, at every member and its host; at most patience_ms for each, side
 * by side. What could not be seen of a member is a note of it. Errors: the server does not answer
 * (EK-0430) or refuses the login (EK-0432), is in no replica set (EK-1401), or is part of a sharded
 * cluster (EK-0135); a member that specs can't name (EK-1402). Done with ek_import_done. */
int ek_import_discover(const struct ek_import_request *request, struct ek_import *ret_import,
                       struct ek_error *err);
void ek_import_done(struct ek_import *import);

/* Whether a note of that kind was made, of the whole or of a member. */
bool ek_import_has(const struct ek_import *import, enum ek_import_note_kind kind);

/* What the specs are to say beyond what was found; all borrowed. */
struct ek_import_setting {
    const char *deployment;
    const char *account;
    const char *authority; /* that certificates are (to be) signed by */
    bool account_is_guessed;
    bool account_is_there; /* in the tree already, so that no document of it is written */
    bool authority_is_there;
    const char *source; /* for the head of the file: "mongodb://…" */
};

/* Append the specs: documents that ek_specs_parse takes, with a comment for each note. */
void ek_import_write(const struct ek_import *import, const struct ek_import_request *request,
                     const struct ek_import_setting *setting, struct ek_buffer *ret_text);

/* Make a label of a name: "rs_Orders" becomes "rs-orders"; "" of one without letter and digit. */
void ek_import_label(const char *name, char ret_label[static 64]);

/* "host:port", "[::1]:27017" -> host and port (27017 where none is named); false: it is neither. */
bool ek_import_split(const char *text, char *ret_host, size_t size, int *ret_port);

#endif
