/* Write concerns: what a command says of them, what is refused, and waiting. */
#include "arguments.h"
#include "crash.h"
#include "log.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <string.h>

static bool read_w(const bson_t *doc, struct write_concern *wc)
{
    bson_iter_t it;

    if (!doc_find(doc, "w", &it))
        return false;
    if (BSON_ITER_HOLDS_UTF8(&it)) {
        wc->majority = strcmp(bson_iter_utf8(&it, NULL), "majority") == 0;
        if (!wc->majority)
            put(wc->mode, sizeof wc->mode, "%s", bson_iter_utf8(&it, NULL));
    } else if (iter_is_number(&it)) {
        wc->n = (int)bson_iter_as_int64(&it);
    } else {
        return false;
    }
    return true;
}

/* What is waited for when nothing is said: until 5.0 nobody else. */
static void default_write_concern(struct write_concern *wc)
{
    const bson_t *set = version_at_least(4, 4) ? default_concerns() : NULL;
    bson_t doc;

    if (set != NULL && doc_sub(set, "defaultWriteConcern", &doc) && read_w(&doc, wc)) {
        wc->timeout = doc_int(&doc, "wtimeout", 0);
        wc->source = "customDefault";
    } else {
        wc->majority =
            version_at_least(5, 0) && (!repl_active() || config_implies_majority(&node.config));
        wc->source = "implicitDefault";
    }
}

struct write_concern write_concern_of(const bson_t *command)
{
    struct write_concern wc = {.n = 1};
    bson_t doc;

    if (!doc_sub(command, "writeConcern", &doc) || bson_empty(&doc)) {
        default_write_concern(&wc);
        return wc;
    }
    if (!read_w(&doc, &wc))
        default_write_concern(&wc);
    wc.journal = doc_bool(&doc, "j", false) || doc_bool(&doc, "fsync", false);
    wc.timeout = doc_int(&doc, "wtimeout", 0);
    return wc;
}

/* --- what is refused --- */

static int check_w(struct call *c, const bson_iter_t *it)
{
    int64_t n;

    if (BSON_ITER_HOLDS_UTF8(it) || BSON_ITER_HOLDS_NULL(it))
        return 0;
    if (!iter_is_number(it))
        return fail(c, 9, "w has to be a number or a string");
    n = bson_iter_as_int64(it);
    if (version_at_least(4, 4) && (n < 0 || n > MAX_MEMBERS))
        return fail(c, 9, "w has to be a non-negative number and not greater than %d", MAX_MEMBERS);
    return 0;
}

static int check_switch(struct call *c, const bson_iter_t *it)
{
    const char *name = bson_iter_key(it);

    if (iter_is_number(it) || BSON_ITER_HOLDS_BOOL(it))
        return 0;
    if (version_at_least(5, 0))
        return fail(c, 14,
                    "BSON field 'writeConcern.%s' is the wrong type '%s', expected types '[bool, "
                    "long, int, decimal, double']",
                    name, type_name(it));
    return fail(c, 9, "%s must be numeric or a boolean value", name);
}

static int check_field(struct call *c, const bson_iter_t *it)
{
    static const char *const ignored[] = {"wtimeout", "wElectionId", "wOpTime", "getLastError",
                                          "provenance"};
    const char *name = bson_iter_key(it);

    if (strcmp(name, "w") == 0)
        return check_w(c, it);
    if (strcmp(name, "j") == 0 || strcmp(name, "fsync") == 0)
        return check_switch(c, it);
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        if (strcmp(name, ignored[i]) == 0)
            return 0;
    if (version_at_least(5, 0))
        return fail(c, 40415, "BSON field 'writeConcern.%s' is an unknown field.", name);
    return fail(c, 9, "unrecognized write concern field: %s", name);
}

int write_concern_check(struct call *c)
{
    struct write_concern wc;
    bson_iter_t it;
    bson_t doc;
    int rc = 0;

    if (!doc_find(c->command, "writeConcern", &it))
        return 0;
    if (!BSON_ITER_HOLDS_DOCUMENT(&it) || !iter_sub(&it, &doc))
        return fail(c, 14, "\"writeConcern\" had the wrong type. Expected object, found %s",
                    type_name(&it));
    bson_iter_init(&it, &doc);
    while (rc == 0 && bson_iter_next(&it))
        rc = check_field(c, &it);
    if (rc != 0)
        return rc;
    if (doc_bool(&doc, "j", false) && doc_bool(&doc, "fsync", false))
        return fail(c, 9, "fsync and j options cannot be used together");
    wc = write_concern_of(c->command);
    if (!repl_active() && wc.n > 1)
        return fail(c, 2, "cannot use 'w' > 1 when a host is not replicated");
    if (!repl_active() && wc.mode[0] != '\0')
        return fail(c, 2,
                    "cannot use non-majority 'w' mode %s when a host is not a member of a replica "
                    "set",
                    wc.mode);
    return 0;
}

/* --- waiting --- */

static bool safe_enough(struct optime at, const struct write_concern *wc)
{
    int n = 0;

    repl_advance_commit();
    if (wc->majority && broken_on_purpose("majority"))
        return true;
    if (wc->majority)
        return optime_cmp(node.commit, at) >= 0;
    if (wc->journal && optime_cmp(log_durable(), at) < 0)
        return false;
    if (wc->n <= 1)
        return true;
    for (int i = 0; i < node.config.n; i++)
        n += i == node.self || optime_cmp(node.view[i].pulled, at) >= 0;
    return n >= wc->n;
}

/* 4.4 and later tell what was waited for. */
static void add_used(bson_t *to, const struct write_concern *wc)
{
    bson_t used;

    bson_append_document_begin(to, "writeConcern", -1, &used);
    if (wc->majority || wc->mode[0] != '\0')
        add_str(&used, "w", wc->majority ? "majority" : wc->mode);
    else
        add_int(&used, "w", wc->n);
    if (wc->journal)
        add_bool(&used, "j", true);
    add_int(&used, "wtimeout", (int32_t)wc->timeout);
    add_str(&used, "provenance", wc->source == NULL ? "clientSupplied" : wc->source);
    bson_append_document_end(to, &used);
}

static void add_error(bson_t *reply, int code, const char *text, const struct write_concern *wc)
{
    bool timed_out = code == 64;
    bson_t e, info;

    bson_append_document_begin(reply, "writeConcernError", -1, &e);
    add_int(&e, "code", code);
    add_str(&e, "codeName", code_name(code));
    add_str(&e, "errmsg", text);
    if (timed_out || version_at_least(4, 4)) {
        bson_append_document_begin(&e, "errInfo", -1, &info);
        if (timed_out)
            add_bool(&info, "wtimeout", true);
        if (version_at_least(4, 4))
            add_used(&info, wc);
        bson_append_document_end(&e, &info);
    }
    bson_append_document_end(reply, &e);
}

/* What no member can ever bring about; false: it may come true. */
static bool hopeless(const struct write_concern *wc, bson_t *reply)
{
    char text[160];
    int data = 0;

    if (!repl_active())
        return false;
    if (wc->mode[0] != '\0') {
        put(text, sizeof text,
            "No write concern mode named '%s' found in replica set configuration", wc->mode);
        add_error(reply, 79, text, wc);
        return true;
    }
    for (int i = 0; i < node.config.n; i++)
        data += !node.config.m[i].arbiter;
    if (wc->majority || wc->n <= 1 || wc->n <= data)
        return false;
    add_error(reply, 100, "Not enough data-bearing nodes", wc);
    return true;
}

bool repl_await(struct optime at, struct write_concern wc, bson_t *reply)
{
    uint32_t leadership = node.leadership;
    int64_t until = mono_ms() + (wc.timeout > 0 ? wc.timeout : 1000000000);

    if (hopeless(&wc, reply))
        return true;
    while (!safe_enough(at, &wc)) {
        if (node.leadership != leadership)
            return false;
        if (!node_wait(until)) {
            add_error(reply, 64, "waiting for replication timed out", &wc);
            return true;
        }
    }
    return true;
}
