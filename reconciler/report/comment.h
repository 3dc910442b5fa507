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

/* ---- whole comments when there is no plan ---- */

/* Everything that is wrong with the specs of `commit` (or NULL), with places and source lines. */
void ek_diagnostics_markdown(const char *fleet, const char *commit,
                             const struct ek_diagnostics *diagnostics, struct ek_buffer *text);

/* One error that left nothing to plan. */
void ek_error_markdown(const char *fleet, const struct ek_error *err, struct ek_buffer *text);

#endif
