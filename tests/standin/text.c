/* BSON in the server's own notation, as it stands in log lines and error messages. */
#include "util.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void value_text(bson_string_t *out, const bson_iter_t *it);

static void quoted(bson_string_t *out, const char *s)
{
    bson_string_append_c(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            bson_string_append_printf(out, "\\%c", *s);
        else if (*s == '\n')
            bson_string_append(out, "\\n");
        else
            bson_string_append_c(out, *s);
    }
    bson_string_append_c(out, '"');
}

static void members_text(bson_string_t *out, const bson_t *doc, bool array)
{
    bson_iter_t it;
    bool first = true;

    bson_string_append(out, array ? "[" : "{");
    if (bson_iter_init(&it, doc)) {
        while (bson_iter_next(&it)) {
            bson_string_append(out, first ? " " : ", ");
            first = false;
            if (!array)
                bson_string_append_printf(out, "%s: ", bson_iter_key(&it));
            value_text(out, &it);
        }
    }
    bson_string_append(out, first ? (array ? "]" : "}") : (array ? " ]" : " }"));
}

static void number_text(bson_string_t *out, double d)
{
    if (d == floor(d) && fabs(d) < 1e15)
        bson_string_append_printf(out, "%.1f", d);
    else
        bson_string_append_printf(out, "%.15g", d);
}

static void binary_text(bson_string_t *out, const bson_iter_t *it)
{
    const uint8_t *data;
    uint32_t len;
    bson_subtype_t type;

    bson_iter_binary(it, &type, &len, &data);
    if (type == BSON_SUBTYPE_UUID && len == 16) {
        bson_string_append(out, "UUID(\"");
        for (uint32_t i = 0; i < 16; i++)
            bson_string_append_printf(out, "%s%02x",
                                      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", data[i]);
        bson_string_append(out, "\")");
        return;
    }
    bson_string_append_printf(out, "BinData(%d, ", (int)type);
    for (uint32_t i = 0; i < len; i++)
        bson_string_append_printf(out, "%02X", data[i]);
    bson_string_append(out, ")");
}

static void value_text(bson_string_t *out, const bson_iter_t *it)
{
    bson_t sub;
    uint32_t t, i;
    char oid[25];

    switch (bson_iter_type(it)) {
    case BSON_TYPE_DOUBLE: number_text(out, bson_iter_double(it)); break;
    case BSON_TYPE_UTF8: quoted(out, bson_iter_utf8(it, NULL)); break;
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        if (iter_sub(it, &sub))
            members_text(out, &sub, BSON_ITER_HOLDS_ARRAY(it));
        break;
    case BSON_TYPE_BINARY: binary_text(out, it); break;
    case BSON_TYPE_UNDEFINED: bson_string_append(out, "undefined"); break;
    case BSON_TYPE_OID:
        bson_oid_to_string(bson_iter_oid(it), oid);
        bson_string_append_printf(out, "ObjectId('%s')", oid);
        break;
    case BSON_TYPE_BOOL: bson_string_append(out, bson_iter_bool(it) ? "true" : "false"); break;
    case BSON_TYPE_DATE_TIME:
        bson_string_append_printf(out, "new Date(%" PRId64 ")", bson_iter_date_time(it));
        break;
    case BSON_TYPE_NULL: bson_string_append(out, "null"); break;
    case BSON_TYPE_INT32: bson_string_append_printf(out, "%d", bson_iter_int32(it)); break;
    case BSON_TYPE_INT64: bson_string_append_printf(out, "%" PRId64, bson_iter_int64(it)); break;
    case BSON_TYPE_TIMESTAMP:
        bson_iter_timestamp(it, &t, &i);
        bson_string_append_printf(out, "Timestamp(%u, %u)", t, i);
        break;
    case BSON_TYPE_MINKEY: bson_string_append(out, "MinKey"); break;
    case BSON_TYPE_MAXKEY: bson_string_append(out, "MaxKey"); break;
    default: bson_string_append(out, "?"); break;
    }
}

char *bson_text(const bson_t *doc)
{
    bson_string_t *out = bson_string_new(NULL);

    members_text(out, doc, false);
    return bson_string_free(out, false);
}

char *iter_text(const bson_iter_t *it)
{
    bson_string_t *out = bson_string_new(NULL);

    value_text(out, it);
    return bson_string_free(out, false);
}
