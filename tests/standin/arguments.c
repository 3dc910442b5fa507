#include "arguments.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

/* A type as grammars call it: which values it takes, and what is said to be expected. */
static const struct type_row {
    const char *name;
    const bson_type_t *takes;
    const char *expected; /* as the server lists several, or NULL: the name */
} type_rows[] = {
    {"string", (const bson_type_t[]){BSON_TYPE_UTF8, BSON_TYPE_EOD}, NULL},
    {"object", (const bson_type_t[]){BSON_TYPE_DOCUMENT, BSON_TYPE_EOD}, NULL},
    {"array", (const bson_type_t[]){BSON_TYPE_ARRAY, BSON_TYPE_EOD}, NULL},
    {"bool", (const bson_type_t[]){BSON_TYPE_BOOL, BSON_TYPE_EOD}, NULL},
    {"int", (const bson_type_t[]){BSON_TYPE_INT32, BSON_TYPE_EOD}, NULL},
    {"long", (const bson_type_t[]){BSON_TYPE_INT64, BSON_TYPE_EOD}, NULL},
    {"safeBool",
     (const bson_type_t[]){BSON_TYPE_BOOL, BSON_TYPE_INT64, BSON_TYPE_INT32, BSON_TYPE_DECIMAL128,
                           BSON_TYPE_DOUBLE, BSON_TYPE_EOD},
     "bool, long, int, decimal, double"},
    {"safeInt64",
     (const bson_type_t[]){BSON_TYPE_INT64, BSON_TYPE_INT32, BSON_TYPE_DECIMAL128, BSON_TYPE_DOUBLE,
                           BSON_TYPE_EOD},
     "long, int, decimal, double"},
    {"safeDouble",
     (const bson_type_t[]){BSON_TYPE_INT64, BSON_TYPE_INT32, BSON_TYPE_DECIMAL128, BSON_TYPE_DOUBLE,
                           BSON_TYPE_EOD},
     "long, int, decimal, double"},
    {"optionalBool", (const bson_type_t[]){BSON_TYPE_BOOL, BSON_TYPE_UNDEFINED, BSON_TYPE_EOD},
     NULL},
    {"hint", (const bson_type_t[]){BSON_TYPE_UTF8, BSON_TYPE_DOCUMENT, BSON_TYPE_EOD},
     "string, object"},
    {"data", (const bson_type_t[]){BSON_TYPE_BINARY, BSON_TYPE_UTF8, BSON_TYPE_EOD}, NULL},
    {"change", (const bson_type_t[]){BSON_TYPE_DOCUMENT, BSON_TYPE_ARRAY, BSON_TYPE_EOD}, NULL},
};

const char *type_name(const bson_iter_t *it)
{
    static const struct {
        bson_type_t type;
        const char *name;
    } rows[] = {{BSON_TYPE_DOUBLE, "double"},
                {BSON_TYPE_UTF8, "string"},
                {BSON_TYPE_DOCUMENT, "object"},
                {BSON_TYPE_ARRAY, "array"},
                {BSON_TYPE_BINARY, "binData"},
                {BSON_TYPE_UNDEFINED, "undefined"},
                {BSON_TYPE_OID, "objectId"},
                {BSON_TYPE_BOOL, "bool"},
                {BSON_TYPE_DATE_TIME, "date"},
                {BSON_TYPE_NULL, "null"},
                {BSON_TYPE_REGEX, "regex"},
                {BSON_TYPE_CODE, "javascript"},
                {BSON_TYPE_SYMBOL, "symbol"},
                {BSON_TYPE_INT32, "int"},
                {BSON_TYPE_TIMESTAMP, "timestamp"},
                {BSON_TYPE_INT64, "long"},
                {BSON_TYPE_DECIMAL128, "decimal"},
                {BSON_TYPE_MINKEY, "minKey"},
                {BSON_TYPE_MAXKEY, "maxKey"},
                {BSON_TYPE_DBPOINTER, "dbPointer"},
                {BSON_TYPE_CODEWSCOPE, "javascriptWithScope"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].type == bson_iter_type(it))
            return rows[i].name;
    return "missing";
}

/* One `name:type` of a grammar. */
struct field {
    char name[64], type[32], elements[32];
    bool required;
};

/* The next field of the list; NULL at its end. */
static const char *next_field(const char *list, struct field *ret)
{
    size_t n, colon;

    list += strspn(list, " ");
    n = strcspn(list, " ");
    if (n == 0)
        return NULL;
    memset(ret, 0, sizeof *ret);
    ret->required = list[n - 1] == '!';
    colon = *list == '=' ? 0 : strcspn(list, ":");
    put(ret->name, sizeof ret->name, "%.*s", (int)colon, list);
    put(ret->type, sizeof ret->type, "%.*s", (int)(n - colon - 1 - ret->required),
        list + colon + 1);
    if (ret->type[0] == '[') {
        put(ret->elements, sizeof ret->elements, "%.*s", (int)strlen(ret->type) - 2, ret->type + 1);
        put(ret->type, sizeof ret->type, "array");
    }
    return list + n;
}

static const struct type_row *type_row(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(type_rows); i++)
        if (strcmp(type_rows[i].name, name) == 0)
            return &type_rows[i];
    return NULL; /* any */
}

static bool takes(const char *type, const bson_iter_t *it)
{
    const struct type_row *row = type_row(type);

    for (size_t i = 0; row != NULL && row->takes[i] != BSON_TYPE_EOD; i++)
        if (row->takes[i] == bson_iter_type(it))
            return true;
    return row == NULL;
}

static bool is_nothing(const bson_iter_t *it)
{
    return BSON_ITER_HOLDS_NULL(it) || bson_iter_type(it) == BSON_TYPE_UNDEFINED;
}

/* Fields that every command may have, and those that are of the wire. */
static bool is_generic(const char *name)
{
    static const char *const names[] = {"maxTimeMS",
                                        "readConcern",
                                        "databaseVersion",
                                        "shardVersion",
                                        "tracking_info",
                                        "writeConcern",
                                        "lsid",
                                        "txnNumber",
                                        "autocommit",
                                        "coordinator",
                                        "startTransaction",
                                        "stmtId",
                                        "allowImplicitCollectionCreation",
                                        "help"};
    static const char *const newer[] = {"comment",         "apiVersion",
                                        "apiStrict",       "apiDeprecationErrors",
                                        "maxTimeMSOpOnly", "clientOperationKey"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    for (size_t i = 0; version_at_least(4, 4) && i < COUNT_OF(newer); i++)
        if (strcmp(newer[i], name) == 0)
            return true;
    return *name == '$';
}

/* The field of that name in a list, whose beginning is the command's own value; false: none. */
static bool find_field(const char *list, const char *name, struct field *ret)
{
    while ((list = next_field(list, ret)) != NULL)
        if (ret->name[0] != '\0' && strcmp(ret->name, name) == 0)
            return true;
    return false;
}

/* --- grammars --- */

static int wrong_type(struct call *c, const char *path, const bson_iter_t *it, const char *type)
{
    const struct type_row *row = type_row(type);

    if (row->expected != NULL)
        return fail(c, 14, "BSON field '%s' is the wrong type '%s', expected types '[%s']", path,
                    type_name(it), row->expected);
    return fail(c, 14, "BSON field '%s' is the wrong type '%s', expected type '%s'", path,
                type_name(it), type);
}

/* The grammar of a document within a command, called `command.list`; NULL: none. */
static const struct grammar *inner_grammar(const char *path);

static int check_document(struct call *c, const char *path, const bson_t *doc,
                          const struct grammar *g);

static int check_elements(struct call *c, const char *path, const bson_iter_t *array,
                          const char *type)
{
    const struct grammar *inner = inner_grammar(path);
    bson_t list, one;
    bson_iter_t it;
    char *at;
    int rc = 0;

    if (!iter_sub(array, &list) || !bson_iter_init(&it, &list))
        return 0;
    while (rc == 0 && bson_iter_next(&it)) {
        at = xprintf("%s.%s", path, bson_iter_key(&it));
        if (!takes(type, &it))
            rc = wrong_type(c, at, &it, type);
        else if (inner != NULL && iter_sub(&it, &one))
            rc = check_document(c, path, &one, inner);
        free(at);
    }
    return rc;
}

static int refuse_change(struct call *c)
{
    return fail(c, 9, "Update argument must be either an object or an array");
}

static int check_value(struct call *c, const char *path, const bson_iter_t *it,
                       const struct field *field)
{
    if (strcmp(field->type, "optionalBool") == 0 && !takes(field->type, it))
        return fail(c, 14, "Field '%s' should be a boolean value, but found: %s", field->name,
                    type_name(it));
    if (!takes(field->type, it) && !is_nothing(it)) {
        if (strcmp(field->type, "change") == 0)
            return refuse_change(c);
        if (strcmp(field->type, "data") == 0)
            return fail(c, 2, "Invalid SASLPayload type. Expected Base64 or BinData, got: %s",
                        type_name(it));
        return wrong_type(c, path, it, field->type);
    }
    if (field->elements[0] != '\0' && !is_nothing(it))
        return check_elements(c, path, it, field->elements);
    return 0;
}

static int seen_before(struct call *c, const char *path, const bson_t *doc, const bson_iter_t *at)
{
    bson_iter_t it;

    bson_iter_init(&it, doc);
    while (bson_iter_next(&it) && it.off != at->off)
        if (strcmp(bson_iter_key(&it), bson_iter_key(at)) == 0)
            return fail(c, 40413, "BSON field '%s' is a duplicate field", path);
    return 0;
}

/* Field by field as they come; then what is missing. */
static int check_document(struct call *c, const char *path, const bson_t *doc,
                          const struct grammar *g)
{
    bool command = doc == c->command;
    struct field field;
    bson_iter_t it;
    int rc = 0;

    bson_iter_init(&it, doc);
    if (command)
        bson_iter_next(&it);
    while (rc == 0 && bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        char *at = xprintf("%s.%s", path, name);

        rc = seen_before(c, at, doc, &it);
        if (rc == 0 && find_field(g->fields, name, &field))
            rc = check_value(c, at, &it, &field);
        else if (rc == 0 && g->strict && !(command && is_generic(name)))
            rc = fail(c, 40415, "BSON field '%s' is an unknown field.", at);
        free(at);
    }
    for (const char *list = g->fields; rc == 0 && (list = next_field(list, &field)) != NULL;)
        if (field.required && field.name[0] != '\0' &&
            (!doc_find(doc, field.name, &it) ||
             (is_nothing(&it) && strcmp(field.type, "any") != 0)))
            rc = fail(c, 40414, "BSON field '%s.%s' is missing but a required field", path,
                      field.name);
    return rc;
}

/* A collection's name: `code` is what one of another type costs. */
static int check_collection(struct call *c, const bson_iter_t *it, int code)
{
    const char *name;

    if (!BSON_ITER_HOLDS_UTF8(it))
        return fail(c, code, "collection name has invalid type %s", type_name(it));
    name = bson_iter_utf8(it, NULL);
    if (*name == '\0' || *name == '.')
        return fail(c, 73, "Invalid namespace specified '%s.%s'", c->db, name);
    return 0;
}

/* The command's own value. */
static int check_own(struct call *c, const struct grammar *g)
{
    struct field own;
    bson_iter_t it;
    char *path;
    int rc;

    if (next_field(g->fields, &own) == NULL || own.name[0] != '\0' ||
        !doc_find(c->command, c->name, &it))
        return 0;
    if (strcmp(own.type, "collection") == 0)
        return check_collection(c, &it, g->reading == BY_IDL ? 2 : 73);
    if (strcmp(own.type, "collectionOr1") == 0) {
        if (!iter_is_number(&it))
            return check_collection(c, &it, 2);
        return bson_iter_as_double(&it) == 1
                   ? 0
                   : fail(c, g->reading == BY_IDL ? 2 : 9,
                          "Invalid command format: the '%s' field must specify a collection name "
                          "or 1",
                          c->name);
    }
    if (g->reading != BY_IDL || takes(own.type, &it))
        return 0;
    path = xprintf("%s.%s", c->name, c->name);
    rc = wrong_type(c, path, &it, own.type);
    free(path);
    return rc;
}

/* --- one by one --- */

static int extract(struct call *c, const struct field *field)
{
    const char *name = field->name[0] == '\0' ? c->name : field->name;
    bson_iter_t it;

    if (!doc_find(c->command, name, &it))
        return field->required ? fail(c, 4, "Missing expected field \"%s\"", name) : 0;
    if (takes(field->type, &it))
        return 0;
    if (strcmp(field->type, "safeBool") == 0)
        return fail(c, 14, "Expected boolean or number type for field \"%s\", found %s", name,
                    type_name(&it));
    if (strcmp(field->type, "safeInt64") == 0)
        return fail(c, 14, "Expected field \"%s\" to have numeric type, but found %s", name,
                    type_name(&it));
    return fail(c, 14, "\"%s\" had the wrong type. Expected %s, found %s", name, field->type,
                type_name(&it));
}

static int check_extracted(struct call *c, const struct grammar *g)
{
    struct field field;
    bson_iter_t it;
    int rc = 0;

    bson_iter_init(&it, c->command);
    while (g->strict && bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);

        if (strcmp(name, c->name) != 0 && !is_generic(name) && !find_field(g->fields, name, &field))
            return fail(c, 2, "\"%s\" is not a valid argument to %s", name, c->name);
    }
    for (const char *list = g->fields; rc == 0 && (list = next_field(list, &field)) != NULL;)
        rc = extract(c, &field);
    return rc;
}

/* --- in its own words --- */

static void append_word(bson_string_t *to, struct call *c, const bson_iter_t *it, char what)
{
    char *text = NULL;

    if (what == 'f')
        bson_string_append(to, bson_iter_key(it));
    else if (what == 't')
        bson_string_append(to, type_name(it));
    else if (what == 'e')
        bson_string_append_printf(to, "%s: %s", bson_iter_key(it), text = iter_text(it));
    else if (what == 'c')
        bson_string_append(to, text = bson_text(c->command));
    free(text);
}

static int complain(struct call *c, const struct hand_row *row, const bson_iter_t *it)
{
    bson_string_t *text = bson_string_new(NULL);
    int rc;

    for (const char *p = row->text; *p != '\0'; p++) {
        if (*p == '%' && p[1] != '\0')
            append_word(text, c, it, *++p);
        else
            bson_string_append_c(text, *p);
    }
    rc = fail(c, row->code, "%s", text->str);
    bson_string_free(text, true);
    return rc;
}

static const struct hand_row *hand_row(const char *command, const char *field, const char *kind)
{
    for (const struct hand_row *row = hand_rows; row->command != NULL; row++) {
        bool same_kind = kind == NULL
                             ? row->type == NULL
                             : row->type != NULL && (*kind == '\0') == (*row->type == '\0');

        if (same_kind && strcmp(row->command, command) == 0 &&
            (field == NULL || strcmp(row->field, field) == 0))
            return row;
    }
    return NULL;
}

static int check_by_hand(struct call *c, const struct grammar *g)
{
    const struct hand_row *row;
    struct field field;
    bson_iter_t it;

    bson_iter_init(&it, c->command);
    while (bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        bool own = strcmp(name, c->name) == 0;

        row = hand_row(c->name, own ? "" : name, "type");
        if (row != NULL && !takes(row->type, &it))
            return complain(c, row, &it);
        row = hand_row(c->name, NULL, "");
        if (row != NULL && !own && !is_generic(name) && !find_field(g->fields, name, &field))
            return complain(c, row, &it);
    }
    bson_iter_init(&it, c->command);
    bson_iter_next(&it);
    for (row = hand_rows; row->command != NULL; row++)
        if (row->type == NULL && strcmp(row->command, c->name) == 0 &&
            !doc_has(c->command, row->field))
            return complain(c, row, &it);
    return 0;
}

static bool is_for_this_version(const struct grammar *g)
{
    return version_at_least(g->since / 10, g->since % 10) &&
           (g->until == 0 || !version_at_least(g->until / 10, g->until % 10));
}

static const struct grammar *grammar_of(const char *command)
{
    for (const struct grammar *g = grammars; g->command != NULL; g++)
        if (strcmp(g->command, command) == 0 && is_for_this_version(g))
            return g;
    return NULL;
}

static const struct grammar *inner_grammar(const char *path)
{
    return grammar_of(path);
}

int arguments_check_document(struct call *c, const char *name, const bson_t *doc)
{
    const struct grammar *g = grammar_of(name);

    return g == NULL ? 0 : check_document(c, name, doc, g);
}

int arguments_check(struct call *c, bool parsed)
{
    const struct grammar *g = grammar_of(c->name);
    int rc;

    if (g == NULL || (g->reading == BY_IDL) == parsed)
        return 0;
    rc = check_own(c, g);
    if (rc != 0)
        return rc;
    return g->reading == BY_IDL       ? check_document(c, c->name, c->command, g)
           : g->reading == BY_EXTRACT ? check_extracted(c, g)
                                      : check_by_hand(c, g);
}
