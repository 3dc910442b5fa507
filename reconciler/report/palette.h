/* Colour, or none. */
#ifndef EK_REPORT_PALETTE_H
#define EK_REPORT_PALETTE_H

#include <stdbool.h>

struct ek_palette {
    const char *plain, *bold, *dim, *add, *change, *replace, *remove, *bad;
};

/* Escape sequences, or empty texts. */
const struct ek_palette *ek_palette(bool colour);

#endif
