/* Inside specs/: collecting diagnostics while the files are still at hand. */
#ifndef EK_SPECS_REPORT_H
#define EK_SPECS_REPORT_H

#include "specs/diagnostic.h"
#include "specs/source.h"

/* A span of one file. */
struct ek_place {
    int line;   /* from 1 */
    int column; /* from 1, in characters */
    int length; /* 0: to the end of the line */
};

/* Without memory the diagnostics have failed (ek_diagnostics_check) and take no more. */

/* What a diagnostic is about; `key` is the key's path, or NULL. Borrowed for the call. */
struct ek_where {
    const struct ek_spec_file *file;
    struct ek_place at;
    const char *key;
};
#define EK_WHERE(of_file, place, path) ((struct ek_where){(of_file), (place), (path)})

/* Add one. What the format prints may hold anything: it is escaped
 * when it is rendered. */
void ek_diagnostics_add(struct ek_diagnostics *diagnostics, struct ek_where where, const char *id,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Give the one added last a hint. */
void ek_diagnostics_hint(struct ek_diagnostics *diagnostics, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sort, drop repetitions (a node reached twice by aliases) and fetch the source lines. */
void ek_diagnostics_finish(struct ek_diagnostics *diagnostics);

#endif
