/* Log lines as 4.4 and later write them: one JSON object each. */
#ifndef STANDIN_LOG_JSON_H
#define STANDIN_LOG_JSON_H

#include "util.h"

#include <stdarg.h>

/* Where and when a line is written. */
struct log_place {
    const char *stamp, *component, *context;
    char severity;
    bool startup;           /* among the warnings of a start */
    const bson_t *attached; /* the document that the line tells of, or NULL */
};
/* What a line is called there, and its `attr`, from the format of 4.2's text and its arguments. A
 * line that has no row keeps its text and gets the number 0. The caller frees the line, which ends
 * with a newline. */
char *log_json(const struct log_place *at, const char *fmt, va_list ap);

#endif
