#include "reconciler/catalogue/catalogue.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EK_ROW(id, title, meaning, remedy) {id, title, meaning, remedy, NULL},
#define EK_LOG_ROW(id, patterns, title, meaning, remedy) {id, title, meaning, remedy, patterns},
static const struct ek_catalogue_row rows[] = {
#include "reconciler/catalogue/base.def"
#include "reconciler/catalogue/command.def"
#include "reconciler/catalogue/consent.def"
#include "reconciler/catalogue/drivers.def"
#include "reconciler/catalogue/forge.def"
#include "reconciler/catalogue/git.def"
#include "reconciler/catalogue/import.def"
#include "reconciler/catalogue/laws.def"
#include "reconciler/catalogue/log_lines.def"
#include "reconciler/catalogue/loop.def"
#include "reconciler/catalogue/planning.def"
#include "reconciler/catalogue/secrets.def"
#include "reconciler/catalogue/specs.def"
#include "reconciler/catalogue/store.def"
};
#undef EK_ROW
#undef EK_LOG_ROW

enum { ROWS = sizeof rows / sizeof *rows, WORD_MAX = 64 };

const struct ek_catalogue_row *ek_catalogue_rows(size_t *ret_count)
{
    *ret_count = ROWS;
    return rows;
}

const struct ek_catalogue_row *ek_catalogue_find(const char *id)
{
    if (strncasecmp(id, "ek", 2) == 0) {
        id += 2;
        id += *id == '-';
    }
    size_t digits = strspn(id, "0123456789");
    if (digits == 0 || digits > 4 || id[digits])
        return NULL;
    long wanted = strtol(id, NULL, 10);
    for (size_t i = 0; i < ROWS; i++)
        if (strtol(rows[i].id + 3, NULL, 10) == wanted)
            return &rows[i];
    return NULL;
}

/* Length of the longest of the row's patterns that stands in the line, 0 for none. */
static size_t matched(const struct ek_catalogue_row *row, const char *line)
{
    size_t best = 0;
    for (const char *at = row->patterns; at && *at;) {
        size_t length = strcspn(at, "|");
        for (const char *from = line; length > best && *from; from++)
            if (strncasecmp(from, at, length) == 0)
                best = length;
        at += length + (at[length] == '|');
    }
    return best;
}

struct hit {
    const struct ek_catalogue_row *row;
    size_t score;
};

static int by_score(const void *a, const void *b)
{
    const struct hit *first = a;
    const struct hit *second = b;
    if (first->score != second->score)
        return first->score < second->score ? 1 : -1;
    return strcmp(first->row->id, second->row->id);
}

static size_t best_hits(size_t (*score)(const struct ek_catalogue_row *, const char *),
                        const char *text, const struct ek_catalogue_row **ret_rows, size_t max)
{
    struct hit hits[ROWS];
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        size_t value = score(&rows[i], text);
        if (value > 0)
            hits[count++] = (struct hit){&rows[i], value};
    }
    qsort(hits, count, sizeof *hits, by_score);
    if (count > max)
        count = max;
    for (size_t i = 0; i < count; i++)
        ret_rows[i] = hits[i].row;
    return count;
}

size_t ek_catalogue_match_log_line(const char *line, const struct ek_catalogue_row **ret_rows,
                                   size_t max)
{
    return best_hits(matched, line, ret_rows, max);
}

static bool word_stands_in(const char *word, size_t length, const char *text)
{
    for (; text && *text; text++)
        if (strncasecmp(text, word, length) == 0)
            return true;
    return false;
}

/* Letters of the words of `text` that also stand in the row; words of three letters and
 * less say nothing. */
static size_t words_in_common(const struct ek_catalogue_row *row, const char *text)
{
    size_t score = 0;
    while (*text) {
        while (*text && !isalnum((unsigned char)*text))
            text++;
        const char *word = text;
        while (isalnum((unsigned char)*text))
            text++;
        size_t length = (size_t)(text - word);
        if (length > 3 && (word_stands_in(word, length, row->title) ||
                           word_stands_in(word, length, row->patterns)))
            score += length;
    }
    return score;
}

size_t ek_catalogue_near(const char *text, const struct ek_catalogue_row **ret_rows, size_t max)
{
    return best_hits(words_in_common, text, ret_rows, max);
}
