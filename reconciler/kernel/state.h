/* What was observed of one deployment, and what a plan models of it: one block of plain data, as
 * large as the deployment, without pointers.
 *
 * A state consists of parts. Each aspect has up to three: one element for the deployment as a
 * whole, one for each member (in the order of the specs), and a list of any length whose elements
 * are sorted by a stable key. Elements refer to each other by index. The last part is the texts
 * that most members don't have, or have in common; where a text lies there says nothing. *Unknown*
 * is a value of its own and never treated as false or empty. */
#ifndef EK_KERNEL_STATE_H
#define EK_KERNEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/error.h"

enum ek_tri { EK_UNKNOWN = 0, EK_NO, EK_YES };

/* "unknown", "no", "yes"; static storage. */
const char *ek_tri_word(enum ek_tri value);

/* Room for why something of a member, or of the deployment, stayed unknown. */
enum { EK_PROBLEM_SIZE = 512 };

enum ek_part_id {
#define EK_ASPECT(name) EK_PART_##name, EK_PART_##name##_members, EK_PART_##name##_list,
#include "reconciler/aspects.def"
#undef EK_ASPECT
    EK_ASPECT_PARTS,
    EK_PART_texts = EK_ASPECT_PARTS, /* last: what grows here moves no other part */
    EK_PARTS,
};

/* Room for a text that is kept among the texts, with its NUL. */
enum { EK_TEXT_SIZE = 640 };

/* A text of a state, kept once for all fields that say the same; all zero: "". It means something
 * in the state that it was made in, and in copies of that one. */
struct ek_text_ref {
    uint32_t place; /* among the texts, counted from 1 */
};

struct ek_part {
    uint32_t offset; /* from the beginning of the state, in bytes */
    uint32_t size;   /* of one element, in bytes; 0: the aspect has no such part */
    uint32_t count;  /* of elements */
};

struct ek_state {
    size_t size; /* of the block, in bytes */
    size_t member_count;
    struct ek_part parts[EK_PARTS];
    /* the elements follow */
};

/* A state in which nothing is known yet, its lists empty; the caller's, given back by free.
 * EK_NO_MEMORY (EK-0599). */
int ek_state_new(size_t member_count, struct ek_state **ret_state, struct ek_error *err);

/* A copy; the caller's, given back by free. EK_NO_MEMORY (EK-0599). */
int ek_state_clone(const struct ek_state *state, struct ek_state **ret_copy, struct ek_error *err);

/* Copy over a state that may be of another size (or *to NULL); *to may move.
 * EK_NO_MEMORY (EK-0599): *to stays as it was. */
int ek_state_assign(struct ek_state **to, const struct ek_state *from, struct ek_error *err);

/* Make room for `count` elements at `index` of a list, zeroed; *state may move.
 * EK_NO_MEMORY (EK-0599): *state stays as it was. */
int ek_state_insert(struct ek_state **state, enum ek_part_id part, size_t index, size_t count,
                    struct ek_error *err);

/* Take `count` elements out of a list. */
void ek_state_remove(struct ek_state *state, enum ek_part_id part, size_t index, size_t count);

/* The text; valid until the state changes its size. */
const char *ek_state_text(const struct ek_state *state, struct ek_text_ref text);

/* Find the text, which is shorter than EK_TEXT_SIZE, or add it; *state may move.
 * EK_NO_MEMORY (EK-0599): *state stays as it was. */
int ek_state_add_text(struct ek_state **state, const char *text, struct ek_text_ref *ret_text,
                      struct ek_error *err);

/* How many elements a part has. */
static inline size_t ek_state_count(const struct ek_state *state, enum ek_part_id part)
{
    return state->parts[part].count;
}

/* Element `index` of a part, which must be there. Use the accessors that EK_STATE_PART makes. */
static inline const void *ek_state_read(const struct ek_state *state, enum ek_part_id part,
                                        size_t index)
{
    return (const char *)state + state->parts[part].offset + index * state->parts[part].size;
}

static inline void *ek_state_change(struct ek_state *state, enum ek_part_id part, size_t index)
{
    return (char *)state + state->parts[part].offset + index * state->parts[part].size;
}

/* The two accessors of a part, function##_read and function##_change, of (state, index). A macro
 * of that name chooses by whether the state may be changed: see the state.h of the aspects. */
/* NOLINTBEGIN(bugprone-macro-parentheses): type names a type */
#define EK_STATE_PART(function, type, part)                                                        \
    static inline const type *function##_read(const struct ek_state *state, size_t index)          \
    {                                                                                              \
        return ek_state_read(state, part, index);                                                  \
    }                                                                                              \
    static inline type *function##_change(struct ek_state *state, size_t index)                    \
    {                                                                                              \
        return ek_state_change(state, part, index);                                                \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

#define EK_STATE_ELEMENT(function, state, index)                                                   \
    _Generic((state),                                                                              \
        struct ek_state *: function##_change,                                                      \
        const struct ek_state *: function##_read)((state), (size_t)(index))

#endif
