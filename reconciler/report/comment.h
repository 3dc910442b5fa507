/* Comments on pull requests: harmless Markdown, the marker by which a comment is found again, and
 * parts that fit below a host's limit. */
#ifndef EK_REPORT_COMMENT_H
#define EK_REPORT_COMMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "specs/diagnostic.h"

/* ---- Markdown from words that may come from outside ---- */

/* Append as a code span: nothing in it is markup, a mention or a link. One line; "" gives
 * nothing. */
void ek_markdown_code(struct ek_buffer *text, const char *words);

/* Append with everything escaped that Markdown, HTML or a host (mentions, references) would act
 * on. One line. For our own sentences with names in them. */
void ek_markdown_text(struct ek_buffer *text, const char *words);

/* Append a fenced block, its fence longer than any in `content`. */
void ek_markdown_block(struct ek_buffer *text, const char *language, const char *content);

/* ---- markers and parts ---- */

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
 * `limit` bytes (at least 4000) and none of its blocks and folds stays open. */
int ek_comment_split(const char *markdown, const char *fleet, size_t limit,
                     struct ek_comment_parts *ret_parts, struct ek_error *err);
void ek_comment_parts_done(struct ek_comment_parts *parts);

/* Append the words of the first heading, "Evenkeel: " and markup left out: what a commit status
 * says. "" when there is none. */
void ek_comment_title(const char *markdown, struct ek_buffer *title);

/* ---- whole comments when there is no plan ---- */

/* Everything that is wrong with the specs of `commit` (or NULL), with places and source lines. */
void ek_diagnostics_markdown(const char *fleet, const char *commit,
                             const struct ek_diagnostics *diagnostics, struct ek_buffer *text);

/* One error that left nothing to plan. */
void ek_error_markdown(const char *fleet, const struct ek_error *err, struct ek_buffer *text);

#endif
