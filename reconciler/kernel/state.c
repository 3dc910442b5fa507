#include "reconciler/kernel/state.h"

#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"
#include "reconciler/kernel/aspect.h"

/* Elements begin where any plain type may begin. */
static size_t aligned(size_t offset)
{
    enum { ALIGNMENT = _Alignof(max_align_t) };
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

const char *ek_tri_word(enum ek_tri value)
{
    static const char *const words[] = {"unknown", "no", "yes"};
    return words[value];
}

/* Where each part lies; the size of the whole. */
static size_t lay_out(size_t member_count, struct ek_part *parts)
{
    size_t end = sizeof(struct ek_state);
    for (size_t i = 0; i < EK_ASPECT_PARTS; i++) {
        const struct ek_aspect *aspect = ek_aspect_at(i / EK_PARTS_OF_ASPECT);
        size_t kind = i % EK_PARTS_OF_ASPECT;
        size_t count = kind == EK_PART_LIST ? 0 : kind == EK_PART_MEMBERS ? member_count : 1;
        end = aligned(end);
        parts[i] = (struct ek_part){.offset = (uint32_t)end,
                                    .size = (uint32_t)aspect->sizes[kind],
                                    .count = aspect->sizes[kind] ? (uint32_t)count : 0};
        end += count * aspect->sizes[kind];
    }
    end = aligned(end);
    parts[EK_PART_texts] = (struct ek_part){.offset = (uint32_t)end, .size = 1};
    return end;
}

int ek_state_new(size_t member_count, struct ek_state **ret_state, struct ek_error *err)
{
    struct ek_part parts[EK_PARTS];
    size_t size = lay_out(member_count, parts);
    struct ek_state *state = calloc(1, size);
    if (!state)
        return ek_no_memory(err);
    state->size = size;
    state->member_count = member_count;
    memcpy(state->parts, parts, sizeof parts);
    for (size_t i = 0; i < EK_ASPECTS; i++)
        ek_fields_begin(ek_aspect_at(i)->fields, state);
    *ret_state = state;
    return 0;
}

int ek_state_clone(const struct ek_state *state, struct ek_state **ret_copy, struct ek_error *err)
{
    struct ek_state *copy = malloc(state->size);
    if (!copy)
        return ek_no_memory(err);
    memcpy(copy, state, state->size);
    *ret_copy = copy;
    return 0;
}

int ek_state_assign(struct ek_state **to, const struct ek_state *from, struct ek_error *err)
{
    if (!*to || (*to)->size != from->size) {
        struct ek_state *room = realloc(*to, from->size);
        if (!room)
            return ek_no_memory(err);
        *to = room;
    }
    memcpy(*to, from, from->size);
    return 0;
}

/* Move what lies behind a part's end by `bytes`, which keeps the alignment. */
static void shift(struct ek_state *state, enum ek_part_id part, ptrdiff_t bytes)
{
    for (size_t i = (size_t)part + 1; i < EK_PARTS; i++)
        state->parts[i].offset = (uint32_t)((ptrdiff_t)state->parts[i].offset + bytes);
}

int ek_state_insert(struct ek_state **state, enum ek_part_id part, size_t index, size_t count,
                    struct ek_error *err)
{
    const struct ek_part before = (*state)->parts[part];
    size_t at = before.offset + index * before.size;
    size_t used = before.offset + (size_t)before.count * before.size;
    size_t added = count * before.size;
    size_t grown = aligned(used + added) - aligned(used);
    struct ek_state *room = realloc(*state, (*state)->size + grown);
    if (!room)
        return ek_no_memory(err);
    char *bytes = (char *)room;
    memmove(bytes + aligned(used) + grown, bytes + aligned(used), room->size - aligned(used));
    memmove(bytes + at + added, bytes + at, used - at);
    memset(bytes + at, 0, added);
    memset(bytes + used + added, 0, aligned(used + added) - (used + added));
    room->size += grown;
    room->parts[part].count += (uint32_t)count;
    shift(room, part, (ptrdiff_t)grown);
    *state = room;
    return 0;
}

void ek_state_remove(struct ek_state *state, enum ek_part_id part, size_t index, size_t count)
{
    const struct ek_part before = state->parts[part];
    size_t at = before.offset + index * before.size;
    size_t used = before.offset + (size_t)before.count * before.size;
    size_t removed = count * before.size;
    size_t shrunk = aligned(used) - aligned(used - removed);
    char *bytes = (char *)state;
    memmove(bytes + at, bytes + at + removed, used - at - removed);
    memset(bytes + used - removed, 0, removed);
    memmove(bytes + aligned(used) - shrunk, bytes + aligned(used), state->size - aligned(used));
    state->size -= shrunk;
    state->parts[part].count -= (uint32_t)count;
    shift(state, part, -(ptrdiff_t)shrunk);
}

const char *ek_state_text(const struct ek_state *state, struct ek_text_ref text)
{
    return text.place ? ek_state_read(state, EK_PART_texts, text.place - 1) : "";
}

int ek_state_add_text(struct ek_state **state, const char *text, struct ek_text_ref *ret_text,
                      struct ek_error *err)
{
    const size_t end = ek_state_count(*state, EK_PART_texts);
    size_t at = text[0] ? 0 : end;
    while (at < end && strcmp(ek_state_read(*state, EK_PART_texts, at), text) != 0)
        at += strlen(ek_state_read(*state, EK_PART_texts, at)) + 1;
    if (text[0] && at == end) {
        int result = ek_state_insert(state, EK_PART_texts, end, strlen(text) + 1, err);
        if (result != 0)
            return result;
        memcpy(ek_state_change(*state, EK_PART_texts, end), text, strlen(text));
    }
    ret_text->place = text[0] ? (uint32_t)at + 1 : 0;
    return 0;
}
