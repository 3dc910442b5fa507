/* Inside import/: what its files share. */
#ifndef EK_IMPORT_PARTS_H
#define EK_IMPORT_PARTS_H

#include "drivers/host/server_configuration.h"
#include "reconciler/import/import.h"

/* Words of a server or a host on one line, escaped, and cut where there is no more room. */
void ek_import_show(const char *words, char ret_text[static 512]);

/* Note something; the words may hold anything. */
void ek_import_note(struct ek_import_notes *notes, enum ek_import_note_kind kind, const char *id,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same of a failure: its sentence, id and cause. */
void ek_import_note_failure(struct ek_import_notes *notes, enum ek_import_note_kind kind,
                            const struct ek_error *failure);

/* ---- one member (member.c) ---- */

/* Look at its server and its host; `member` has host and port. *ret_seen is done with
 * ek_mongodb_seen_done. EK_NO_MEMORY, or EK_BLOCKED (EK-0135) for a part of a sharded cluster; all
 * else is noted. */
int ek_import_look(const struct ek_import_request *request, struct ek_import_member *member,
                   struct ek_mongodb_seen *ret_seen, struct ek_error *err);

/* How to reach it as before; borrows. */
struct ek_mongodb_target ek_import_target(const struct ek_import_request *request,
                                          const struct ek_import_member *member);

/* ---- its process and its files (process.c) ---- */

struct ek_import_host {
    const struct ek_import_request *request;
    const struct ek_host_driver *driver;
    struct ek_ssh ssh;
    int64_t deadline;
    struct ek_host_servers servers; /* that were found there */
};

/* How the driver is to reach one of its servers (NULL: the host itself). Borrows. */
struct ek_host ek_import_host_of(const struct ek_import_host *host,
                                 const struct ek_server_process *server);

/* Find its servers, and whether root is to be had by sudo. Errors as the driver's. */
int ek_import_servers(struct ek_import_host *host, struct ek_error *err);

/* The configuration file that a process was started with. EK_NOT_FOUND (EK-1404): with none;
 * EK_UNSUPPORTED (EK-1405): it is of the old format; else as reading and parsing it. */
int ek_import_configuration(const struct ek_import_host *host,
                            const struct ek_server_process *server,
                            struct ek_server_configuration *ret_configuration,
                            struct ek_error *err);

/* The keyFile of the server there that serves the port (candidate number `index`). EK_NOT_FOUND:
 * there are no more candidates. */
int ek_import_key(const struct ek_import_host *host, int port, size_t index,
                  struct ek_secret **ret_key, struct ek_error *err);

/* Take what its process tells: unit, user, files, options. */
int ek_import_take_process(const struct ek_import_host *host,
                           const struct ek_server_process *server, struct ek_import_member *member,
                           struct ek_error *err);

/* ---- what specs have no key for (extras.c) ---- */

/* Note users, settings, tags and delays, as `target` tells them. */
int ek_import_extras(const struct ek_mongodb_target *target, int64_t deadline,
                     struct ek_import *import, struct ek_error *err);

/* ---- names and authorities (names.c) ---- */

/* Give every member a name of its own. */
void ek_import_name_members(struct ek_import *import);

/* Which authority in the state directory signed what the members serve, and the SSL domain. */
int ek_import_recognise(const struct ek_import_request *request, struct ek_import *import,
                        struct ek_error *err);

#endif
