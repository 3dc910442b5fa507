#include "reconciler/report/palette.h"

const struct ek_palette *ek_palette(bool colour)
{
    static const struct ek_palette none = {"", "", "", "", "", "", "", ""};
    static const struct ek_palette full = {
        .plain = "\033[0m",
        .bold = "\033[1m",
        .dim = "\033[2m",
        .add = "\033[32m",
        .change = "\033[33m",
        .replace = "\033[36m",
        .remove = "\033[31m",
        .bad = "\033[1;31m",
    };
    return colour ? &full : &none;
}
