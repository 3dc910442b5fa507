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

/* Add one. `key` may be NULL. What the format prints may hold anything: it is escaped
 * when it is rendered. */
void ek_diagnostics_add(struct ek_diagnostics *diagnostics, const struct ek_spec_file *file,
                        struct ek_place at, const char *key, const char *id, const char *format,
                        ...) __attribute__((format(printf, 6, 7)));

/* Give the one added last a hint. */
void ek_diagnostics_hint(struct ek_diagnostics *diagnostics, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sort, drop repetitions (a node reached twice by aliases) and fetch the source lines. */
void ek_diagnostics_finish(struct ek_diagnostics *diagnostics);

#endif
