/* The catalogue: every id that Evenkeel can say, and the log lines of servers that it knows.
 * The rows are the *.def files of this folder. */
#ifndef EK_CATALOGUE_CATALOGUE_H
#define EK_CATALOGUE_CATALOGUE_H

#include <stddef.h>

struct ek_catalogue_row {
    const char *id;       /* "EK-0401" */
    const char *title;    /* short, lower case */
    const char *meaning;  /* what it means, one or two sentences */
    const char *remedy;   /* what a person can do */
    const char *patterns; /* of server log lines: texts separated by "|", or NULL */
};

/* All rows; static storage. */
const struct ek_catalogue_row *ek_catalogue_rows(size_t *ret_count);

/* The row of an id, also written "ek-113", "EK0113" or "113"; NULL when there is none. */
const struct ek_catalogue_row *ek_catalogue_find(const char *id);

/* The rows that explain a server's log line (or a part of one), the best match first;
 * at most `max`. Returns how many were written. */
size_t ek_catalogue_match_log_line(const char *line, const struct ek_catalogue_row **ret_rows,
                                   size_t max);

/* The rows whose id, title or patterns are nearest to a text that matched nothing. */
size_t ek_catalogue_near(const char *text, const struct ek_catalogue_row **ret_rows, size_t max);

#endif
