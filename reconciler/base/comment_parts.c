#include "reconciler/base/comment_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

/* ---- markers ----------------------------------------------------------------------------- */

static const char mark_begin[] = "<!-- evenkeel:plan ";
static const char mark_plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._/";

/* A hyphen is escaped too: two of them would end the marker. */
static void mark_name(struct ek_buffer *text, const char *fleet)
{
    if (!fleet || !fleet[0])
        ek_buffer_text_add(text, ".");
    for (const char *at = fleet ? fleet : ""; *at; at++)
        if (strchr(mark_plain, *at))
            ek_buffer_add(text, at, 1);
        else
            ek_buffer_printf(text, "%%%02X", (unsigned char)*at);
}

void ek_comment_mark(struct ek_buffer *text, const char *fleet, size_t part, size_t parts)
{
    ek_buffer_text_add(text, mark_begin);
    mark_name(text, fleet);
    ek_buffer_printf(text, " %zu/%zu -->\n", part, parts);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static void unmark_name(const char *name, size_t length, struct ek_buffer *fleet)
{
    if (length == 1 && name[0] == '.')
        return;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        int high = c == '%' && i + 2 < length ? hex_digit(name[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(name[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        ek_buffer_add(fleet, &c, 1);
    }
}

/* A number of at most six digits; 0 when there is none. */
static size_t read_number(const char **at)
{
    size_t number = 0;
    for (int digits = 0; **at >= '0' && **at <= '9' && digits < 6; digits++, (*at)++)
        number = number * 10 + (size_t)(**at - '0');
    return number;
}

static bool skip(const char **at, const char *words)
{
    size_t length = strlen(words);
    if (strncmp(*at, words, length) != 0)
        return false;
    *at += length;
    return true;
}

bool ek_comment_marked(const char *body, struct ek_buffer *ret_fleet, size_t *ret_part,
                       size_t *ret_length)
{
    enum { NAME_LONGEST = 4096 };
    const char *at = body;
    if (!skip(&at, mark_begin))
        return false;
    const char *name = at;
    size_t length = strcspn(name, " \r\n");
    at += length;
    if (length == 0 || length > NAME_LONGEST || !skip(&at, " "))
        return false;
    size_t part = read_number(&at);
    if (part == 0 || !skip(&at, "/") || read_number(&at) == 0 || !skip(&at, " -->"))
        return false;
    unmark_name(name, length, ret_fleet);
    *ret_part = part;
    skip(&at, "\r");
    skip(&at, "\n");
    if (ret_length)
        *ret_length = (size_t)(at - body);
    return true;
}

/* ---- parts ------------------------------------------------------------------------------- */

/* Folds that are followed: what closes them all has to fit into the reserve. */
enum { FOLDS_MAX = 20 };

/* What is open at a line: the fence to close a block with, and how deep folds are nested. */
struct open {
    char fence[128]; /* "" outside of blocks */
    char language[16];
    size_t folds;
};

static bool begins(const char *line, size_t length, const char *what)
{
    return length >= strlen(what) && memcmp(line, what, strlen(what)) == 0;
}

static void step_over(struct open *open, const char *line, size_t length)
{
    size_t ticks = 0;
    while (ticks < length && line[ticks] == '`')
        ticks++;
    size_t rest = length - ticks;
    while (rest && strchr("\r\n ", line[ticks + rest - 1]))
        rest--;
    if (ticks >= 3 && ticks < sizeof open->fence) {
        if (!open->fence[0]) {
            memset(open->fence, '`', ticks);
            open->fence[ticks] = 0;
            snprintf(open->language, sizeof open->language, "%.*s", (int)rest, line + ticks);
            return;
        }
        if (rest == 0 && ticks >= strlen(open->fence)) {
            open->fence[0] = 0;
            return;
        }
    }
    if (open->fence[0])
        return;
    if (begins(line, length, "<details>") && open->folds < FOLDS_MAX)
        open->folds++;
    else if (begins(line, length, "</details>") && open->folds)
        open->folds--;
}

static void close_all(const struct open *open, struct ek_buffer *text)
{
    if (open->fence[0])
        ek_buffer_printf(text, "%s\n", open->fence);
    for (size_t i = 0; i < open->folds; i++)
        ek_buffer_text_add(text, "\n</details>\n");
}

static void open_all(const struct open *open, struct ek_buffer *text)
{
    for (size_t i = 0; i < open->folds; i++)
        ek_buffer_text_add(text, "<details><summary>continued</summary>\n\n");
    if (open->fence[0])
        ek_buffer_printf(text, "%s%s\n", open->fence, open->language);
}

/* Room for the marker, for what is closed, and for the sentence about what is left out. */
static int reserve(const char *fleet, size_t *ret_length, struct ek_error *err)
{
    EK_BUFFER marker = {0};
    ek_comment_mark(&marker, fleet, 999999, 999999);
    *ret_length = marker.length + 600;
    return ek_buffer_check(&marker, err);
}

/* The longest beginning of a too long line that ends between characters. */
static size_t whole_characters(const char *line, size_t length)
{
    while (length > 1 && ((unsigned char)line[length] & 0xC0) == 0x80)
        length--;
    return length;
}

static int add_part(struct ek_comment_parts *parts, struct ek_buffer *text, struct ek_error *err)
{
    char **more = reallocarray(parts->texts, parts->count + 1, sizeof *more);
    if (!more || text->failed)
        ek_buffer_done(text);
    parts->texts = more ? more : parts->texts;
    char *taken = more ? ek_buffer_take(text) : NULL;
    if (!taken)
        return ek_no_memory(err);
    parts->texts[parts->count++] = taken;
    return 0;
}

static int mark_all(struct ek_comment_parts *parts, const char *fleet, struct ek_error *err)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct ek_buffer text = {0};
        ek_comment_mark(&text, fleet, i + 1, parts->count);
        ek_buffer_text_add(&text, parts->texts[i]);
        if (text.failed)
            return ek_no_memory(err);
        free(parts->texts[i]);
        parts->texts[i] = ek_buffer_take(&text);
    }
    return 0;
}

int ek_comment_split(const char *markdown, const char *fleet, size_t limit,
                     struct ek_comment_parts *ret_parts, struct ek_error *err)
{
    struct ek_comment_parts parts = {0};
    struct open open = {0};
    EK_BUFFER part = {0};
    size_t reserved = 0;
    int result = reserve(fleet, &reserved, err);
    size_t room = limit - reserved;
    const char *at = markdown;
    while (result == 0 && *at) {
        size_t length = strcspn(at, "\n");
        length += at[length] == '\n';
        if (part.length + length > room && part.length > room / 2) {
            close_all(&open, &part);
            bool last = parts.count + 1 == EK_COMMENT_PARTS_MAX;
            if (last)
                ek_buffer_text_add(&part, "\n**The rest is left out here:** `evenkeel plan` shows "
                                          "all of it.\n");
            result = add_part(&parts, &part, err);
            if (last || result != 0)
                break;
            open_all(&open, &part);
        }
        if (part.length + length > room)
            length = whole_characters(at, room - part.length);
        step_over(&open, at, length);
        ek_buffer_add(&part, at, length);
        at += length;
    }
    if (result == 0)
        result = ek_buffer_check(&part, err);
    if (result == 0 && (part.length || parts.count == 0))
        result = add_part(&parts, &part, err);
    if (result == 0)
        result = mark_all(&parts, fleet, err);
    if (result != 0) {
        ek_comment_parts_done(&parts);
        return result;
    }
    *ret_parts = parts;
    return 0;
}

void ek_comment_parts_done(struct ek_comment_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        free(parts->texts[i]);
    free(parts->texts);
    *parts = (struct ek_comment_parts){0};
}

void ek_comment_title(const char *markdown, struct ek_buffer *title)
{
    static const char prefix[] = "Evenkeel: ";
    const char *at = strncmp(markdown, "## ", 3) == 0 ? markdown : strstr(markdown, "\n## ");
    if (!at)
        return;
    at = strchr(at, ' ') + 1;
    if (strncmp(at, prefix, sizeof prefix - 1) == 0)
        at += sizeof prefix - 1;
    for (; *at && *at != '\n' && *at != '\r'; at++)
        if (!strchr("`*\\", *at))
            ek_buffer_add(title, at, 1);
}
