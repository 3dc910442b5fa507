#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specs/check.h"

/* Walks `path` as far as the document goes. *ret_place is where the walk ended. */
static const struct ek_node *walk(const struct ek_subject *subject, const char *path,
                                  struct ek_place *ret_place)
{
    const struct ek_node *node = subject->document->root;
    *ret_place = subject->document->at;
    while (node && *path) {
        size_t length = strcspn(path, ".[");
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        const struct ek_pair *pair = ek_node_pair(node, key);
        if (!pair)
            return NULL;
        node = pair->value;
        path += length;
        *ret_place = pair->at;
        if (*path == '[') {
            size_t index = strtoul(path + 1, NULL, 10);
            if (node->kind != EK_NODE_LIST || index >= node->count)
                return NULL;
            node = node->items[index];
            *ret_place = node->at;
            path = strchr(path, ']') + 1;
        }
        path += *path == '.';
    }
    if (node && node->kind == EK_NODE_SCALAR)
        *ret_place = node->at;
    return node;
}

const struct ek_node *ek_subject_node(const struct ek_subject *subject, const char *path)
{
    struct ek_place place;
    return walk(subject, path, &place);
}

bool ek_subject_sound(const struct ek_subject *subject, const char *path)
{
    const struct ek_node *node = ek_subject_node(subject, path);
    return !node || !node->broken;
}

struct ek_place ek_subject_place(const struct ek_subject *subject, const char *path)
{
    struct ek_place place;
    walk(subject, path, &place);
    return place;
}

void ek_subject_report(const struct ek_subject *subject, const char *path, const char *id,
                       const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    ek_diagnostics_add(subject->check->diagnostics,
                       EK_WHERE(subject->document->file, ek_subject_place(subject, path), path), id,
                       "%s", sentence);
}

void ek_subject_hint(const struct ek_subject *subject, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    ek_diagnostics_hint(subject->check->diagnostics, "%s", sentence);
}

static const char *text_at(const struct ek_subject *subject, size_t offset)
{
    const char *text;
    memcpy(&text, (const char *)subject->value + offset, sizeof text);
    return text;
}

const char *ek_subject_name(const struct ek_subject *subject)
{
    return text_at(subject, subject->kind->name_offset);
}

const char *ek_subject_account(const struct ek_subject *subject)
{
    return subject->kind->account_offset ? text_at(subject, subject->kind->account_offset) : NULL;
}
