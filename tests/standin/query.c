/* As much of the query and update languages as probes, users, leases and dumps use. */
#include "data.h"

#include <stdlib.h>
#include <string.h>

static int rank(const bson_iter_t *it)
{
    switch (bson_iter_type(it)) {
    case BSON_TYPE_MINKEY: return 0;
    case BSON_TYPE_UNDEFINED:
    case BSON_TYPE_NULL: return 1;
    case BSON_TYPE_DOUBLE:
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64: return 2;
    case BSON_TYPE_UTF8: return 3;
    case BSON_TYPE_DOCUMENT: return 4;
    case BSON_TYPE_ARRAY: return 5;
    case BSON_TYPE_BINARY: return 6;
    case BSON_TYPE_OID: return 7;
    case BSON_TYPE_BOOL: return 8;
    case BSON_TYPE_DATE_TIME: return 9;
    case BSON_TYPE_TIMESTAMP: return 10;
    case BSON_TYPE_MAXKEY: return 12;
    default: return 11;
    }
}

static int cmp_long(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int cmp_docs(const bson_iter_t *a, const bson_iter_t *b, bool names)
{
    bson_t da, db;
    bson_iter_t ia, ib;

    if (!iter_sub(a, &da) || !iter_sub(b, &db) || !bson_iter_init(&ia, &da) ||
        !bson_iter_init(&ib, &db))
        return 0;
    for (;;) {
        bool more_a = bson_iter_next(&ia), more_b = bson_iter_next(&ib);
        int c;

        if (!more_a || !more_b)
            return more_a - more_b;
        if (names && (c = strcmp(bson_iter_key(&ia), bson_iter_key(&ib))) != 0)
            return c;
        if ((c = value_cmp(&ia, &ib)) != 0)
            return c;
    }
}

static int cmp_binary(const bson_iter_t *a, const bson_iter_t *b)
{
    const uint8_t *pa, *pb;
    uint32_t na, nb;

    bson_iter_binary(a, NULL, &na, &pa);
    bson_iter_binary(b, NULL, &nb, &pb);
    return na != nb ? cmp_long(na, nb) : memcmp(pa, pb, na);
}

int value_cmp(const bson_iter_t *a, const bson_iter_t *b)
{
    uint32_t ta, ia, tb, ib;
    double x, y;

    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    switch (rank(a)) {
    case 2:
        if (!BSON_ITER_HOLDS_DOUBLE(a) && !BSON_ITER_HOLDS_DOUBLE(b))
            return cmp_long(bson_iter_as_int64(a), bson_iter_as_int64(b));
        x = bson_iter_as_double(a);
        y = bson_iter_as_double(b);
        return x < y ? -1 : x > y;
    case 3: return strcmp(bson_iter_utf8(a, NULL), bson_iter_utf8(b, NULL));
    case 4: return cmp_docs(a, b, true);
    case 5: return cmp_docs(a, b, false);
    case 6: return cmp_binary(a, b);
    case 7: return bson_oid_compare(bson_iter_oid(a), bson_iter_oid(b));
    case 8: return bson_iter_bool(a) - bson_iter_bool(b);
    case 9: return cmp_long(bson_iter_date_time(a), bson_iter_date_time(b));
    case 10:
        bson_iter_timestamp(a, &ta, &ia);
        bson_iter_timestamp(b, &tb, &ib);
        return ta != tb ? cmp_long(ta, tb) : cmp_long(ia, ib);
    default: return 0;
    }
}

bool find_path(const bson_t *doc, const char *path, bson_iter_t *ret_value)
{
    bson_iter_t it;

    return bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, ret_value);
}

static bool any_in(const bson_iter_t *list, const bson_iter_t *value)
{
    bson_t arr;
    bson_iter_t it;

    if (!iter_sub(list, &arr) || !bson_iter_init(&it, &arr))
        return false;
    while (bson_iter_next(&it))
        if (value != NULL ? value_cmp(&it, value) == 0 : BSON_ITER_HOLDS_NULL(&it))
            return true;
    return false;
}

/* One operator on one value; `value` is NULL when the field is missing. */
static bool operator_holds(const char *op, const bson_iter_t *arg, const bson_iter_t *value)
{
    int c = value != NULL && rank(value) == rank(arg) ? value_cmp(value, arg) : 2;

    if (strcmp(op, "$eq") == 0)
        return c == 0;
    if (strcmp(op, "$ne") == 0)
        return c != 0 || value == NULL;
    if (strcmp(op, "$gt") == 0)
        return c != 2 && c > 0;
    if (strcmp(op, "$gte") == 0)
        return c != 2 && c >= 0;
    if (strcmp(op, "$lt") == 0)
        return c < 0;
    if (strcmp(op, "$lte") == 0)
        return c <= 0;
    if (strcmp(op, "$in") == 0)
        return any_in(arg, value);
    if (strcmp(op, "$nin") == 0)
        return !any_in(arg, value);
    if (strcmp(op, "$exists") == 0)
        return bson_iter_as_bool(arg) == (value != NULL);
    return false;
}

static bool value_matches(const bson_iter_t *wanted, const bson_iter_t *value)
{
    bson_t sub;
    bson_iter_t it;

    if (BSON_ITER_HOLDS_DOCUMENT(wanted) && iter_sub(wanted, &sub) &&
        doc_first_key(&sub)[0] == '$') {
        bson_iter_init(&it, &sub);
        while (bson_iter_next(&it))
            if (!operator_holds(bson_iter_key(&it), &it, value))
                return false;
        return true;
    }
    if (value == NULL)
        return BSON_ITER_HOLDS_NULL(wanted);
    if (value_cmp(wanted, value) == 0)
        return true;
    return BSON_ITER_HOLDS_ARRAY(value) && !BSON_ITER_HOLDS_ARRAY(wanted) && any_in(value, wanted);
}

static bool combine(const char *op, const bson_iter_t *list, const bson_t *doc)
{
    bson_t arr, one;
    bson_iter_t it;
    bool any = false, all = true;

    if (!iter_sub(list, &arr) || !bson_iter_init(&it, &arr))
        return false;
    while (bson_iter_next(&it)) {
        bool yes = iter_sub(&it, &one) && query_matches(&one, doc);

        any = any || yes;
        all = all && yes;
    }
    return strcmp(op, "$and") == 0 ? all : strcmp(op, "$or") == 0 ? any : !any;
}

bool query_matches(const bson_t *query, const bson_t *doc)
{
    bson_iter_t it, value;

    bson_iter_init(&it, query);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (strcmp(key, "$and") == 0 || strcmp(key, "$or") == 0 || strcmp(key, "$nor") == 0) {
            if (!combine(key, &it, doc))
                return false;
        } else if (key[0] != '$' &&
                   !value_matches(&it, find_path(doc, key, &value) ? &value : NULL)) {
            return false;
        }
    }
    return true;
}

static const bson_t *sort_now;
static int by_sort(const void *a, const void *b)
{
    bson_iter_t it, va, vb;

    bson_iter_init(&it, sort_now);
    while (bson_iter_next(&it)) {
        bool ha = find_path(*(bson_t *const *)a, bson_iter_key(&it), &va);
        bool hb = find_path(*(bson_t *const *)b, bson_iter_key(&it), &vb);
        int c = ha && hb ? value_cmp(&va, &vb) : ha - hb;

        if (c != 0)
            return bson_iter_as_int64(&it) < 0 ? -c : c;
    }
    return 0;
}

void query_sort(const bson_t *sort, bson_t **docs, size_t n)
{
    if (strcmp(doc_first_key(sort), "$natural") == 0) {
        for (size_t i = 0; i < n / 2 && doc_int(sort, "$natural", 1) < 0; i++) {
            bson_t *t = docs[i];

            docs[i] = docs[n - 1 - i];
            docs[n - 1 - i] = t;
        }
        return;
    }
    sort_now = sort;
    if (n > 1)
        qsort(docs, n, sizeof *docs, by_sort);
}

void query_project(const bson_t *projection, const bson_t *doc, bson_t *ret_out)
{
    bson_iter_t it, p;
    bool including = false;

    bson_iter_init(&p, projection);
    while (bson_iter_next(&p))
        including = including || (strcmp(bson_iter_key(&p), "_id") != 0 && bson_iter_as_bool(&p));
    bson_init(ret_out);
    bson_iter_init(&it, doc);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);
        bool named = doc_find(projection, key, &p);
        bool keep = named ? bson_iter_as_bool(&p) : !including || strcmp(key, "_id") == 0;

        if (keep || bson_empty(projection))
            bson_append_iter(ret_out, key, -1, &it);
    }
}

bool update_is_operators(const bson_t *update)
{
    return doc_first_key(update)[0] == '$';
}

/* Appends `doc` without the field `skip`. */
static void copy_without(bson_t *to, const bson_t *doc, const char *skip)
{
    bson_copy_to_excluding_noinit(doc, to, skip, NULL);
}

/* Sets one top-level or dotted field, keeping its place. */
static bson_t *with_field(const bson_t *doc, const char *path, const bson_iter_t *value)
{
    const char *dot = strchr(path, '.');
    char *head = dot == NULL ? xstrdup(path) : strndup(path, (size_t)(dot - path));
    bson_t *out = bson_new(), sub, *inner;
    bson_iter_t it;
    bool placed = false;

    bson_iter_init(&it, doc);
    while (bson_iter_next(&it)) {
        if (strcmp(bson_iter_key(&it), head) != 0) {
            bson_append_iter(out, NULL, 0, &it);
            continue;
        }
        placed = true;
        if (dot == NULL) {
            bson_append_iter(out, head, -1, value);
        } else if (iter_sub(&it, &sub)) {
            inner = with_field(&sub, dot + 1, value);
            add_doc(out, head, inner);
            bson_destroy(inner);
        }
    }
    if (!placed && dot == NULL) {
        bson_append_iter(out, head, -1, value);
    } else if (!placed) {
        bson_t empty = BSON_INITIALIZER;

        inner = with_field(&empty, dot + 1, value);
        add_doc(out, head, inner);
        bson_destroy(inner);
        bson_destroy(&empty);
    }
    free(head);
    return out;
}

static bson_t *increment(const bson_t *doc, const char *path, const bson_iter_t *by)
{
    bson_t holder = BSON_INITIALIZER, *out;
    bson_iter_t old, sum;
    bool had = find_path(doc, path, &old) && iter_is_number(&old);

    if (had && (BSON_ITER_HOLDS_DOUBLE(&old) || BSON_ITER_HOLDS_DOUBLE(by)))
        add_num(&holder, "v", bson_iter_as_double(&old) + bson_iter_as_double(by));
    else if (had && BSON_ITER_HOLDS_INT32(&old) && BSON_ITER_HOLDS_INT32(by))
        add_int(&holder, "v", bson_iter_int32(&old) + bson_iter_int32(by));
    else if (had)
        add_long(&holder, "v", bson_iter_as_int64(&old) + bson_iter_as_int64(by));
    else
        bson_append_iter(&holder, "v", -1, by);
    bson_iter_init_find(&sum, &holder, "v");
    out = with_field(doc, path, &sum);
    bson_destroy(&holder);
    return out;
}

static bson_t *push(const bson_t *doc, const char *path, const bson_iter_t *value)
{
    bson_t holder = BSON_INITIALIZER, arr = BSON_INITIALIZER, old, *out;
    bson_iter_t it;
    char key[16];
    const char *k;

    if (find_path(doc, path, &it) && BSON_ITER_HOLDS_ARRAY(&it) && iter_sub(&it, &old))
        bson_concat(&arr, &old);
    bson_uint32_to_string(bson_count_keys(&arr), &k, key, sizeof key);
    bson_append_iter(&arr, k, -1, value);
    add_arr(&holder, "v", &arr);
    bson_iter_init_find(&it, &holder, "v");
    out = with_field(doc, path, &it);
    bson_destroy(&arr);
    bson_destroy(&holder);
    return out;
}

static bson_t *one_operator(bson_t *doc, const char *op, const bson_iter_t *field, bool insert)
{
    const char *path = bson_iter_key(field);
    bson_t holder = BSON_INITIALIZER, *out = NULL;
    bson_iter_t it;

    if (strcmp(op, "$set") == 0 || (strcmp(op, "$setOnInsert") == 0 && insert)) {
        out = with_field(doc, path, field);
    } else if (strcmp(op, "$inc") == 0) {
        out = increment(doc, path, field);
    } else if (strcmp(op, "$push") == 0) {
        out = push(doc, path, field);
    } else if (strcmp(op, "$unset") == 0) {
        out = bson_new();
        copy_without(out, doc, path);
    } else if (strcmp(op, "$currentDate") == 0) {
        add_date(&holder, "v", wall_ms());
        bson_iter_init_find(&it, &holder, "v");
        out = with_field(doc, path, &it);
    } else if ((strcmp(op, "$max") == 0 || strcmp(op, "$min") == 0) &&
               (!find_path(doc, path, &it) ||
                (op[2] == 'a' ? value_cmp(field, &it) > 0 : value_cmp(field, &it) < 0))) {
        out = with_field(doc, path, field);
    }
    bson_destroy(&holder);
    if (out == NULL)
        return doc;
    bson_destroy(doc);
    return out;
}

bson_t *update_apply(const bson_t *doc, const bson_t *update, bool insert, char *why, size_t size)
{
    static const char *const known[] = {"$set",   "$setOnInsert", "$inc", "$push",
                                        "$unset", "$currentDate", "$max", "$min"};
    bson_iter_t it, field, id;
    bson_t *out, fields;

    if (!update_is_operators(update)) {
        out = bson_new();
        if (doc_find(doc, "_id", &id) && !doc_has(update, "_id"))
            bson_append_iter(out, "_id", -1, &id);
        bson_concat(out, update);
        return out;
    }
    out = bson_copy(doc);
    bson_iter_init(&it, update);
    while (bson_iter_next(&it)) {
        const char *op = bson_iter_key(&it);
        bool found = false;

        for (size_t i = 0; i < COUNT_OF(known); i++)
            found = found || strcmp(op, known[i]) == 0;
        if (!found || !iter_sub(&it, &fields)) {
            put(why, size, "Unknown modifier: %s", op);
            bson_destroy(out);
            return NULL;
        }
        bson_iter_init(&field, &fields);
        while (bson_iter_next(&field))
            out = one_operator(out, op, &field, insert);
    }
    return out;
}

bson_t *upsert_seed(const bson_t *query)
{
    bson_t *out = bson_new(), sub;
    bson_iter_t it;

    bson_iter_init(&it, query);
    while (bson_iter_next(&it)) {
        if (bson_iter_key(&it)[0] == '$' || strchr(bson_iter_key(&it), '.') != NULL)
            continue;
        if (iter_sub(&it, &sub) && doc_first_key(&sub)[0] == '$')
            continue;
        bson_append_iter(out, NULL, 0, &it);
    }
    return out;
}
