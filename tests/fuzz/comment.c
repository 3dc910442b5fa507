/* Comments made of anything: `make fuzz TARGET=comment`. Nothing leaves its span or block, each
 * part fits and carries its marker, and what was text stays text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/comment_parts.h"
#include "reconciler/report/comment.h"
#include "specs/text.h"
#include "tests/fuzz/hold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t ticks_at(const char *text)
{
    return strspn(text, "`");
}

static void span(const char *words)
{
    EK_BUFFER code = {0};
    ek_markdown_code(&code, words);
    const char *text = ek_buffer_text(&code);
    size_t ticks = ticks_at(text);
    if (!*text)
        return;
    hold(ticks > 0 && !strchr(text, '\n') && !strchr(text, '\r') && code.length > 2 * ticks);
    const char *end = text + code.length - ticks;
    hold(strspn(end, "`") == ticks && end[-1] != '`');
    for (const char *at = text + ticks; at < end; at++) {
        size_t run = ticks_at(at);
        hold(run < ticks);
        at += run;
    }
}

static void sentence(const char *words)
{
    EK_BUFFER plain = {0};
    ek_markdown_text(&plain, words);
    const char *text = ek_buffer_text(&plain);
    hold(!strpbrk(text, "\n\r<>"));
    for (const char *at = text; (at = strpbrk(at, "@#!")); at++)
        hold(strncmp(at + 1, "&#8203;", 7) == 0 || (at > text && at[-1] == '&'));
}

static void block(const char *words)
{
    EK_BUFFER whole = {0};
    ek_markdown_block(&whole, "text", words);
    const char *text = ek_buffer_text(&whole);
    size_t ticks = ticks_at(text);
    const char *last = text + whole.length - ticks - 1;
    hold(ticks >= 3 && strncmp(text + ticks, "text\n", 5) == 0 && last[-1] == '\n');
    for (const char *at = strchr(text, '\n') + 1; at < last; at = strchr(at, '\n') + 1)
        hold(ticks_at(at) < ticks);
    hold(ticks_at(last) == ticks);
}

static bool is_text(const char *text, size_t length)
{
    uint32_t character;
    for (size_t at = 0; at < length;) {
        size_t bytes = ek_utf8_decode(text + at, length - at, &character);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

static void parts(const char *words, const char *fleet)
{
    enum { LIMIT = 4000 };
    struct ek_comment_parts made;
    hold(ek_comment_split(words, fleet, LIMIT, &made, NULL) == 0);
    hold(made.count > 0 && made.count <= EK_COMMENT_PARTS_MAX);
    bool text = is_text(words, strlen(words));
    for (size_t i = 0; i < made.count; i++) {
        EK_BUFFER named = {0};
        size_t part = 0;
        size_t length = strlen(made.texts[i]);
        hold(length <= LIMIT);
        hold(ek_comment_marked(made.texts[i], &named, &part, NULL) && part == i + 1);
        hold(strcmp(ek_buffer_text(&named), fleet) == 0);
        hold(!text || is_text(made.texts[i], length));
    }
    ek_comment_parts_done(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EK_BUFFER text = {0};
    EK_BUFFER named = {0};
    EK_BUFFER title = {0};
    size_t part = 0;
    size_t length = 0;
    char fleet[EK_COMMENT_FLEET_MAX + 1];
    ek_buffer_add(&text, data, size);
    const char *words = ek_buffer_text(&text);
    snprintf(fleet, sizeof fleet, "%s", words);
    if (strcmp(fleet, ".") != 0)
        parts(words, fleet);
    if (ek_comment_marked(words, &named, &part, &length))
        hold(length <= strlen(words) && part > 0);
    ek_comment_title(words, &title);
    hold(!strpbrk(ek_buffer_text(&title), "\n\r`"));
    span(words);
    sentence(words);
    block(words);
    return 0;
}
