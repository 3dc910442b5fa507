/* Connections from outside, and the table of commands. */
#ifndef STANDIN_SERVER_H
#define STANDIN_SERVER_H

#include "auth.h"
#include "scram.h"
#include "wire.h"

struct conn {
    int id;
    struct stream stream;
    char remote[64];
    bool localhost;
    struct login login;
    struct scram_server scram; /* while a login is under way */
    bool scram_speculative;    /* it began with a greeting */
    int scram_step;            /* 0 none, 1 waits for the proof, 2 for the empty message */
    bool scram_short;          /* without that last, empty exchange */
    char scram_db[128];
    bson_t *metadata; /* of the client, from its first isMaster */
    bson_t *running;  /* the command being done, for currentOp */
    int64_t began;
    struct conn *next;
};

/* What a command works with. Its function returns 0, and `ok: 1` is added, or what fail() returned.
 */
struct call {
    struct conn *conn;
    const bson_t *command;
    const char *name, *db;
    bson_t *reply;
    bool secondary_ok, close;
    bool exhaust; /* the client takes more than one answer */
    bool more;    /* and gets another one to the same question */
};
int fail(struct call *c, int code, const char *fmt, ...) PRINTF(3, 4);
/* The server's name of an error code. */
const char *code_name(int code);
/* And back; 0 when the name isn't known. */
int code_number(const char *name);

enum {
    F_NO_AUTH = 1,   /* may be used before logging in */
    F_ADMIN = 2,     /* only against the database admin */
    F_READ = 4,      /* on a secondary only when the client says so */
    F_WRITE = 8,     /* on the primary only */
    F_UNLOCKED = 16, /* takes the node's lock itself */
};
struct command {
    const char *name;
    unsigned int flags;
    enum action action;
    int (*run)(struct call *c);
};
/* One table per file of commands, each ended by a row without a name. */
extern const struct command hello_commands[], observe_commands[], parameter_commands[],
    set_commands[], member_commands[], user_commands[], login_commands[], read_commands[],
    write_commands[], catalog_commands[], restore_commands[], default_commands[], more_commands[];
/* A command of the real server that isn't played here; NULL: neither has it. Borrowed, until this
 * thread asks again. */
const struct command *command_not_played(const char *name);
/* Every database and collection that a plain name stands for: "db.collection". The caller frees it.
 */
char *call_ns(const struct call *c);

/* Reads one request's command, does it, and fills the reply. */
enum command_end { COMMAND_DONE, COMMAND_MORE, COMMAND_CLOSE };
enum command_end command_do(struct conn *conn, const struct message *m, bson_t *reply);

/* Listens; false (after logging why) when it can't. Then accepts for ever in its own thread. */
bool server_listen(void);
void server_status(bson_t *connections, bson_t *network);
/* Calls for every open connection, with their list locked. */
void server_each(void (*visit)(const struct conn *conn, void *arg), void *arg);
/* Stops accepting. */
void server_stop(void);
/* SIGTERM, or the command: steps down first when primary. `force`: don't care whether that worked.
 * False: refused. */
bool server_shut_down(bool force, int64_t wait_ms, char *why, size_t size, int *ret_code);

#endif
