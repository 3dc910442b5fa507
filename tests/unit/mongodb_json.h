/* BSON from text, in tests of what is read from servers and sent to them. */
#ifndef EK_TESTS_UNIT_MONGODB_JSON_H
#define EK_TESTS_UNIT_MONGODB_JSON_H

#include <bson/bson.h>

static inline bson_t *json(const char *text)
{
    bson_error_t error;
    bson_t *document = bson_new_from_json((const uint8_t *)text, -1, &error);
    if (!document)
        fail_msg("%s in %s", error.message, text);
    return document;
}

#endif
