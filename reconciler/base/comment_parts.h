/* A comment's marker, by which it is found again, and parts that fit below a forge's limit. */
#ifndef EK_BASE_COMMENT_PARTS_H
#define EK_BASE_COMMENT_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* The longest name of a fleet, in bytes: markers take up room in each part. */
#define EK_COMMENT_FLEET_MAX 200

/* Append "<!-- evenkeel:plan FLEET 1/3 -->\n". */
void ek_comment_mark(struct ek_buffer *text, const char *fleet, size_t part, size_t parts);

/* Whether `body` begins with a marker; what it says. *ret_length (may be NULL) is that of its
 * line. */
bool ek_comment_marked(const char *body, struct ek_buffer *ret_fleet, size_t *ret_part,
                       size_t *ret_length);

struct ek_comment_parts {
    char **texts; /* each with its marker */
    size_t count;
};

/* The most parts that a comment is split into; what is more is left out, and said so. */
#define EK_COMMENT_PARTS_MAX 8

/* Split Markdown (without a marker) at lines, so that each part, with its marker, has at most
 * `limit` bytes (at least 4000) and none of its blocks and folds stays open. Fails without memory
 * only. */
int ek_comment_split(const char *markdown, const char *fleet, size_t limit,
                     struct ek_comment_parts *ret_parts, struct ek_error *err);
void ek_comment_parts_done(struct ek_comment_parts *parts);

/* Append the words of the first heading, "Evenkeel: " and markup left out: what a commit status
 * says. "" when there is none. */
void ek_comment_title(const char *markdown, struct ek_buffer *title);

#endif
