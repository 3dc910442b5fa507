#include "drivers/mongodb/bson_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool ek_bson_find(const bson_t *document, const char *path, bson_iter_t *ret_field)
{
    bson_iter_t start;
    return bson_iter_init(&start, document) && bson_iter_find_descendant(&start, path, ret_field);
}

int64_t ek_bson_int(const bson_t *document, const char *path, int64_t fallback)
{
    bson_iter_t field;
    if (!ek_bson_find(document, path, &field))
        return fallback;
    if (BSON_ITER_HOLDS_INT32(&field))
        return bson_iter_int32(&field);
    if (BSON_ITER_HOLDS_INT64(&field))
        return bson_iter_int64(&field);
    if (BSON_ITER_HOLDS_DOUBLE(&field)) {
        double value = bson_iter_double(&field);
        if (isfinite(value) && fabs(value) < 9e15)
            return (int64_t)value;
    }
    return fallback;
}

double ek_bson_double(const bson_t *document, const char *path, double fallback)
{
    bson_iter_t field;
    if (!ek_bson_find(document, path, &field))
        return fallback;
    if (BSON_ITER_HOLDS_DOUBLE(&field))
        return bson_iter_double(&field);
    if (BSON_ITER_HOLDS_INT32(&field))
        return bson_iter_int32(&field);
    if (BSON_ITER_HOLDS_INT64(&field))
        return (double)bson_iter_int64(&field);
    return fallback;
}

enum ek_answer ek_bson_answer(const bson_t *document, const char *path)
{
    bson_iter_t field;
    if (!ek_bson_find(document, path, &field))
        return EK_ANSWER_UNKNOWN;
    if (!BSON_ITER_HOLDS_BOOL(&field) && !BSON_ITER_HOLDS_NUMBER(&field))
        return EK_ANSWER_UNKNOWN;
    return bson_iter_as_bool(&field) ? EK_ANSWER_YES : EK_ANSWER_NO;
}

bool ek_bson_true(const bson_t *document, const char *path)
{
    return ek_bson_answer(document, path) == EK_ANSWER_YES;
}

const char *ek_bson_text(const bson_t *document, const char *path)
{
    bson_iter_t field;
    if (!ek_bson_find(document, path, &field) || !BSON_ITER_HOLDS_UTF8(&field))
        return NULL;
    return bson_iter_utf8(&field, NULL);
}

bool ek_bson_copy_text(const bson_t *document, const char *path, char *buffer, size_t size)
{
    const char *text = ek_bson_text(document, path);
    bson_strncpy(buffer, text ? text : "", size);
    return text != NULL;
}

int64_t ek_bson_date_ms(const bson_t *document, const char *path)
{
    bson_iter_t field;
    if (!ek_bson_find(document, path, &field) || !BSON_ITER_HOLDS_DATE_TIME(&field))
        return -1;
    int64_t ms = bson_iter_date_time(&field);
    return ms > 0 ? ms : -1;
}

bool ek_bson_iter_document(const bson_iter_t *element, bson_t *ret_view)
{
    uint32_t length = 0;
    const uint8_t *bytes = NULL;
    if (BSON_ITER_HOLDS_DOCUMENT(element))
        bson_iter_document(element, &length, &bytes);
    else if (BSON_ITER_HOLDS_ARRAY(element))
        bson_iter_array(element, &length, &bytes);
    return bytes && bson_init_static(ret_view, bytes, length);
}

bool ek_bson_document(const bson_t *document, const char *path, bson_t *ret_view)
{
    bson_iter_t field;
    return ek_bson_find(document, path, &field) && ek_bson_iter_document(&field, ret_view);
}
