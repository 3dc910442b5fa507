/* Log lines as 4.4 and later write them: one JSON object each. */
#ifndef STANDIN_LOG_JSON_H
#define STANDIN_LOG_JSON_H

#include "util.h"

#include <stdarg.h>

/* What a line is called there, and its `attr`, from the format of 4.2's text and its arguments. A
 * line that has no row keeps its text and gets the number 0. `attached`: the document that the
 * line tells of, or NULL. The caller frees the line, which ends with a newline. */
char *log_json(const char *stamp, char severity, const char *component, const char *context,
               bool startup, const bson_t *attached, const char *fmt, va_list ap);

#endif
