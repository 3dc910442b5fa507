#include "reconciler/base/json.h"

#include <stdint.h>
#include <string.h>

static void let_go(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

void ek_json_set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) != 0)
        let_go(object);
}

void ek_json_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) != 0)
        let_go(array);
}

/* How many bytes the character that begins here has; 0: it is none of UTF-8. */
static size_t character(const unsigned char *at)
{
    static const struct {
        unsigned char mask, lead;
        unsigned least;
    } kinds[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((at[0] & kinds[i].mask) != kinds[i].lead)
            continue;
        unsigned code = at[0] & (unsigned char)~kinds[i].mask;
        for (size_t k = 1; k <= i; k++) {
            if ((at[k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (at[k] & 0x3fU);
        }
        bool sound = code >= kinds[i].least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        return sound ? i + 1 : 0;
    }
    return 0;
}

json_t *ek_json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json || !text)
        return json;
    EK_BUFFER clean = {0};
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = character(at);
        if (length)
            ek_buffer_add(&clean, at, length);
        else
            ek_buffer_text_add(&clean, "\xef\xbf\xbd");
        at += length ? length : 1;
    }
    return clean.failed ? NULL : json_string(ek_buffer_text(&clean));
}

json_t *ek_json_text_or_null(const char *text)
{
    return text && text[0] ? ek_json_text(text) : json_null();
}

json_t *ek_json_copy(const json_t *object)
{
    json_t *copy = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        ek_json_set(&copy, key, json_incref(value));
    return copy;
}

int ek_json_read(const char *text, size_t length, size_t flags, json_t **ret_json,
                 json_error_t *ret_problem)
{
    json_error_t problem = {0};
    json_t *json = json_loadb(text, length, flags, &problem);
    if (ret_problem)
        *ret_problem = problem;
    if (json) {
        *ret_json = json;
        return 0;
    }
    /* jansson has no words for the want of memory, or those of another error. */
    json = problem.text[0] ? json_loadb(text, length, flags, NULL) : NULL;
    bool sound = json != NULL;
    json_decref(json);
    return sound || !problem.text[0] ? EK_NO_MEMORY : EK_INVALID;
}

static int add(const char *bytes, size_t length, void *context)
{
    struct ek_buffer *text = context;
    ek_buffer_add(text, bytes, length);
    return text->failed ? -1 : 0;
}

/* Into our own buffer, which remembers: jansson does not ask whether there was room for a key. */
void ek_json_print(json_t *json, size_t layout, struct ek_buffer *text)
{
    if (!json || json_dump_callback(json, add, text, layout) != 0)
        ek_buffer_fail(text);
    json_decref(json);
}
