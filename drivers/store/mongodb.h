/* The MongoDB store: commands to the primary of a replica set, by a pool of connections.
 *
 * Each write waits for a majority, each read sees only what a majority has. A write that got no
 * answer is looked for before it is sent again: nothing is done twice. */
#ifndef EK_DRIVERS_STORE_MONGODB_H
#define EK_DRIVERS_STORE_MONGODB_H

#include <bson/bson.h>
#include <mongoc/mongoc.h>

#include "drivers/store/store.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"

struct ek_store {
    mongoc_client_pool_t *pool;
    char database[64];
    char name[256]; /* hosts and database, for messages: never a password */
};

enum { EK_MONGODB_STORE_VERSION = 1, EK_DUPLICATE_KEY = 11000 };

/* What became of a write. */
struct ek_written {
    int64_t matched;
    bool duplicate; /* a document of that _id is there already */
};

/* Send a write command to `collection`; it waits for a majority. EK_TIMEOUT (EK-1008): whether it
 * was done is not known. EK_CONFLICT (EK-1012): surely not, since there is no primary just now.
 * EK_UNREACHABLE (EK-1001), EK_DENIED (EK-1018), EK_SYSTEM (EK-1007). */
int ek_mongodb_store_write(struct ek_store *store, const bson_t *command,
                           struct ek_written *ret_written, struct ek_error *err);

/* { insert: collection, documents: [ document ] } */
int ek_mongodb_store_insert(struct ek_store *store, const char *collection, const bson_t *document,
                            struct ek_written *ret_written, struct ek_error *err);

/* { update: collection, updates: [ { q: query, u: update, upsert } ] }. Borrowed. */
struct ek_mongodb_change {
    const char *collection;
    const bson_t *query;
    const bson_t *update;
    bool upsert;
};
int ek_mongodb_store_update(struct ek_store *store, const struct ek_mongodb_change *change,
                            struct ek_written *ret_written, struct ek_error *err);

/* Give each document that `filter` finds to `take`, which returns false to stop; at most `limit`.
 */
struct ek_mongodb_search {
    const char *collection;
    const bson_t *filter;
    const bson_t *sort; /* or NULL */
    int64_t limit;
    bool (*take)(void *context, const bson_t *document);
    void *context;
};
int ek_mongodb_store_find(struct ek_store *store, const struct ek_mongodb_search *search,
                          struct ek_error *err);

/* The one document of that _id into the initialised *ret_document; EK_NOT_FOUND (EK-1011). */
int ek_mongodb_store_find_one(struct ek_store *store, const char *collection, const char *id,
                              bson_t *ret_document, struct ek_error *err);

/* The driver's slots; see store.h. */
int ek_mongodb_store_append(struct ek_store *store, const struct ek_store_event *event,
                            int64_t *ret_number, struct ek_error *err);
int ek_mongodb_store_events(struct ek_store *store, const struct ek_store_query *query,
                            bool (*take)(void *context, const struct ek_store_event *event),
                            void *context, struct ek_error *err);
int ek_mongodb_store_head(struct ek_store *store, int64_t *ret_number,
                          char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err);
int ek_mongodb_store_put_plan(struct ek_store *store, const struct ek_plan_record *plan,
                              struct ek_error *err);
int ek_mongodb_store_get_plan(struct ek_store *store, const char *name, char **ret_document,
                              struct ek_error *err);
int ek_mongodb_store_put_approval(struct ek_store *store, const struct ek_approval *approval,
                                  struct ek_error *err);
int ek_mongodb_store_get_approvals(struct ek_store *store, const char *account,
                                   const char *deployment, struct ek_approvals *ret_approvals,
                                   struct ek_error *err);
int ek_mongodb_store_put_pause(struct ek_store *store, const char *account, const char *deployment,
                               const struct ek_pause *pause, struct ek_error *err);
int ek_mongodb_store_get_pause(struct ek_store *store, const char *account, const char *deployment,
                               struct ek_pause *ret_pause, struct ek_error *err);
int ek_mongodb_store_put_watch(struct ek_store *store, const struct ek_watch_key *key,
                               const struct ek_client_watch *watch, struct ek_error *err);
int ek_mongodb_store_get_watch(struct ek_store *store, const struct ek_watch_key *key,
                               struct ek_client_watch *ret_watch, struct ek_error *err);
int ek_mongodb_store_note_once(struct ek_store *store, const char *key, int64_t at_ms,
                               bool *ret_first, struct ek_error *err);
int ek_mongodb_store_get_lease(struct ek_store *store, const char *name,
                               struct ek_lease_record *ret_record, struct ek_error *err);
int ek_mongodb_store_swap_lease(struct ek_store *store, const char *name,
                                const struct ek_lease_record *expected,
                                const struct ek_lease_record *wanted, struct ek_error *err);

#endif
