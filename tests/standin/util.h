/* Small helpers that every part of the stand-in uses: clocks, randomness, allocation that
 * cannot fail, and reading fields of BSON documents. */
#ifndef STANDIN_UTIL_H
#define STANDIN_UTIL_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF(a, b) __attribute__((format(printf, a, b)))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Milliseconds since 1970, and of a clock that never jumps. */
int64_t wall_ms(void);
int64_t mono_ms(void);
void sleep_ms(int64_t ms);

void random_bytes(void *to, size_t n);
uint32_t random_below(uint32_t bound);

/* These end the process when memory runs out. */
void *xalloc(size_t n);
void *xrealloc(void *old, size_t n);
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvprintf(const char *fmt, va_list ap) PRINTF(1, 0);

/* snprintf that always terminates and never complains about truncation. */
void put(char *to, size_t size, const char *fmt, ...) PRINTF(3, 4);

/* Starts a detached thread; the process ends if it can't. */
void spawn(void *(*run)(void *), void *arg);

/* A position in the replicated log: ordered by term, then time. */
struct optime {
    uint32_t secs, inc;
    int64_t term;
};
#define OPTIME_NULL ((struct optime){0, 0, -1})
int optime_cmp(struct optime a, struct optime b);
bool optime_is_null(struct optime a);

/* Reading: a missing field or one of another type gives the default. */
bool doc_find(const bson_t *doc, const char *key, bson_iter_t *ret_iter);
bool doc_has(const bson_t *doc, const char *key);
int64_t doc_int(const bson_t *doc, const char *key, int64_t otherwise);
double doc_num(const bson_t *doc, const char *key, double otherwise);
bool doc_bool(const bson_t *doc, const char *key, bool otherwise);
const char *doc_str(const bson_t *doc, const char *key, const char *otherwise);
/* A view of an embedded document or array; false when there is none. */
bool doc_sub(const bson_t *doc, const char *key, bson_t *ret_view);
bool iter_sub(const bson_iter_t *it, bson_t *ret_view);
struct optime doc_optime(const bson_t *doc, const char *key);
bool iter_is_number(const bson_iter_t *it);
const char *doc_first_key(const bson_t *doc);

/* Writing. */
void add_optime(bson_t *doc, const char *key, struct optime t);
void add_str(bson_t *doc, const char *key, const char *value);
void add_int(bson_t *doc, const char *key, int32_t value);
void add_long(bson_t *doc, const char *key, int64_t value);
void add_num(bson_t *doc, const char *key, double value);
void add_bool(bson_t *doc, const char *key, bool value);
void add_date(bson_t *doc, const char *key, int64_t ms);
void add_doc(bson_t *doc, const char *key, const bson_t *value);
void add_arr(bson_t *doc, const char *key, const bson_t *value);
void add_bin(bson_t *doc, const char *key, bson_subtype_t type, const void *data, size_t n);
/* Appends to an array under construction; `*i` is the next index. */
void push_str(bson_t *arr, uint32_t *i, const char *value);
void push_doc(bson_t *arr, uint32_t *i, const bson_t *value);

/* The document as the server prints it in logs and messages; the caller frees it. */
char *bson_text(const bson_t *doc);
char *iter_text(const bson_iter_t *it);

#endif
