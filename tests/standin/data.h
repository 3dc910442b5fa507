/* The documents, in memory: what applying the log from its beginning yields. All with the node's
 * lock held. */
#ifndef STANDIN_DATA_H
#define STANDIN_DATA_H

#include "storage.h"

struct document {
    bson_t *doc;
    uint64_t hash;
    struct document *next; /* in its bucket */
    size_t slot;           /* in its collection's order */
};
struct collection {
    char *ns;
    struct document **at; /* in order of insertion, with holes */
    size_t n, live, room;
    struct document **bucket;
    size_t buckets;
    bson_t *options; /* as `create` was told them */
    bson_t **index;  /* besides the one of _id */
    size_t n_indexes;
    uint8_t uuid[16]; /* the same on every member */
};

struct collection *data_find(const char *ns);
size_t data_collections(void);
struct collection *data_collection(size_t i);
/* By _id; NULL when there is none. */
struct document *data_by_id(const struct collection *c, const bson_iter_t *id);

/* Does to the documents what the entry says, and remembers its session. */
void data_apply(size_t log_position, const bson_t *entry);
/* Forgets everything and applies the whole log again. */
void data_rebuild(void);

/* Retryable writes: the log position of what (session, number, statement) did; false when it wasn't
 * done.
 * `*ret_newer` when the session has already used a higher number. */
bool session_executed(const bson_t *command, int32_t statement, size_t *ret_position,
                      bool *ret_newer);

/* query.c: order of values, matching, sorting, updating. */
int value_cmp(const bson_iter_t *a, const bson_iter_t *b);
bool find_path(const bson_t *doc, const char *path, bson_iter_t *ret_value);
bool query_matches(const bson_t *query, const bson_t *doc);
void query_sort(const bson_t *sort, bson_t **docs, size_t n);
void query_project(const bson_t *projection, const bson_t *doc, bson_t *ret_out);
/* A new document, or NULL with a message. `insert` when it's for an upsert. */
bson_t *update_apply(const bson_t *doc, const bson_t *update, bool insert, char *why, size_t size);
bool update_is_operators(const bson_t *update);
bson_t *upsert_seed(const bson_t *query);

#endif
