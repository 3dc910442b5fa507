#include "specs/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

size_t ek_utf8_decode(const char *text, size_t length, uint32_t *ret_character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length == 0)
        return 0;
    unsigned char first = (unsigned char)text[0];
    size_t size = first < 0x80             ? 1
                  : (first & 0xe0) == 0xc0 ? 2
                  : (first & 0xf0) == 0xe0 ? 3
                  : (first & 0xf8) == 0xf0 ? 4
                                           : 0;
    if (size == 0 || size > length)
        return 0;
    uint32_t character = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (byte & 0x3f);
    }
    bool surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < least[size] || character > 0x10ffff || surrogate)
        return 0;
    *ret_character = character;
    return size;
}

struct range {
    uint32_t first;
    uint32_t last;
};

static bool in_ranges(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}
#define IN(character, ranges) in_ranges(character, ranges, sizeof(ranges) / sizeof *(ranges))

/* Shown as \u…: they would move the cursor, reorder the line or be mistaken for its end. */
static const struct range escaped[] = {
    {0x00, 0x08},     {0x0a, 0x1f},     {0x7f, 0x9f},     {0x200e, 0x200f},   {0x2028, 0x202e},
    {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

/* Combining marks and joiners of the scripts that specs are likely to be written in. */
static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static const struct range double_width[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

int ek_text_width(uint32_t character)
{
    if (IN(character, escaped))
        return character < 0x100 ? 4 : character < 0x10000 ? 6 : 8;
    if (IN(character, zero_width))
        return 0;
    return IN(character, double_width) ? 2 : 1;
}

void ek_text_show(struct ek_buffer *buffer, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t character = 0;
        size_t size = ek_utf8_decode(text + i, length - i, &character);
        if (size == 0) {
            ek_buffer_printf(buffer, "\\x%02x", (unsigned char)text[i]);
            i++;
            continue;
        }
        if (!IN(character, escaped))
            ek_buffer_add(buffer, text + i, size);
        else if (character < 0x100)
            ek_buffer_printf(buffer, "\\x%02x", character);
        else
            ek_buffer_printf(buffer, character < 0x10000 ? "\\u%04x" : "\\U%06x", character);
        i += size;
    }
}

#define WORD_MAX 63

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours, ignoring case. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = least_of(above[j - 1] + (same ? 0 : 1), least_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least_of(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_length];
}

const char *ek_text_nearest(const char *word, const char *const *words)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    size_t best = length / 3 + 1;
    if (length == 0 || length > WORD_MAX)
        return NULL;
    for (; *words; words++) {
        size_t other = strlen(*words);
        if (other == 0 || other > WORD_MAX)
            continue;
        size_t far = distance(word, length, *words, other);
        if (far < best || (far == best && !nearest && far < length && far < other)) {
            best = far;
            nearest = *words;
        }
    }
    return nearest;
}

void ek_text_duration(struct ek_buffer *buffer, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (units[i].seconds > 1 && (seconds == 0 || seconds % units[i].seconds != 0))
        i++;
    ek_buffer_printf(buffer, "%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
}
