/* The command line that a systemd unit starts next, from what `systemctl show` says of it. */
#ifndef EK_DRIVERS_HOST_UNIT_WORDS_H
#define EK_DRIVERS_HOST_UNIT_WORDS_H

#include "reconciler/base/buffer.h"

/* The properties that it takes. */
#define EK_UNIT_WORD_PROPERTIES "ExecStart,Environment,EnvironmentFiles"

/* Reads a file of the unit's host: appended to ret_text, nothing when it can't be read. */
struct ek_unit_files {
    void *context;
    void (*read)(void *context, const char *path, struct ek_buffer *ret_text);
};

/* The words of the ExecStart= line, each ended by a NUL, with its variables in their places: of
 * Environment= and of the files that are named. ret_words->failed without memory. */
void ek_unit_words(const char *shown, const struct ek_unit_files *files,
                   struct ek_buffer *ret_words);

#endif
