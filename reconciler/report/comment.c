#include "reconciler/report/comment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/comment_parts.h"
#include "reconciler/base/memory.h"
#include "specs/text.h"

/* ---- harmless Markdown ------------------------------------------------------------------- */

/* What is no text at all is shown escaped, and lines become one. */
static void one_line(const char *words, struct ek_buffer *line)
{
    while (*words) {
        size_t length = strcspn(words, "\n\r\t");
        ek_text_show(line, words, length);
        words += length;
        size_t gap = strspn(words, "\n\r\t");
        if (gap)
            ek_buffer_text_add(line, " ");
        words += gap;
    }
}

static size_t longest_run(const char *text, char wanted)
{
    size_t longest = 0;
    size_t run = 0;
    for (; *text; text++) {
        run = *text == wanted ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void repeat(struct ek_buffer *text, const char *what, size_t times)
{
    while (times--)
        ek_buffer_text_add(text, what);
}

void ek_markdown_code(struct ek_buffer *text, const char *words)
{
    EK_BUFFER line = {0};
    one_line(words, &line);
    ek_buffer_fail_with(text, &line);
    if (line.length == 0)
        return;
    size_t ticks = longest_run(line.bytes, '`') + 1;
    bool padded = line.bytes[0] == '`' || line.bytes[line.length - 1] == '`' ||
                  line.bytes[0] == ' ' || line.bytes[line.length - 1] == ' ';
    repeat(text, "`", ticks);
    ek_buffer_text_add(text, padded ? " " : "");
    ek_buffer_text_add(text, line.bytes);
    ek_buffer_text_add(text, padded ? " " : "");
    repeat(text, "`", ticks);
}

void ek_markdown_text(struct ek_buffer *text, const char *words)
{
    static const struct {
        char character;
        const char *instead;
    } table[] = {
        {'&', "&amp;"},
        {'<', "&lt;"},
        {'>', "&gt;"},
        {'\\', "\\\\"},
        {'`', "\\`"},
        {'*', "\\*"},
        {'_', "\\_"},
        {'[', "\\["},
        {']', "\\]"},
        {'|', "\\|"},
        {'~', "\\~"},
        {'$', "\\$"},
        /* Hosts look for mentions, references and addresses in what is left after rendering: a
         * space of no width stands in their way. */
        {'@', "@&#8203;"},
        {'#', "#&#8203;"},
        {'!', "!&#8203;"},
    };
    EK_BUFFER line = {0};
    one_line(words, &line);
    ek_buffer_fail_with(text, &line);
    for (const char *at = ek_buffer_text(&line); *at; at++) {
        const char *instead = NULL;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
            if (table[i].character == *at)
                instead = table[i].instead;
        if (instead)
            ek_buffer_text_add(text, instead);
        else
            ek_buffer_add(text, at, 1);
        if (strncmp(at, "://", 3) == 0)
            ek_buffer_text_add(text, "&#8203;");
    }
}

void ek_markdown_block(struct ek_buffer *text, const char *language, const char *content)
{
    size_t ticks = longest_run(content, '`') + 1;
    ticks = ticks < 3 ? 3 : ticks;
    repeat(text, "`", ticks);
    ek_buffer_printf(text, "%s\n", language);
    while (*content) {
        size_t length = strcspn(content, "\n");
        ek_text_show(text, content, length);
        ek_buffer_text_add(text, "\n");
        content += length + (content[length] == '\n');
    }
    repeat(text, "`", ticks);
    ek_buffer_text_add(text, "\n");
}

/* ---- comments without a plan ------------------------------------------------------------- */

static void begin(const char *fleet, struct ek_buffer *text)
{
    ek_comment_mark(text, fleet, 1, 1);
    ek_buffer_text_add(text, "## Evenkeel: ");
    if (fleet && fleet[0]) {
        ek_markdown_code(text, fleet);
        ek_buffer_text_add(text, ": ");
    }
}

void ek_diagnostics_markdown(const char *fleet, const char *commit,
                             const struct ek_diagnostics *diagnostics, struct ek_buffer *text)
{
    EK_BUFFER listing = {0};
    begin(fleet, text);
    ek_buffer_printf(text, "%zu error%s in the specs\n\n", diagnostics->count,
                     diagnostics->count == 1 ? "" : "s");
    ek_buffer_text_add(text, "Nothing can be planned or applied from these specs");
    if (commit)
        ek_buffer_printf(text, " (commit `%.7s`)", commit);
    ek_buffer_text_add(text, "; the running databases are not touched.\n\n");
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct ek_diagnostic *item = &diagnostics->items[i];
        EK_BUFFER place = {0};
        ek_buffer_printf(&place, "%s:%d:%d", item->file, item->line, item->column);
        ek_buffer_text_add(text, "- ");
        ek_markdown_code(text, ek_buffer_text(&place));
        ek_buffer_fail_with(text, &place);
        ek_buffer_text_add(text, " ");
        ek_markdown_code(text, item->sentence);
        if (item->hint) {
            ek_buffer_text_add(text, ", hint: ");
            ek_markdown_code(text, item->hint);
        }
        ek_buffer_text_add(text, "\n");
    }
    ek_diagnostics_render(diagnostics, false, &listing);
    ek_buffer_text_add(text, "\n<details><summary>The lines in question</summary>\n\n");
    ek_markdown_block(text, "text", ek_buffer_text(&listing));
    ek_buffer_fail_with(text, &listing);
    ek_buffer_text_add(text, "\n</details>\n\nTo see the same where you edit:\n\n");
    ek_markdown_block(text, "sh", "evenkeel validate PATH\n");
}

void ek_error_markdown(const char *fleet, const struct ek_error *err, struct ek_buffer *text)
{
    begin(fleet, text);
    ek_buffer_text_add(text, "there is no plan\n\nEvenkeel could not make one: ");
    ek_markdown_code(text, err->sentence);
    ek_buffer_text_add(text, "\n");
    if (err->cause[0]) {
        ek_buffer_text_add(text, "\n- cause: ");
        ek_markdown_code(text, err->cause);
    }
    if (err->hint[0]) {
        ek_buffer_text_add(text, "\n- hint: ");
        ek_markdown_code(text, err->hint);
    }
    ek_buffer_printf(text, "\n- more: `evenkeel explain %s`\n\nNothing was changed.\n", err->id);
}
