#include "drivers/host/unit_words.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/server_arguments.h"

/* The next line "key=value" at or after `from`; its value, or NULL. */
static const char *next_value(const char *from, const char *key, size_t *ret_length)
{
    size_t key_length = strlen(key);
    for (const char *line = from; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, key, key_length) == 0 && line[key_length] == '=') {
            *ret_length = strcspn(line + key_length + 1, "\n");
            return line + key_length + 1;
        }
    return NULL;
}

/* One assignment, quoted or not, up to a blank: "A=b", "A=b c", $'A=b'. Returns what is behind. */
static const char *take_assignment(const char *at, const char *end, struct ek_buffer *lines)
{
    char quote = 0;
    if (*at == '$' && at + 1 < end && at[1] == '\'')
        at++;
    for (; at < end && (quote || *at != ' '); at++) {
        if (quote && *at == quote)
            quote = 0;
        else if (!quote && (*at == '"' || *at == '\''))
            quote = *at;
        else if (*at == '\\' && quote != '\'' && at + 1 < end)
            ek_buffer_add(lines, ++at, 1);
        else
            ek_buffer_add(lines, at, 1);
    }
    ek_buffer_text_add(lines, "\n");
    return at;
}

static void add_environment(const char *shown, struct ek_buffer *lines)
{
    size_t length;
    const char *value = next_value(shown, "Environment", &length);
    for (const char *at = value; at && at < value + length;) {
        at = take_assignment(at, value + length, lines);
        at += at < value + length;
    }
}

/* A file's "A=b" lines; those of files count more than Environment=, later ones more than earlier
 * ones. */
static void add_environment_file(const struct ek_buffer *text, struct ek_buffer *lines)
{
    for (const char *line = ek_buffer_text(text); *line;) {
        size_t length = strcspn(line, "\n");
        size_t blank = strspn(line, " \t");
        if (blank < length && !strchr("#;", line[blank])) {
            const char *end = line + length;
            for (const char *at = line + blank; at < end; at++)
                if (*at != '"' && *at != '\'' && *at != '\r')
                    ek_buffer_add(lines, at, 1);
            ek_buffer_text_add(lines, "\n");
        }
        line += length + (line[length] == '\n');
    }
}

static void add_environment_files(const char *shown, const struct ek_unit_files *files,
                                  struct ek_buffer *lines)
{
    size_t length;
    const char *value = shown;
    while ((value = next_value(value, "EnvironmentFiles", &length))) {
        EK_BUFFER text = {0};
        char path[PATH_MAX];
        const char *flags = strstr(value, " (ignore_errors");
        size_t size = flags && flags < value + length ? (size_t)(flags - value) : length;
        snprintf(path, sizeof path, "%.*s", (int)(size < PATH_MAX ? size : 0), value);
        if (path[0])
            files->read(files->context, path, &text);
        add_environment_file(&text, lines);
        ek_buffer_fail_with(lines, &text);
        value += length;
    }
}

/* The last line "name=value" counts; a variable that nobody sets is empty. */
static void add_variable(const char *name, size_t name_length, const struct ek_buffer *lines,
                         struct ek_buffer *text)
{
    const char *found = NULL;
    for (const char *line = ek_buffer_text(lines); *line;
         line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, name_length) == 0 && line[name_length] == '=')
            found = line + name_length + 1;
    if (found)
        ek_buffer_add(text, found, strcspn(found, "\n"));
}

static void expand(const char *at, const char *end, const struct ek_buffer *lines,
                   struct ek_buffer *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    while (at < end) {
        bool braced = *at == '$' && at + 1 < end && at[1] == '{';
        const char *name = at + 1 + braced;
        size_t length = *at == '$' ? strspn(name, letters) : 0;
        if (length == 0) {
            ek_buffer_add(text, at++, 1);
            continue;
        }
        add_variable(name, length, lines, text);
        at = name + length + (braced && name[length] == '}');
    }
}

void ek_unit_words(const char *shown, const struct ek_unit_files *files,
                   struct ek_buffer *ret_words)
{
    EK_BUFFER lines = {0};
    EK_BUFFER text = {0};
    size_t length;
    const char *value = next_value(shown, "ExecStart", &length);
    const char *argv = value ? strstr(value, "argv[]=") : NULL;
    if (!argv || argv >= value + length)
        return;
    argv += strlen("argv[]=");
    const char *end = strstr(argv, " ; ignore_errors=");
    if (!end || end > value + length)
        end = value + length;
    add_environment(shown, &lines);
    add_environment_files(shown, files, &lines);
    expand(argv, end, &lines, &text);
    ek_server_words_add(ret_words, ek_buffer_text(&text), text.length);
    ek_buffer_fail_with(ret_words, &lines);
    ek_buffer_fail_with(ret_words, &text);
}
