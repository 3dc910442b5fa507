/* A server's command line: which of its options the next start would not have. */
#ifndef EK_DRIVERS_HOST_SERVER_ARGUMENTS_H
#define EK_DRIVERS_HOST_SERVER_ARGUMENTS_H

#include "drivers/host/host.h"
#include "drivers/host/server_configuration.h"

/* How a server runs and how it would be started next. Borrowed. */
struct ek_server_start {
    const struct ek_buffer *running; /* the words of its command line, each ended by a NUL */
    const struct ek_buffer *next;    /* those of the next start */
    struct ek_server_text file;      /* its configuration file; empty: none, or not read */
};

/* Compare the two: options by the name that the server gives them, however they were typed. Naming
 * the file and --configExpand is not compared. EK_NO_MEMORY is all that can go wrong. */
int ek_server_arguments_compare(const struct ek_server_start *start,
                                struct ek_host_options *ret_options, struct ek_error *err);

/* Add a text to words that are each ended by a NUL, cut at blanks as systemctl prints them. */
void ek_server_words_add(struct ek_buffer *words, const char *text, size_t length);

#endif
