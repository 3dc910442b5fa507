/* What is wrong with a tree of specs, or only worth knowing: every error and every warning with
 * its place, rendered for people and as JSON. */
#ifndef EK_SPECS_DIAGNOSTIC_H
#define EK_SPECS_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct json_t;

struct ek_diagnostic {
    char id[12];       /* row of the catalogue */
    char *file;        /* path as in struct ek_spec_file */
    bool warning;      /* nothing is wrong, but somebody may think that more is done */
    int line;          /* from 1; 0: of the file or tree as a whole */
    int column;        /* from 1, in characters */
    int length;        /* characters of the span, on that line, at least 1 */
    char *key;         /* "spec.replicaSet.members[1].host", or NULL */
    char *sentence;    /* no trailing full stop */
    char *hint;        /* or NULL */
    char *source;      /* the line, as it is written (cut to a window when very long), or NULL */
    int source_column; /* where the span begins in `source`, from 1 */
};

/* Sorted by file, line and column; all errors or all warnings. */
struct ek_diagnostics {
    struct ek_diagnostic *items;
    size_t count;
    bool warnings;                        /* what is added is a warning */
    struct ek_diagnostic_origin *origins; /* NULL once sorted; see report.h */
    bool failed; /* there was no memory for all of them; use ek_diagnostics_check() */
};

/* 0, or EK_NO_MEMORY (EK-0599) when they are not all there. */
int ek_diagnostics_check(const struct ek_diagnostics *diagnostics, struct ek_error *err);

/* Free everything and zero the struct; safe on a zeroed one. */
void ek_diagnostics_done(struct ek_diagnostics *diagnostics);

/* Append all of them as text:
 *
 *     orders.yaml:12:9: error: unknown key "sslmode"
 *       sslmode: preferSSL
 *       ^^^^^^^
 *       key: spec.sslmode
 *       hint: did you mean "sslMode"?
 *       see: evenkeel explain EK-0314
 *
 * with an empty line between two. */
void ek_diagnostics_render(const struct ek_diagnostics *diagnostics, bool colour,
                           struct ek_buffer *text);

/* One as a JSON object: {"severity", "id", "file", "line", "column", "length", "key",
 * "message", "hint"}; key, hint and place only where there is one. All: an array of those.
 * The caller owns the reference. */
struct json_t *ek_diagnostic_json(const struct ek_diagnostic *diagnostic);
struct json_t *ek_diagnostics_json(const struct ek_diagnostics *diagnostics);

#define EK_DIAGNOSTICS EK_CLEANUP(ek_diagnostics_done) struct ek_diagnostics

#endif
