/* The form of a configuration that a client gives: fields, their types, and their bounds. */
#include "arguments.h"
#include "repl.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

#define BAD_CONFIG 93

/* One field of a configuration, a member, or the settings, as servers before 5.0 read them. */
struct field_rule {
    const char *name;
    enum { A_TEXT, A_NUMBER, A_TRUTH, A_DOCUMENT, A_LIST, AN_ID } kind;
    enum { MAY, MUST, MUST_AT_RECONFIG } need;
    int64_t least; /* of numbers, together with the complaint; NULL: any */
    const char *complaint;
};

static const struct field_rule top_rules[] = {
    {"_id", A_TEXT, MUST, 0, NULL},
    {"version", A_NUMBER, MUST_AT_RECONFIG, 0, NULL},
    {"members", A_LIST, MUST, 0, NULL},
    {"configsvr", A_TRUTH, MAY, 0, NULL},
    {"protocolVersion", A_NUMBER, MUST_AT_RECONFIG, 0, NULL},
    {"writeConcernMajorityJournalDefault", A_TRUTH, MAY, 0, NULL},
    {"settings", A_DOCUMENT, MAY, 0, NULL},
    {NULL, A_TEXT, MAY, 0, NULL},
};

static const struct field_rule settings_rules[] = {
    {"heartbeatIntervalMillis", A_NUMBER, MAY, 0, NULL},
    {"electionTimeoutMillis", A_NUMBER, MAY, 1, "election timeout must be greater than 0"},
    {"heartbeatTimeoutSecs", A_NUMBER, MAY, 1, "heartbeat timeout must be greater than 0"},
    {"catchUpTimeoutMillis", A_NUMBER, MAY, -1,
     "catch-up timeout must be positive, 0 (no catch-up) or -1 (infinite catch-up)."},
    {"catchUpTakeoverDelayMillis", A_NUMBER, MAY, -1,
     "catch-up takeover delay must be -1 (no catch-up takeover) or greater than or equal to 0."},
    {"chainingAllowed", A_TRUTH, MAY, 0, NULL},
    {"getLastErrorDefaults", A_DOCUMENT, MAY, 0, NULL},
    {"getLastErrorModes", A_DOCUMENT, MAY, 0, NULL},
    {"replicaSetId", AN_ID, MAY, 0, NULL},
    {NULL, A_TEXT, MAY, 0, NULL},
};

/* Where a complaint goes. */
struct complaint {
    char *text;
    size_t size;
};

static bool is_truth(const bson_iter_t *it)
{
    return BSON_ITER_HOLDS_BOOL(it) || iter_is_number(it);
}

static int check_kind(const struct field_rule *r, const bson_iter_t *it, struct complaint why)
{
    const char *expected = r->kind == A_TEXT       ? "string"
                           : r->kind == A_DOCUMENT ? "object"
                           : r->kind == AN_ID      ? "objectId"
                                                   : "array";
    bool fits = r->kind == A_TEXT       ? BSON_ITER_HOLDS_UTF8(it)
                : r->kind == A_DOCUMENT ? BSON_ITER_HOLDS_DOCUMENT(it)
                : r->kind == AN_ID      ? BSON_ITER_HOLDS_OID(it)
                : r->kind == A_LIST     ? BSON_ITER_HOLDS_ARRAY(it)
                : r->kind == A_TRUTH    ? is_truth(it)
                                        : iter_is_number(it);

    if (fits)
        return 0;
    if (r->kind == A_NUMBER)
        put(why.text, why.size, "Expected field \"%s\" to have numeric type, but found %s", r->name,
            type_name(it));
    else if (r->kind == A_TRUTH)
        put(why.text, why.size, "Expected boolean or number type for field \"%s\", found %s",
            r->name, type_name(it));
    else
        put(why.text, why.size, "\"%s\" had the wrong type. Expected %s, found %s", r->name,
            expected, type_name(it));
    return BAD_CONFIG;
}

static int check_rules(const struct field_rule *rules, const bson_t *doc, bool initiate,
                       struct complaint why)
{
    bson_iter_t it;

    for (const struct field_rule *r = rules; r->name != NULL; r++) {
        if (!doc_find(doc, r->name, &it)) {
            if (r->need == MAY || (r->need == MUST_AT_RECONFIG && initiate))
                continue;
            put(why.text, why.size, "Missing expected field \"%s\"", r->name);
            return BAD_CONFIG;
        }
        if (check_kind(r, &it, why) != 0)
            return BAD_CONFIG;
        if (r->complaint != NULL && bson_iter_as_int64(&it) < r->least) {
            put(why.text, why.size, "Invalid value in field \"%s\": %lld: %s", r->name,
                (long long)bson_iter_as_int64(&it), r->complaint);
            return BAD_CONFIG;
        }
    }
    return 0;
}

/* A member's own fields have their own words. */
static const char *member_trouble(const bson_t *one, char *text, size_t size)
{
    static const char *const names[] = {"_id",  "host",       "votes",  "arbiterOnly",  "priority",
                                        "tags", "slaveDelay", "hidden", "buildIndexes", "horizons"};
    static const char *const numbers[][2] = {
        {"votes", "field value"}, {"priority", "field"}, {"slaveDelay", "field value"}};
    static const char *const truths[] = {"arbiterOnly", "hidden", "buildIndexes"};
    bson_iter_t it;
    bool known;

    bson_iter_init(&it, one);
    while (bson_iter_next(&it)) {
        known = false;
        for (size_t i = 0; i < COUNT_OF(names); i++)
            known = known || strcmp(names[i], bson_iter_key(&it)) == 0;
        put(text, size, "BadValue: Unexpected field %s in replica set member configuration",
            bson_iter_key(&it));
        if (!known)
            return text;
    }
    if (!doc_find(one, "_id", &it))
        return "NoSuchKey: _id field is missing";
    put(text, size, "TypeMismatch: _id field has non-numeric type %s", type_name(&it));
    if (!iter_is_number(&it))
        return text;
    if (!doc_find(one, "host", &it))
        return "NoSuchKey: Missing expected field \"host\"";
    put(text, size, "TypeMismatch: \"host\" had the wrong type. Expected string, found %s",
        type_name(&it));
    if (!BSON_ITER_HOLDS_UTF8(&it))
        return text;
    if (bson_iter_utf8(&it, NULL)[0] == '\0')
        return "FailedToParse: Empty host component parsing HostAndPort from \"\"";
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        put(text, size, "TypeMismatch: %s %s has non-numeric type %s", numbers[i][0], numbers[i][1],
            doc_find(one, numbers[i][0], &it) ? type_name(&it) : "");
        if (doc_has(one, numbers[i][0]) && !iter_is_number(&it))
            return text;
    }
    for (size_t i = 0; i < COUNT_OF(truths); i++) {
        put(text, size, "TypeMismatch: Expected boolean or number type for field \"%s\", found %s",
            truths[i], doc_find(one, truths[i], &it) ? type_name(&it) : "");
        if (doc_has(one, truths[i]) && !is_truth(&it))
            return text;
    }
    return NULL;
}

static int check_members(const bson_t *doc, struct complaint why)
{
    const char *trouble;
    bson_t members, one;
    bson_iter_t it;
    char text[300], *shown;

    if (!doc_sub(doc, "members", &members) || !bson_iter_init(&it, &members))
        return 0;
    while (bson_iter_next(&it)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&it) || !iter_sub(&it, &one)) {
            put(why.text, why.size, "Expected type of members.%s to be Object, but found %s",
                bson_iter_key(&it), type_name(&it));
            return BAD_CONFIG;
        }
        trouble = member_trouble(&one, text, sizeof text);
        if (trouble == NULL)
            continue;
        shown = bson_text(&one);
        put(why.text, why.size, "%s for member:%s", trouble, shown);
        free(shown);
        return BAD_CONFIG;
    }
    return 0;
}

static int check_names(const bson_t *doc, struct complaint why)
{
    bson_iter_t it;

    bson_iter_init(&it, doc);
    while (bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        bool known = version_at_least(4, 4) && strcmp(name, "term") == 0;

        for (const struct field_rule *r = top_rules; r->name != NULL; r++)
            known = known || strcmp(r->name, name) == 0;
        if (known)
            continue;
        put(why.text, why.size, "Unexpected field %s in replica set configuration", name);
        return BAD_CONFIG;
    }
    return 0;
}

/* From 5.0 on a configuration has a grammar, and so has each member. */
static int check_grammar(struct call *c, const bson_t *doc, bool initiate)
{
    bson_t members, settings, one, whole;
    bson_iter_t it;
    int rc;

    bson_copy_to(doc, &whole);
    if (initiate && !doc_has(doc, "version")) /* the command adds it before anybody reads this */
        add_int(&whole, "version", 1);
    rc = arguments_check_document(c, "ReplSetConfig", &whole);
    if (rc == 0 && doc_int(&whole, "version", 1) < 1)
        rc = fail(c, 51024, "BSON field 'version' value must be > 0, actual value '%lld'",
                  (long long)doc_int(&whole, "version", 1));
    bson_destroy(&whole);
    if (rc == 0 && doc_sub(doc, "members", &members) && bson_iter_init(&it, &members))
        while (rc == 0 && bson_iter_next(&it))
            rc = iter_sub(&it, &one) ? arguments_check_document(c, "MemberConfig", &one) : 0;
    if (rc == 0 && doc_sub(doc, "settings", &settings))
        rc = arguments_check_document(c, "ReplSetConfig.settings", &settings);
    return rc;
}

static bool has_both_delays(const bson_t *doc)
{
    bson_t members, one;
    bson_iter_t it;

    if (!doc_sub(doc, "members", &members) || !bson_iter_init(&it, &members))
        return false;
    while (bson_iter_next(&it))
        if (iter_sub(&it, &one) && doc_has(&one, "slaveDelay") &&
            doc_has(&one, "secondaryDelaySecs"))
            return true;
    return false;
}

int config_check_form(struct call *c, const bson_t *doc, bool initiate)
{
    char text[900] = "";
    struct complaint why = {text, sizeof text};
    bson_t settings;
    int rc;

    if (version_at_least(5, 0)) {
        if (has_both_delays(doc))
            return fail(c, 103,
                        "Cannot specify both secondaryDelaySecs and slaveDelay as fields in member "
                        "configuration.");
        if (check_grammar(c, doc, initiate) == 0)
            return 0;
        put(text, sizeof text, "%s", doc_str(c->reply, "errmsg", ""));
        return fail(c, BAD_CONFIG, "%s", text);
    }
    rc = check_names(doc, why);
    if (rc == 0) /* members are read before what comes after them */
        rc = doc_has(doc, "_id") && doc_has(doc, "members") && (initiate || doc_has(doc, "version"))
                 ? check_members(doc, why)
                 : 0;
    if (rc == 0)
        rc = check_rules(top_rules, doc, initiate, why);
    if (rc == 0 && doc_sub(doc, "settings", &settings))
        rc = check_rules(settings_rules, &settings, initiate, why);
    return rc == 0 ? 0 : fail(c, BAD_CONFIG, "%s", text);
}
