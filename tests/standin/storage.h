/* What survives the process: the replicated log, and a small document with term, vote and
 * configuration. */
#ifndef STANDIN_STORAGE_H
#define STANDIN_STORAGE_H

#include "util.h"

struct entry {
    struct optime at;
    bson_t *doc;
    int64_t end; /* offset in the file behind it */
};

/* Opens or creates both under dbPath, dropping a torn tail. Ends the process as mongod does when it
 * can't. */
void storage_open(const char *db_path);

/* All of these with the node's lock held. */
size_t log_count(void);
const struct entry *log_at(size_t i);
struct optime log_last(void);
/* Index of the entry at that position, or log_count() when it isn't there. */
size_t log_index(struct optime at);
/* Takes the document. It is written, and durable once log_durable() has passed it. */
void log_append(bson_t *doc);
/* As after a loss of power: what no sync has reached is gone, or some of it. */
void storage_lose_unsynced(void);
/* Drops all entries from index `keep` on; durable on return. */
void log_truncate(size_t keep);
/* The last position known to be on disk. */
struct optime log_durable(void);

/* Term, vote, configuration: on disk when this returns. */
void meta_save(const bson_t *meta);
bool meta_load(bson_t *ret_meta);

#endif
