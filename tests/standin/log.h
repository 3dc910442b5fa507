/* The server's log, to a file or to standard output: the text of 4.2, or (log_json.h) JSON. */
#ifndef STANDIN_LOG_H
#define STANDIN_LOG_H

#include "util.h"

/* The name in brackets of the lines that this thread writes. */
void log_context(const char *name);
const char *log_context_name(void);

/* The document that the next line of this thread tells of: what it shows in 4.4 and later. */
void log_attach(const bson_t *doc);

/* severity: F E W I D; component: "NETWORK", "REPL", … */
void log_line(char severity, const char *component, const char *fmt, ...) PRINTF(3, 4);
/* The same, and it is repeated by getLog startupWarnings. */
void log_startup_warning(const char *component, const char *fmt, ...) PRINTF(2, 3);

/* The last lines of a process that can't go on, and its end. */
_Noreturn void log_and_exit(int status);

/* From now on lines go to this file. False with errno when it can't be opened. */
bool log_to_file(const char *path, bool append);
/* Renames the file away and starts a new one. */
void log_rotate(void);

/* The last lines ("global", "startupWarnings", "rs") as a reply to getLog; false if there's no such
 * log. */
bool log_recent(const char *which, bson_t *reply);

#endif
