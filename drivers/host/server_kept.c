#include "drivers/host/server_kept.h"

#include <stdio.h>
#include <string.h>

#include "drivers/host/server_tls_names.h"

static const char mark[] = "# net.tls, kept by Evenkeel while TLS is off: ";

/* ---- keeping ---- */

/* The text of a line without its end. */
static const char *line_text(const struct ek_text_edit *edit, size_t line, size_t *ret_length)
{
    size_t start = ek_text_line(edit, line);
    size_t end = ek_text_line(edit, line + 1);
    while (end > start && strchr("\r\n", edit->text[end - 1]))
        end--;
    *ret_length = end - start;
    return edit->text + start;
}

static bool is_comment(const struct ek_text_edit *edit, size_t line, size_t *ret_indent)
{
    size_t length;
    const char *text = line_text(edit, line, &length);
    size_t indent = 0;
    while (indent < length && strchr(" \t", text[indent]))
        indent++;
    *ret_indent = indent;
    return indent < length && text[indent] == '#';
}

static void add_kept(const struct ek_text_edit *edit, struct ek_buffer *lines, size_t column,
                     const char *text, size_t length)
{
    ek_buffer_printf(lines, "%*s%s", (int)column, "", mark);
    ek_buffer_add(lines, text, length);
    ek_buffer_text_add(lines, edit->line_end);
}

/* Comments right above a key are about it. */
static void keep_comments_above(const struct ek_text_edit *edit, const struct ek_yaml_node *key,
                                size_t first, size_t column, struct ek_buffer *lines)
{
    size_t from = key->line;
    size_t indent;
    while (from > first && is_comment(edit, from - 1, &indent))
        from--;
    for (; from < key->line; from++) {
        size_t length;
        is_comment(edit, from, &indent);
        const char *text = line_text(edit, from, &length);
        add_kept(edit, lines, column, text + indent, length - indent);
    }
}

static void keep_scalar(const struct ek_text_edit *edit, const char *name,
                        const struct ek_yaml_node *value, size_t column, struct ek_buffer *lines)
{
    EK_BUFFER text = {0};
    size_t from = ek_text_at(edit, value->line, value->column);
    size_t to = ek_text_at(edit, value->end_line, value->end_column);
    ek_buffer_printf(&text, "%s: ", name);
    ek_buffer_add(&text, edit->text + from, to - from);
    add_kept(edit, lines, column, ek_buffer_text(&text), text.length);
    ek_buffer_fail_with(lines, &text);
}

static size_t last_line(const struct ek_yaml_node *node)
{
    if (!node->flow && node->count > 0 && node->kind != EK_YAML_SCALAR)
        return last_line(node->values[node->count - 1]);
    return node->end_column == 0 && node->end_line > node->line ? node->end_line - 1
                                                                : node->end_line;
}

/* A key of block style with all its lines, those behind the first as far in as they were. */
static void keep_lines(const struct ek_text_edit *edit, const struct ek_yaml_node *section,
                       size_t index, size_t column, struct ek_buffer *lines)
{
    const struct ek_yaml_node *key = section->keys[index];
    size_t last = last_line(section->values[index]);
    size_t length;
    const char *text = line_text(edit, key->line, &length);
    size_t behind = ek_text_at(edit, key->end_line, key->end_column) - (size_t)(text - edit->text);
    EK_BUFFER first = {0};
    ek_buffer_text_add(&first, ek_tls_name_of_ssl(key->value));
    ek_buffer_add(&first, text + behind, length - behind);
    add_kept(edit, lines, column, ek_buffer_text(&first), first.length);
    ek_buffer_fail_with(lines, &first);
    for (size_t line = key->line + 1; line <= last; line++) {
        text = line_text(edit, line, &length);
        size_t in = key->column < length ? key->column : length;
        add_kept(edit, lines, column, text + in, length - in);
    }
}

/* What servers without TLS have no use for, or what is as Evenkeel would write it. */
static bool is_kept(const char *name, const struct ek_yaml_node *value)
{
    static const char *const own[] = {"mode", "certificateKeyFile", "CAFile", EK_TLS_PASSWORD_KEY,
                                      "sslOnNormalPorts"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0)
            return false;
    return strcmp(name, "allowConnectionsWithoutCertificates") != 0 ||
           value->kind != EK_YAML_SCALAR || strcmp(value->value, "true") != 0;
}

void ek_server_keep(const struct ek_text_edit *edit, const struct ek_yaml_node *section_key,
                    const struct ek_yaml_node *section, struct ek_buffer *ret_lines)
{
    bool ssl = strcmp(section_key->value, "ssl") == 0;
    size_t column = section_key->column;
    if (section->kind != EK_YAML_MAPPING)
        return;
    for (size_t i = 0; i < section->count; i++) {
        const struct ek_yaml_node *key = section->keys[i];
        const struct ek_yaml_node *value = section->values[i];
        const char *name = ssl ? ek_tls_name_of_ssl(key->value) : key->value;
        size_t first = i ? last_line(section->values[i - 1]) + 1 : section_key->line + 1;
        if (!is_kept(name, value))
            continue;
        if (section->flow) {
            keep_scalar(edit, name, value, column, ret_lines);
            continue;
        }
        keep_comments_above(edit, key, first, column, ret_lines);
        keep_lines(edit, section, i, column, ret_lines);
    }
}

/* ---- bringing back ---- */

/* What a comment of ours holds; NULL: the line is none. */
static const char *kept_text(const struct ek_text_edit *edit, size_t line, size_t *ret_length)
{
    size_t indent;
    size_t length;
    const char *text = line_text(edit, line, &length);
    if (!is_comment(edit, line, &indent) || length - indent < strlen(mark) ||
        strncmp(text + indent, mark, strlen(mark)) != 0)
        return NULL;
    *ret_length = length - indent - strlen(mark);
    return text + indent + strlen(mark);
}

/* Whether the text begins a key, and its name. */
static bool begins_key(const char *text, size_t length, char *ret_name, size_t size)
{
    size_t end = 0;
    while (end < length && text[end] != ':')
        end++;
    if (length == 0 || strchr(" \t#", text[0]) || end == length)
        return false;
    snprintf(ret_name, size, "%.*s", (int)end, text);
    return true;
}

bool ek_server_has_kept(const struct ek_text_edit *edit, const char *key)
{
    char name[128];
    for (size_t line = 0; line < edit->line_count; line++) {
        size_t length;
        const char *text = kept_text(edit, line, &length);
        if (text && begins_key(text, length, name, sizeof name) && strcmp(name, key) == 0)
            return true;
    }
    return false;
}

static bool is_one_of(const char *name, const char *const *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return false;
}

static bool was_added(const struct ek_buffer *lines, const char *name, size_t column)
{
    char begin[200];
    snprintf(begin, sizeof begin, "%*s%s:", (int)column, "", name);
    for (const char *line = ek_buffer_text(lines); *line;
         line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, begin, strlen(begin)) == 0)
            return true;
    return false;
}

void ek_server_bring_back(struct ek_text_edit *edit, const char *const *others, size_t other_count,
                          size_t column, struct ek_buffer *ret_lines)
{
    EK_BUFFER comments = {0}; /* those that wait for their key */
    bool skipping = false;
    char name[128];
    for (size_t line = 0; line < edit->line_count; line++) {
        size_t length;
        const char *text = kept_text(edit, line, &length);
        if (!text)
            continue;
        ek_text_replace(edit, ek_text_line(edit, line), ek_text_line(edit, line + 1), "");
        bool comment = length > 0 && text[0] == '#';
        struct ek_buffer *to = comment ? &comments : ret_lines;
        if (begins_key(text, length, name, sizeof name)) {
            skipping = is_one_of(name, others, other_count) || was_added(ret_lines, name, column);
            if (!skipping)
                ek_buffer_add(ret_lines, ek_buffer_text(&comments), comments.length);
            ek_buffer_fail_with(ret_lines, &comments);
            ek_buffer_done(&comments);
        } else if (!comment && skipping) {
            continue;
        }
        if (comment || !skipping) {
            ek_buffer_printf(to, "%*s", (int)column, "");
            ek_buffer_add(to, text, length);
            ek_buffer_text_add(to, edit->line_end);
        }
    }
    ek_buffer_add(ret_lines, ek_buffer_text(&comments), comments.length);
}
