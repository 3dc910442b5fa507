/* How each kind of value of a state is written as JSON and read back. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/kernel/aspect.h"

int ek_field_wrong(const struct ek_field_scope *scope, const struct ek_field *field,
                   const char *wanted)
{
    return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s%s must be %s", scope->path, field->key,
                   wanted);
}

/* ---- plain values ---------------------------------------------------------------------- */

static void write_text(const struct ek_state *state, const struct ek_field *field,
                       const void *value, json_t **object)
{
    (void)state;
    const char *text = value;
    if (text[0])
        ek_json_set(object, field->key, ek_json_text(text));
}

static int read_text(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    const char *text = json_string_value(json);
    if (!text || !text[0])
        return ek_field_wrong(scope, field, "a text that is not empty");
    if (strlen(text) >= field->size)
        return ek_field_wrong(scope, field, "shorter");
    snprintf(ret_value, field->size, "%s", text);
    return 0;
}

static void say_text(const struct ek_state *state, const struct ek_field *field, const void *value,
                     struct ek_buffer *text)
{
    (void)state, (void)field;
    ek_buffer_text_add(text, value);
}

const struct ek_field_kind ek_text_kind = {
    .write = write_text, .read = read_text, .words = say_text};

static void write_text_ref(const struct ek_state *state, const struct ek_field *field,
                           const void *value, json_t **object)
{
    write_text(state, field, ek_state_text(state, *(const struct ek_text_ref *)value), object);
}

static int read_text_ref(const struct ek_field_scope *scope, const struct ek_field *field,
                         const json_t *json, void *ret_value)
{
    const struct ek_field whole = {.key = field->key, .size = EK_TEXT_SIZE};
    char text[EK_TEXT_SIZE];
    int result = read_text(scope, &whole, json, text);
    return result == 0 ? ek_state_add_text(scope->state, text, ret_value, scope->err) : result;
}

static void say_text_ref(const struct ek_state *state, const struct ek_field *field,
                         const void *value, struct ek_buffer *text)
{
    say_text(state, field, ek_state_text(state, *(const struct ek_text_ref *)value), text);
}

const struct ek_field_kind ek_text_ref_kind = {
    .write = write_text_ref, .read = read_text_ref, .words = say_text_ref};

static void write_tri(const struct ek_state *state, const struct ek_field *field, const void *value,
                      json_t **object)
{
    (void)state;
    enum ek_tri tri = *(const enum ek_tri *)value;
    if (tri != EK_UNKNOWN)
        ek_json_set(object, field->key, json_boolean(tri == EK_YES));
}

static int read_tri(const struct ek_field_scope *scope, const struct ek_field *field,
                    const json_t *json, void *ret_value)
{
    if (!json_is_boolean(json))
        return ek_field_wrong(scope, field, "true or false, or left out when it is not known");
    *(enum ek_tri *)ret_value = json_is_true(json) ? EK_YES : EK_NO;
    return 0;
}

static void say_tri(const struct ek_state *state, const struct ek_field *field, const void *value,
                    struct ek_buffer *text)
{
    (void)state, (void)field;
    ek_buffer_text_add(text, ek_tri_word(*(const enum ek_tri *)value));
}

static bool tri_unknown(const struct ek_field *field, const void *value)
{
    (void)field;
    return *(const enum ek_tri *)value == EK_UNKNOWN;
}

const struct ek_field_kind ek_tri_kind = {
    .write = write_tri, .read = read_tri, .words = say_tri, .unknown = tri_unknown};

static void write_flag(const struct ek_state *state, const struct ek_field *field,
                       const void *value, json_t **object)
{
    (void)state;
    if (*(const bool *)value)
        ek_json_set(object, field->key, json_true());
}

static int read_flag(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    if (!json_is_boolean(json))
        return ek_field_wrong(scope, field, "true or false");
    *(bool *)ret_value = json_is_true(json);
    return 0;
}

static void say_flag(const struct ek_state *state, const struct ek_field *field, const void *value,
                     struct ek_buffer *text)
{
    (void)state, (void)field;
    ek_buffer_text_add(text, *(const bool *)value ? "yes" : "no");
}

const struct ek_field_kind ek_flag_kind = {
    .write = write_flag, .read = read_flag, .words = say_flag};

static void write_long(const struct ek_state *state, const struct ek_field *field,
                       const void *value, json_t **object)
{
    (void)state;
    int64_t number = *(const int64_t *)value;
    if (number != field->unknown)
        ek_json_set(object, field->key, json_integer(number));
}

static int read_long(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    if (!json_is_integer(json))
        return ek_field_wrong(scope, field, "a whole number");
    *(int64_t *)ret_value = json_integer_value(json);
    return 0;
}

static void say_long(const struct ek_state *state, const struct ek_field *field, const void *value,
                     struct ek_buffer *text)
{
    (void)state;
    int64_t number = *(const int64_t *)value;
    if (number == field->unknown)
        ek_buffer_text_add(text, "unknown");
    else
        ek_buffer_printf(text, "%" PRId64, number);
}

static bool long_unknown(const struct ek_field *field, const void *value)
{
    return *(const int64_t *)value == field->unknown;
}

const struct ek_field_kind ek_long_kind = {
    .write = write_long, .read = read_long, .words = say_long, .unknown = long_unknown};

static void write_int(const struct ek_state *state, const struct ek_field *field, const void *value,
                      json_t **object)
{
    (void)state;
    int number = *(const int *)value;
    if (number != field->unknown)
        ek_json_set(object, field->key, json_integer(number));
}

static int read_int(const struct ek_field_scope *scope, const struct ek_field *field,
                    const json_t *json, void *ret_value)
{
    json_int_t number = json_integer_value(json);
    if (!json_is_integer(json) || number < 0 || number > 1000000)
        return ek_field_wrong(scope, field, "a whole number from 0 to 1000000");
    *(int *)ret_value = (int)number;
    return 0;
}

static void say_int(const struct ek_state *state, const struct ek_field *field, const void *value,
                    struct ek_buffer *text)
{
    (void)state, (void)field;
    ek_buffer_printf(text, "%d", *(const int *)value);
}

static bool int_unknown(const struct ek_field *field, const void *value)
{
    return *(const int *)value == (int)field->unknown;
}

const struct ek_field_kind ek_int_kind = {
    .write = write_int, .read = read_int, .words = say_int, .unknown = int_unknown};

static void write_number(const struct ek_state *state, const struct ek_field *field,
                         const void *value, json_t **object)
{
    (void)state;
    double number = *(const double *)value;
    bool whole = number == floor(number) && fabs(number) < 1e9;
    ek_json_set(object, field->key, whole ? json_integer((json_int_t)number) : json_real(number));
}

static int read_number(const struct ek_field_scope *scope, const struct ek_field *field,
                       const json_t *json, void *ret_value)
{
    double number = json_number_value(json);
    if (!json_is_number(json) || !(number >= 0 && number <= 1000))
        return ek_field_wrong(scope, field, "a number from 0 to 1000");
    *(double *)ret_value = number;
    return 0;
}

static void say_number(const struct ek_state *state, const struct ek_field *field,
                       const void *value, struct ek_buffer *text)
{
    (void)state, (void)field;
    ek_buffer_printf(text, "%g", *(const double *)value);
}

const struct ek_field_kind ek_number_kind = {
    .write = write_number, .read = read_number, .words = say_number};

/* ---- digests and versions --------------------------------------------------------------- */

json_t *ek_field_hex(const uint8_t digest[EK_SHA256_SIZE])
{
    char hex[EK_SHA256_HEX_SIZE];
    ek_hex(digest, 32, hex);
    return ek_json_text(hex);
}

static bool is_zero(const uint8_t digest[EK_SHA256_SIZE])
{
    static const uint8_t zero[EK_SHA256_SIZE];
    return memcmp(digest, zero, 32) == 0;
}

bool ek_field_hex_read(const json_t *json, uint8_t ret_digest[EK_SHA256_SIZE])
{
    const char *hex = json_string_value(json);
    return hex && json_string_length(json) == 64 && strspn(hex, "0123456789abcdef") == 64 &&
           ek_hex_read(hex, 32, ret_digest);
}

static void write_digest(const struct ek_state *state, const struct ek_field *field,
                         const void *value, json_t **object)
{
    (void)state;
    if (!is_zero(value))
        ek_json_set(object, field->key, ek_field_hex(value));
}

static int read_digest(const struct ek_field_scope *scope, const struct ek_field *field,
                       const json_t *json, void *ret_value)
{
    return ek_field_hex_read(json, ret_value) ? 0 : ek_field_wrong(scope, field, "64 hex digits");
}

static void say_digest(const struct ek_state *state, const struct ek_field *field,
                       const void *value, struct ek_buffer *text)
{
    char hex[EK_SHA256_HEX_SIZE];
    (void)state, (void)field;
    ek_hex(value, 32, hex);
    ek_buffer_text_add(text, hex);
}

static bool digest_unknown(const struct ek_field *field, const void *value)
{
    (void)field;
    return is_zero(value);
}

const struct ek_field_kind ek_digest_kind = {
    .write = write_digest, .read = read_digest, .words = say_digest, .unknown = digest_unknown};

static void write_version(const struct ek_state *state, const struct ek_field *field,
                          const void *value, json_t **object)
{
    (void)state;
    const int *version = value;
    if (version[0])
        ek_json_set(object, field->key,
                    json_sprintf("%d.%d.%d", version[0], version[1], version[2]));
}

static int read_version(const struct ek_field_scope *scope, const struct ek_field *field,
                        const json_t *json, void *ret_value)
{
    const char *text = json_is_string(json) ? json_string_value(json) : "";
    int *version = ret_value;
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*text < '0' || *text > '9')
            return ek_field_wrong(scope, field, "a version such as 4.2.2");
        long part = strtol(text, &end, 10);
        if (part > 1000 || *end != (i < 2 ? '.' : 0))
            return ek_field_wrong(scope, field, "a version such as 4.2.2");
        version[i] = (int)part;
        text = end + 1;
    }
    return version[0] ? 0 : ek_field_wrong(scope, field, "a version such as 4.2.2");
}

static void say_version(const struct ek_state *state, const struct ek_field *field,
                        const void *value, struct ek_buffer *text)
{
    const int *version = value;
    (void)state, (void)field;
    ek_buffer_printf(text, "%d.%d.%d", version[0], version[1], version[2]);
}

const struct ek_field_kind ek_version_kind = {
    .write = write_version, .read = read_version, .words = say_version};

/* ---- members for bits, authorities, objects --------------------------------------------- */

static void write_members(const struct ek_state *state, const struct ek_field *field,
                          const void *value, json_t **object)
{
    uint64_t bits = *(const uint64_t *)value;
    if (!bits)
        return;
    json_t *names = json_array();
    for (size_t i = 0; i < state->member_count; i++)
        if (bits >> i & 1)
            ek_json_append(&names, ek_json_text(ek_member_name(state, i)));
    ek_json_set(object, field->key, names);
}

static int read_members(const struct ek_field_scope *scope, const struct ek_field *field,
                        const json_t *json, void *ret_value)
{
    uint64_t bits = 0;
    size_t i;
    json_t *name;
    if (!json_is_array(json))
        return ek_field_wrong(scope, field, "a list of members");
    json_array_foreach(json, i, name)
    {
        int m =
            json_is_string(name) ? ek_fields_member(*scope->state, json_string_value(name)) : -1;
        if (m < 0)
            return ek_field_wrong(scope, field, "a list of members");
        bits |= (uint64_t)1 << m;
    }
    *(uint64_t *)ret_value = bits;
    return 0;
}

static void say_members(const struct ek_state *state, const struct ek_field *field,
                        const void *value, struct ek_buffer *text)
{
    uint64_t bits = *(const uint64_t *)value;
    (void)state, (void)field;
    ek_buffer_printf(text, "%" PRIx64, bits);
}

const struct ek_field_kind ek_members_kind = {
    .write = write_members, .read = read_members, .words = say_members};

int ek_fields_member(const struct ek_state *state, const char *name)
{
    for (size_t i = 0; i < state->member_count; i++)
        if (strcmp(ek_member_name(state, i), name) == 0)
            return (int)i;
    return -1;
}
