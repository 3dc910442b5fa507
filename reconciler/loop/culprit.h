/* Who changed a server's sslMode at run time, where the server's own log tells. Pure. */
#ifndef EK_LOOP_CULPRIT_H
#define EK_LOOP_CULPRIT_H

#include <stdbool.h>
#include <stddef.h>

/* Read the lines of a server's log (text, or JSON since 4.4), oldest first: the last change of
 * tlsMode or sslMode, on which connection, and as whom that one had logged in. Written as
 * "dana@admin from 10.0.0.7:50432, at 2026-01-02T03:04:05.678+0000". False: it does not tell. */
bool ek_culprit_of_mode(const char *lines, char *ret_who, size_t size);

#endif
