/* How each kind of value of a state is written as JSON and read back. */
#include "reconciler/report/state_fields.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hex.h"

static int wrong(const struct ek_field_scope *scope, const struct ek_field *field,
                 const char *wanted)
{
    return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s%s must be %s", scope->path, field->key,
                   wanted);
}

/* ---- plain values ---------------------------------------------------------------------- */

static json_t *write_text(const struct ek_state *state, const struct ek_field *field,
                          const void *value)
{
    (void)state;
    (void)field;
    const char *text = value;
    return text[0] ? json_string(text) : NULL;
}

static int read_text(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    const char *text = json_string_value(json);
    if (!text || !text[0])
        return wrong(scope, field, "a text that is not empty");
    if (strlen(text) >= field->size)
        return wrong(scope, field, "shorter");
    snprintf(ret_value, field->size, "%s", text);
    return 0;
}

const struct ek_field_kind ek_text_kind = {write_text, read_text};

static json_t *write_tri(const struct ek_state *state, const struct ek_field *field,
                         const void *value)
{
    (void)state;
    (void)field;
    enum ek_tri tri = *(const enum ek_tri *)value;
    return tri == EK_UNKNOWN ? NULL : json_boolean(tri == EK_YES);
}

static int read_tri(const struct ek_field_scope *scope, const struct ek_field *field,
                    const json_t *json, void *ret_value)
{
    if (!json_is_boolean(json))
        return wrong(scope, field, "true or false, or left out when it is not known");
    *(enum ek_tri *)ret_value = json_is_true(json) ? EK_YES : EK_NO;
    return 0;
}

const struct ek_field_kind ek_tri_kind = {write_tri, read_tri};

static json_t *write_flag(const struct ek_state *state, const struct ek_field *field,
                          const void *value)
{
    (void)state;
    (void)field;
    return *(const bool *)value ? json_true() : NULL;
}

static int read_flag(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    if (!json_is_boolean(json))
        return wrong(scope, field, "true or false");
    *(bool *)ret_value = json_is_true(json);
    return 0;
}

const struct ek_field_kind ek_flag_kind = {write_flag, read_flag};

static json_t *write_long(const struct ek_state *state, const struct ek_field *field,
                          const void *value)
{
    (void)state;
    int64_t number = *(const int64_t *)value;
    return number == field->unknown ? NULL : json_integer(number);
}

static int read_long(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    if (!json_is_integer(json))
        return wrong(scope, field, "a whole number");
    *(int64_t *)ret_value = json_integer_value(json);
    return 0;
}

const struct ek_field_kind ek_long_kind = {write_long, read_long};

static json_t *write_int(const struct ek_state *state, const struct ek_field *field,
                         const void *value)
{
    (void)state;
    int number = *(const int *)value;
    return number == field->unknown ? NULL : json_integer(number);
}

static int read_int(const struct ek_field_scope *scope, const struct ek_field *field,
                    const json_t *json, void *ret_value)
{
    json_int_t number = json_integer_value(json);
    if (!json_is_integer(json) || number < 0 || number > 1000000)
        return wrong(scope, field, "a whole number from 0 to 1000000");
    *(int *)ret_value = (int)number;
    return 0;
}

const struct ek_field_kind ek_int_kind = {write_int, read_int};

static json_t *write_number(const struct ek_state *state, const struct ek_field *field,
                            const void *value)
{
    (void)state;
    (void)field;
    double number = *(const double *)value;
    return number == floor(number) && fabs(number) < 1e9 ? json_integer((json_int_t)number)
                                                         : json_real(number);
}

static int read_number(const struct ek_field_scope *scope, const struct ek_field *field,
                       const json_t *json, void *ret_value)
{
    double number = json_number_value(json);
    if (!json_is_number(json) || !(number >= 0 && number <= 1000))
        return wrong(scope, field, "a number from 0 to 1000");
    *(double *)ret_value = number;
    return 0;
}

const struct ek_field_kind ek_number_kind = {write_number, read_number};

/* ---- words ----------------------------------------------------------------------------- */

static json_t *write_mode(const struct ek_state *state, const struct ek_field *field,
                          const void *value)
{
    (void)state;
    (void)field;
    enum ek_ssl_mode mode = *(const enum ek_ssl_mode *)value;
    return mode == EK_SSL_UNKNOWN ? NULL : json_string(ek_ssl_mode_name(mode));
}

static int read_mode(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    const char *word = json_string_value(json);
    enum ek_ssl_mode mode = word ? ek_ssl_mode_parse(word) : EK_SSL_UNKNOWN;
    if (mode == EK_SSL_UNKNOWN)
        return wrong(scope, field, "disabled, allowSSL, preferSSL or requireSSL");
    *(enum ek_ssl_mode *)ret_value = mode;
    return 0;
}

const struct ek_field_kind ek_mode_kind = {write_mode, read_mode};

static json_t *write_member_state(const struct ek_state *state, const struct ek_field *field,
                                  const void *value)
{
    (void)state;
    (void)field;
    enum ek_member_state member_state = *(const enum ek_member_state *)value;
    return member_state == EK_MEMBER_UNKNOWN ? NULL
                                             : json_string(ek_member_state_name(member_state));
}

static int read_member_state(const struct ek_field_scope *scope, const struct ek_field *field,
                             const json_t *json, void *ret_value)
{
    const char *word = json_string_value(json);
    for (int i = EK_MEMBER_UNINITIATED; word && i <= (int)EK_MEMBER_REMOVED; i++)
        if (strcmp(word, ek_member_state_name((enum ek_member_state)i)) == 0) {
            *(enum ek_member_state *)ret_value = (enum ek_member_state)i;
            return 0;
        }
    return wrong(scope, field, "a state of a member: PRIMARY, SECONDARY, DOWN, …");
}

const struct ek_field_kind ek_member_state_kind = {write_member_state, read_member_state};

/* ---- digests and versions --------------------------------------------------------------- */

static json_t *hex_of(const uint8_t digest[32])
{
    char hex[65];
    ek_hex(digest, 32, hex);
    return json_string(hex);
}

static bool is_zero(const uint8_t digest[32])
{
    static const uint8_t zero[32];
    return memcmp(digest, zero, 32) == 0;
}

/* In lower case only: a digest has one spelling. */
static bool parse_hex(const json_t *json, uint8_t ret_digest[32])
{
    const char *hex = json_string_value(json);
    return hex && json_string_length(json) == 64 && strspn(hex, "0123456789abcdef") == 64 &&
           ek_hex_read(hex, 32, ret_digest);
}

static json_t *write_digest(const struct ek_state *state, const struct ek_field *field,
                            const void *value)
{
    (void)state;
    (void)field;
    return is_zero(value) ? NULL : hex_of(value);
}

static int read_digest(const struct ek_field_scope *scope, const struct ek_field *field,
                       const json_t *json, void *ret_value)
{
    return parse_hex(json, ret_value) ? 0 : wrong(scope, field, "64 hex digits");
}

const struct ek_field_kind ek_digest_kind = {write_digest, read_digest};

static json_t *write_version(const struct ek_state *state, const struct ek_field *field,
                             const void *value)
{
    (void)state;
    (void)field;
    const int *version = value;
    return version[0] ? json_sprintf("%d.%d.%d", version[0], version[1], version[2]) : NULL;
}

static int read_version(const struct ek_field_scope *scope, const struct ek_field *field,
                        const json_t *json, void *ret_value)
{
    const char *text = json_is_string(json) ? json_string_value(json) : "";
    int *version = ret_value;
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*text < '0' || *text > '9')
            return wrong(scope, field, "a version such as 4.2.2");
        long part = strtol(text, &end, 10);
        if (part > 1000 || *end != (i < 2 ? '.' : 0))
            return wrong(scope, field, "a version such as 4.2.2");
        version[i] = (int)part;
        text = end + 1;
    }
    return version[0] ? 0 : wrong(scope, field, "a version such as 4.2.2");
}

const struct ek_field_kind ek_version_kind = {write_version, read_version};

/* ---- members for bits, authorities, objects --------------------------------------------- */

static json_t *write_members(const struct ek_state *state, const struct ek_field *field,
                             const void *value)
{
    (void)field;
    uint64_t bits = *(const uint64_t *)value;
    if (!bits)
        return NULL;
    json_t *names = json_array();
    for (size_t i = 0; i < state->member_count; i++)
        if (bits >> i & 1)
            json_array_append_new(names, json_string(state->members[i].name));
    return names;
}

int ek_fields_member(const struct ek_state *state, const char *name)
{
    for (size_t i = 0; i < state->member_count; i++)
        if (strcmp(state->members[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int read_members(const struct ek_field_scope *scope, const struct ek_field *field,
                        const json_t *json, void *ret_value)
{
    uint64_t bits = 0;
    size_t i;
    json_t *name;
    if (!json_is_array(json))
        return wrong(scope, field, "a list of members");
    json_array_foreach(json, i, name)
    {
        int m = json_is_string(name) ? ek_fields_member(scope->state, json_string_value(name)) : -1;
        if (m < 0)
            return wrong(scope, field, "a list of members");
        bits |= (uint64_t)1 << m;
    }
    *(uint64_t *)ret_value = bits;
    return 0;
}

const struct ek_field_kind ek_members_kind = {write_members, read_members};

enum { TRUST_MAX = sizeof((struct ek_trust_state *)0)->sha256 / 32 };

static json_t *write_trusted(const struct ek_state *state, const struct ek_field *field,
                             const void *value)
{
    (void)state;
    (void)field;
    const struct ek_trust_state *trust = value;
    json_t *list = trust->count ? json_array() : NULL;
    for (size_t i = 0; i < trust->count && i < TRUST_MAX; i++)
        json_array_append_new(list, hex_of(trust->sha256[i]));
    return list;
}

static int read_trusted(const struct ek_field_scope *scope, const struct ek_field *field,
                        const json_t *json, void *ret_value)
{
    struct ek_trust_state *trust = ret_value;
    size_t count = json_array_size(json);
    if (!json_is_array(json) || count > TRUST_MAX)
        return wrong(scope, field, "a list of at most 4 fingerprints");
    for (size_t i = 0; i < count; i++)
        if (!parse_hex(json_array_get(json, i), trust->sha256[i]))
            return wrong(scope, field, "a list of at most 4 fingerprints");
    trust->count = count;
    return 0;
}

const struct ek_field_kind ek_trusted_kind = {write_trusted, read_trusted};

json_t *ek_fields_write(const struct ek_state *state, const struct ek_field *fields,
                        const void *base)
{
    json_t *object = json_object();
    for (const struct ek_field *field = fields; field->key; field++) {
        json_t *value = field->kind->write(state, field, (const char *)base + field->offset);
        if (value)
            json_object_set_new(object, field->key, value);
    }
    return object;
}

static const struct ek_field *field_named(const struct ek_field *fields, const char *key)
{
    for (const struct ek_field *field = fields; field->key; field++)
        if (strcmp(field->key, key) == 0)
            return field;
    return NULL;
}

/* Of keys that `beside` names, somebody else takes care. */
int ek_fields_read(const struct ek_field_scope *scope, const struct ek_field *fields,
                   const json_t *json, const char *const *beside, void *base)
{
    const char *key;
    json_t *value;
    if (!json_is_object(json))
        return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s is no object", scope->path);
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct ek_field *field = field_named(fields, key);
        bool known = field != NULL;
        for (const char *const *other = beside; !known && *other; other++)
            known = strcmp(*other, key) == 0;
        if (!known)
            return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s%s is no key of an observation",
                           scope->path, key);
        int result =
            field ? field->kind->read(scope, field, value, (char *)base + field->offset) : 0;
        if (result != 0)
            return result;
    }
    return 0;
}

static const char *const nothing_beside[] = {NULL};

static json_t *write_object(const struct ek_state *state, const struct ek_field *field,
                            const void *value)
{
    json_t *object = ek_fields_write(state, field->parts, value);
    if (json_object_size(object))
        return object;
    json_decref(object);
    return NULL;
}

static int read_object(const struct ek_field_scope *scope, const struct ek_field *field,
                       const json_t *json, void *ret_value)
{
    char path[192];
    snprintf(path, sizeof path, "%s%s.", scope->path, field->key);
    const struct ek_field_scope inner = {.state = scope->state, .path = path, .err = scope->err};
    return ek_fields_read(&inner, field->parts, json, nothing_beside, ret_value);
}

const struct ek_field_kind ek_object_kind = {write_object, read_object};
