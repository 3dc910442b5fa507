/* Times and durations as people and machines read them. */
#ifndef EK_BASE_TIME_TEXT_H
#define EK_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

enum { EK_TIME_TEXT_SIZE = 32 }; /* room for any of these, with its NUL */

/* `ms` since 1970: "2026-01-02 03:04:05 UTC", or with T and Z for machines. */
void ek_time_text(int64_t ms, bool machine, char ret_text[EK_TIME_TEXT_SIZE]);

/* "1.5 s", "2 min 5 s", "400 ms". */
void ek_duration_text(int64_t ms, char ret_text[EK_TIME_TEXT_SIZE]);

#endif
