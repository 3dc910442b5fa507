#include "util.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_ms(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

void sleep_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

void random_bytes(void *to, size_t n)
{
    uint8_t *p = to;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0)
            continue;
        p += got;
        n -= (size_t)got;
    }
}

uint32_t random_below(uint32_t bound)
{
    uint32_t r;

    random_bytes(&r, sizeof r);
    return bound == 0 ? 0 : r % bound;
}

void *xalloc(size_t n)
{
    void *p = calloc(1, n == 0 ? 1 : n);

    if (p == NULL)
        abort();
    return p;
}

void *xrealloc(void *old, size_t n)
{
    void *p = realloc(old, n == 0 ? 1 : n);

    if (p == NULL)
        abort();
    return p;
}

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(xalloc(n), s, n);
}

char *xvprintf(const char *fmt, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    return text;
}

char *xprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *text = xvprintf(fmt, ap);
    va_end(ap);
    return text;
}

void put(char *to, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(to, size, fmt, ap);
    va_end(ap);
}

void spawn(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, arg) != 0)
        abort();
    pthread_detach(thread);
}

int optime_cmp(struct optime a, struct optime b)
{
    if (a.term != b.term)
        return a.term < b.term ? -1 : 1;
    if (a.secs != b.secs)
        return a.secs < b.secs ? -1 : 1;
    if (a.inc != b.inc)
        return a.inc < b.inc ? -1 : 1;
    return 0;
}

bool optime_is_null(struct optime a)
{
    return a.secs == 0 && a.inc == 0;
}

bool doc_find(const bson_t *doc, const char *key, bson_iter_t *ret_iter)
{
    return bson_iter_init_find(ret_iter, doc, key);
}

bool doc_has(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return doc_find(doc, key, &it);
}

bool iter_is_number(const bson_iter_t *it)
{
    return BSON_ITER_HOLDS_INT32(it) || BSON_ITER_HOLDS_INT64(it) || BSON_ITER_HOLDS_DOUBLE(it);
}

int64_t doc_int(const bson_t *doc, const char *key, int64_t otherwise)
{
    bson_iter_t it;

    if (!doc_find(doc, key, &it))
        return otherwise;
    if (iter_is_number(&it) || BSON_ITER_HOLDS_BOOL(&it))
        return bson_iter_as_int64(&it);
    return otherwise;
}

double doc_num(const bson_t *doc, const char *key, double otherwise)
{
    bson_iter_t it;

    return doc_find(doc, key, &it) && iter_is_number(&it) ? bson_iter_as_double(&it) : otherwise;
}

bool doc_bool(const bson_t *doc, const char *key, bool otherwise)
{
    bson_iter_t it;

    return doc_find(doc, key, &it) ? bson_iter_as_bool(&it) : otherwise;
}

const char *doc_str(const bson_t *doc, const char *key, const char *otherwise)
{
    bson_iter_t it;

    return doc_find(doc, key, &it) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL)
                                                                : otherwise;
}

bool iter_sub(const bson_iter_t *it, bson_t *ret_view)
{
    const uint8_t *data;
    uint32_t len;

    if (BSON_ITER_HOLDS_DOCUMENT(it))
        bson_iter_document(it, &len, &data);
    else if (BSON_ITER_HOLDS_ARRAY(it))
        bson_iter_array(it, &len, &data);
    else
        return false;
    return bson_init_static(ret_view, data, len);
}

bool doc_sub(const bson_t *doc, const char *key, bson_t *ret_view)
{
    bson_iter_t it;

    return doc_find(doc, key, &it) && iter_sub(&it, ret_view);
}

struct optime doc_optime(const bson_t *doc, const char *key)
{
    struct optime t = OPTIME_NULL;
    bson_t sub;
    bson_iter_t it;

    if (!doc_sub(doc, key, &sub))
        return t;
    if (doc_find(&sub, "ts", &it) && BSON_ITER_HOLDS_TIMESTAMP(&it))
        bson_iter_timestamp(&it, &t.secs, &t.inc);
    t.term = doc_int(&sub, "t", -1);
    return t;
}

const char *doc_first_key(const bson_t *doc)
{
    bson_iter_t it;

    return bson_iter_init(&it, doc) && bson_iter_next(&it) ? bson_iter_key(&it) : "";
}

void add_optime(bson_t *doc, const char *key, struct optime t)
{
    bson_t sub;

    bson_append_document_begin(doc, key, -1, &sub);
    bson_append_timestamp(&sub, "ts", -1, t.secs, t.inc);
    bson_append_int64(&sub, "t", -1, t.term);
    bson_append_document_end(doc, &sub);
}

void add_str(bson_t *doc, const char *key, const char *value)
{
    bson_append_utf8(doc, key, -1, value, -1);
}

void add_int(bson_t *doc, const char *key, int32_t value)
{
    bson_append_int32(doc, key, -1, value);
}

void add_long(bson_t *doc, const char *key, int64_t value)
{
    bson_append_int64(doc, key, -1, value);
}

void add_num(bson_t *doc, const char *key, double value)
{
    bson_append_double(doc, key, -1, value);
}

void add_bool(bson_t *doc, const char *key, bool value)
{
    bson_append_bool(doc, key, -1, value);
}

void add_date(bson_t *doc, const char *key, int64_t ms)
{
    bson_append_date_time(doc, key, -1, ms);
}

void add_doc(bson_t *doc, const char *key, const bson_t *value)
{
    bson_append_document(doc, key, -1, value);
}

void add_arr(bson_t *doc, const char *key, const bson_t *value)
{
    bson_append_array(doc, key, -1, value);
}

void add_bin(bson_t *doc, const char *key, bson_subtype_t type, const void *data, size_t n)
{
    bson_append_binary(doc, key, -1, type, data, (uint32_t)n);
}

void push_str(bson_t *arr, uint32_t *i, const char *value)
{
    char buf[16];
    const char *key;

    bson_uint32_to_string((*i)++, &key, buf, sizeof buf);
    add_str(arr, key, value);
}

void push_doc(bson_t *arr, uint32_t *i, const bson_t *value)
{
    char buf[16];
    const char *key;

    bson_uint32_to_string((*i)++, &key, buf, sizeof buf);
    add_doc(arr, key, value);
}
