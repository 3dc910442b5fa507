#include "data.h"
#include "node.h"

#include <stdlib.h>
#include <string.h>

static struct collection **collections;
static size_t n_collections;

struct session {
    uint8_t id[16];
    int64_t number;
    size_t n;
    struct {
        int32_t statement;
        size_t position;
    } * done;
};
static struct session *sessions;
static size_t n_sessions;

static uint64_t fnv(const uint8_t *p, size_t n, uint64_t h)
{
    while (n-- > 0)
        h = (h ^ *p++) * 0x100000001b3u;
    return h;
}

static uint64_t id_hash(const bson_iter_t *id)
{
    uint64_t h = 0xcbf29ce484222325u;
    double d;
    const char *s;
    uint32_t len;
    char *text;

    if (iter_is_number(id)) {
        d = bson_iter_as_double(id);
        return fnv((const uint8_t *)&d, sizeof d, h);
    }
    if (BSON_ITER_HOLDS_OID(id))
        return fnv(bson_iter_oid(id)->bytes, 12, h);
    if (BSON_ITER_HOLDS_UTF8(id)) {
        s = bson_iter_utf8(id, &len);
        return fnv((const uint8_t *)s, len, h);
    }
    text = iter_text(id);
    h = fnv((const uint8_t *)text, strlen(text), h);
    free(text);
    return h;
}

struct collection *data_find(const char *ns)
{
    for (size_t i = 0; i < n_collections; i++)
        if (strcmp(collections[i]->ns, ns) == 0)
            return collections[i];
    return NULL;
}

size_t data_collections(void)
{
    return n_collections;
}

struct collection *data_collection(size_t i)
{
    return collections[i];
}

/* From what every member knows: the name, and the place in the log where it begins. */
static void make_uuid(uint8_t *to, const char *ns, size_t position)
{
    uint64_t half[2];

    half[0] = fnv((const uint8_t *)&position, sizeof position, 0xcbf29ce484222325u);
    half[1] = fnv((const uint8_t *)ns, strlen(ns), half[0]);
    half[0] = fnv((const uint8_t *)&half[1], sizeof half[1], half[1]);
    memcpy(to, half, 16);
    to[6] = (to[6] & 0x0f) | 0x40;
    to[8] = (to[8] & 0x3f) | 0x80;
}

static struct collection *find_or_create(const char *ns, size_t position)
{
    struct collection *c = data_find(ns);

    if (c != NULL)
        return c;
    c = xalloc(sizeof *c);
    c->ns = xstrdup(ns);
    c->options = bson_new();
    make_uuid(c->uuid, ns, position);
    c->buckets = 64;
    c->bucket = xalloc(c->buckets * sizeof(struct document *));
    collections = xrealloc(collections, (n_collections + 1) * sizeof(struct collection *));
    collections[n_collections++] = c;
    return c;
}

static void add_index(struct collection *c, const bson_t *o)
{
    bson_t *spec = bson_new();

    bson_copy_to_excluding_noinit(o, spec, "createIndexes", NULL);
    c->index = xrealloc(c->index, (c->n_indexes + 1) * sizeof(bson_t *));
    c->index[c->n_indexes++] = spec;
}

/* The one of that name; all when it is NULL. */
static void drop_index(struct collection *c, const char *name)
{
    size_t to = 0;

    for (size_t i = 0; i < c->n_indexes; i++) {
        if (name != NULL && strcmp(doc_str(c->index[i], "name", ""), name) != 0)
            c->index[to++] = c->index[i];
        else
            bson_destroy(c->index[i]);
    }
    c->n_indexes = to;
}

static void drop(const char *ns)
{
    for (size_t i = 0; i < n_collections; i++) {
        struct collection *c = collections[i];

        if (strcmp(c->ns, ns) != 0)
            continue;
        for (size_t d = 0; d < c->n; d++) {
            if (c->at[d] == NULL)
                continue;
            bson_destroy(c->at[d]->doc);
            free(c->at[d]);
        }
        drop_index(c, NULL);
        free(c->index);
        bson_destroy(c->options);
        free(c->at);
        free(c->bucket);
        free(c->ns);
        free(c);
        collections[i] = collections[--n_collections];
        return;
    }
}

static void drop_database(const char *db)
{
    size_t n = strlen(db);

    for (size_t i = n_collections; i-- > 0;)
        if (strncmp(collections[i]->ns, db, n) == 0 && collections[i]->ns[n] == '.')
            drop(collections[i]->ns);
}

struct document *data_by_id(const struct collection *c, const bson_iter_t *id)
{
    uint64_t h = id_hash(id);

    for (struct document *d = c->bucket[h % c->buckets]; d != NULL; d = d->next) {
        bson_iter_t mine;

        if (d->hash == h && doc_find(d->doc, "_id", &mine) && value_cmp(&mine, id) == 0)
            return d;
    }
    return NULL;
}

static void grow(struct collection *c)
{
    size_t more = c->buckets * 2;
    struct document **bucket = xalloc(more * sizeof(struct document *));

    for (size_t i = 0; i < c->n; i++) {
        struct document *d = c->at[i];

        if (d == NULL)
            continue;
        d->next = bucket[d->hash % more];
        bucket[d->hash % more] = d;
    }
    free(c->bucket);
    c->bucket = bucket;
    c->buckets = more;
}

static void insert(struct collection *c, const bson_t *doc)
{
    struct document *d;
    bson_iter_t id;

    if (!doc_find(doc, "_id", &id) || data_by_id(c, &id) != NULL)
        return;
    if (c->n == c->room) {
        c->room = c->room == 0 ? 16 : c->room * 2;
        c->at = xrealloc(c->at, c->room * sizeof(struct document *));
    }
    if (c->live >= c->buckets * 2)
        grow(c);
    d = xalloc(sizeof *d);
    d->doc = bson_copy(doc);
    d->hash = id_hash(&id);
    d->slot = c->n;
    d->next = c->bucket[d->hash % c->buckets];
    c->bucket[d->hash % c->buckets] = d;
    c->at[c->n++] = d;
    c->live++;
}

static void compact(struct collection *c)
{
    size_t to = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (c->at[i] == NULL)
            continue;
        c->at[i]->slot = to;
        c->at[to++] = c->at[i];
    }
    c->n = to;
}

static void delete (struct collection *c, const bson_iter_t *id)
{
    struct document *d = data_by_id(c, id), **link;

    if (d == NULL)
        return;
    for (link = &c->bucket[d->hash % c->buckets]; *link != d; link = &(*link)->next)
        ;
    *link = d->next;
    c->at[d->slot] = NULL;
    c->live--;
    bson_destroy(d->doc);
    free(d);
    if (c->n > 64 && c->live < c->n / 2)
        compact(c);
}

static void apply_command(const char *ns, const bson_t *o, size_t position)
{
    const char *what = doc_first_key(o), *name = doc_str(o, what, "");
    char *db = strndup(ns, strcspn(ns, ".")), *full = xprintf("%s.%s", db, name);

    if (strcmp(what, "dropDatabase") == 0) {
        drop_database(db);
    } else if (strcmp(what, "drop") == 0) {
        drop(full);
    } else if (strcmp(what, "create") == 0) {
        struct collection *c = find_or_create(full, position);

        bson_reinit(c->options);
        bson_copy_to_excluding_noinit(o, c->options, "create", "idIndex", NULL);
    } else if (strcmp(what, "createIndexes") == 0) {
        add_index(find_or_create(full, position), o);
    } else if (strcmp(what, "dropIndexes") == 0 && data_find(full) != NULL) {
        drop_index(data_find(full), doc_str(o, "index", NULL));
    }
    free(full);
    free(db);
}

static bool session_id(const bson_t *doc, const uint8_t **ret_id)
{
    bson_t lsid;
    bson_iter_t it;
    uint32_t len;

    if (!doc_sub(doc, "lsid", &lsid) || !doc_find(&lsid, "id", &it) || !BSON_ITER_HOLDS_BINARY(&it))
        return false;
    bson_iter_binary(&it, NULL, &len, ret_id);
    return len == 16;
}

static struct session *session_find(const uint8_t *id)
{
    for (size_t i = 0; i < n_sessions; i++)
        if (memcmp(sessions[i].id, id, 16) == 0)
            return &sessions[i];
    return NULL;
}

static void remember_session(size_t position, const bson_t *entry)
{
    const uint8_t *id;
    struct session *s;
    int64_t number = doc_int(entry, "txnNumber", -1);

    if (number < 0 || !session_id(entry, &id))
        return;
    s = session_find(id);
    if (s == NULL) {
        sessions = xrealloc(sessions, (n_sessions + 1) * sizeof *sessions);
        s = &sessions[n_sessions++];
        *s = (struct session){.number = number};
        memcpy(s->id, id, 16);
    }
    if (number != s->number)
        s->n = 0;
    s->number = number;
    s->done = xrealloc(s->done, (s->n + 1) * sizeof *s->done);
    s->done[s->n].statement = (int32_t)doc_int(entry, "stmtId", 0);
    s->done[s->n++].position = position;
}

bool session_executed(const bson_t *command, int32_t statement, size_t *ret_position,
                      bool *ret_newer)
{
    const uint8_t *id;
    const struct session *s;
    int64_t number = doc_int(command, "txnNumber", -1);

    *ret_newer = false;
    if (number < 0 || !session_id(command, &id) || (s = session_find(id)) == NULL)
        return false;
    *ret_newer = number < s->number;
    for (size_t i = 0; i < s->n && number == s->number; i++) {
        if (s->done[i].statement == statement) {
            *ret_position = s->done[i].position;
            return true;
        }
    }
    return false;
}

void data_apply(size_t log_position, const bson_t *entry)
{
    const char *op = doc_str(entry, "op", "n"), *ns = doc_str(entry, "ns", "");
    bson_t o, o2;
    bson_iter_t id;

    remember_session(log_position, entry);
    if (*op == 'n' || !doc_sub(entry, "o", &o))
        return;
    if (*op == 'c') {
        apply_command(ns, &o, log_position);
    } else if (*op == 'i') {
        insert(find_or_create(ns, log_position), &o);
    } else if (*op == 'd') {
        if (doc_find(&o, "_id", &id))
            delete (find_or_create(ns, log_position), &id);
    } else if (*op == 'u' && doc_sub(entry, "o2", &o2) && doc_find(&o2, "_id", &id)) {
        struct document *d = data_by_id(find_or_create(ns, log_position), &id);

        if (d != NULL) {
            bson_destroy(d->doc);
            d->doc = bson_copy(&o);
        }
    }
}

void data_rebuild(void)
{
    while (n_collections > 0)
        drop(collections[0]->ns);
    for (size_t i = 0; i < n_sessions; i++)
        free(sessions[i].done);
    n_sessions = 0;
    for (size_t i = 0; i < log_count(); i++)
        data_apply(i, log_at(i)->doc);
}
