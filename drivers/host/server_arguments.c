#include "drivers/host/server_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_arguments_table.h"
#include "drivers/host/server_tls_names.h"
#include "drivers/host/yaml_tree.h"
#include "reconciler/base/memory.h"

enum { WORD_SIZE = 256, KEY_SIZE = 128, OPTIONS_MAX = 128 };

/* One option, under the name that files have for it. */
struct option {
    char key[KEY_SIZE];
    char value[WORD_SIZE];
    char typed[KEY_SIZE]; /* "--replSet" */
};

struct options {
    struct option *rows;
    size_t count;
    bool names_file; /* by --config or -f */
};

void ek_server_words_add(struct ek_buffer *words, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t end = i;
        while (end < length && !strchr(" \t\n", text[end]))
            end++;
        if (end > i) {
            ek_buffer_add(words, text + i, end - i);
            ek_buffer_add(words, "", 1);
        }
        i = end + 1;
    }
}

static const char *after_dashes(const char *word)
{
    return strncmp(word, "--", 2) == 0 ? word + 2 : word + 1;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && (word[1] == '-' || strspn(word + 1, "0123456789.") == 0);
}

/* "-v" and "-vvv" */
static bool is_verbosity(const char *name)
{
    return *name && name[strspn(name, "v")] == 0;
}

static bool names_the_file(const char *name)
{
    return strcmp(name, "config") == 0 || strcmp(name, "f") == 0;
}

/* `--setParameter name=value` is an option of the parameter's name. */
static void name_parameter(struct option *option)
{
    const char *is = strchr(option->value, '=');
    char value[WORD_SIZE];
    if (!is)
        return;
    snprintf(option->key, sizeof option->key, "setParameter.%.*s", (int)(is - option->value),
             option->value);
    snprintf(option->typed, sizeof option->typed, "--setParameter %.*s", (int)(is - option->value),
             option->value);
    snprintf(value, sizeof value, "%s", is + 1);
    memcpy(option->value, value, sizeof value);
}

/* The option that `word` begins; `next`: the word behind it, or NULL. Whether that was taken. */
static bool read_option(const char *word, const char *next, struct option *option)
{
    char name[KEY_SIZE];
    const char *at = after_dashes(word);
    size_t length = strcspn(at, "=");
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    const struct ek_server_argument *row = ek_server_argument_named(name);
    bool own_value = at[length] == '=';
    bool takes_next =
        !own_value && next && !is_option(next) && !(row && row->value) && !is_verbosity(name);
    const char *value = own_value ? at + length + 1 : takes_next ? next : "";
    snprintf(option->key, sizeof option->key, "%s", row ? row->key : name);
    snprintf(option->value, sizeof option->value, "%s", row && row->value ? row->value : value);
    snprintf(option->typed, sizeof option->typed, "%.*s", (int)(at + length - word), word);
    if (strcmp(name, "setParameter") == 0)
        name_parameter(option);
    return takes_next;
}

static int read_words(const struct ek_buffer *words, struct options *ret_options,
                      struct ek_error *err)
{
    const char *end = ek_buffer_text(words) + words->length;
    const char *word = ek_buffer_text(words);
    ret_options->rows = calloc(OPTIONS_MAX, sizeof *ret_options->rows);
    if (!ret_options->rows)
        return ek_no_memory(err);
    word += word < end ? strlen(word) + 1 : 0; /* the program */
    while (word < end && ret_options->count < OPTIONS_MAX) {
        const char *next = word + strlen(word) + 1;
        struct option *option = &ret_options->rows[ret_options->count];
        if (is_option(word)) {
            bool taken = read_option(word, next < end ? next : NULL, option);
            if (names_the_file(option->key))
                ret_options->names_file = true;
            else if (strncmp(option->key, "configExpand", 12) != 0)
                ret_options->count++;
            next += taken ? strlen(next) + 1 : 0;
        }
        word = next;
    }
    return 0;
}

static const struct option *find(const struct options *options, const struct option *wanted)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->rows[i].key, wanted->key) == 0 &&
            strcmp(options->rows[i].value, wanted->value) == 0)
            return &options->rows[i];
    return NULL;
}

/* The name under net.tls of a key of net.ssl. */
static const char *canonical(const char *name, char *buffer, size_t size)
{
    if (strncmp(name, "net.ssl.", 8) != 0 || strcmp(name, "net.ssl.mode") == 0)
        return name;
    snprintf(buffer, size, "net.tls.%s", ek_tls_name_of_ssl(name + 8));
    return buffer;
}

static bool file_says(const struct ek_yaml_options *file, const struct option *option)
{
    char buffer[KEY_SIZE];
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(canonical(file->rows[i].name, buffer, sizeof buffer), option->key) == 0)
            return strcmp(file->rows[i].value, option->value) == 0;
    return false;
}

static void add_text(char *list, size_t size, const char *separator, const char *text)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? separator : "", text);
}

static void add_option(char *list, size_t size, const struct option *option)
{
    char text[KEY_SIZE + WORD_SIZE + 2];
    bool secret = strstr(option->key, "assword") != NULL;
    bool parameter = strncmp(option->key, "setParameter.", 13) == 0;
    const struct ek_server_argument *row = ek_server_argument_named(after_dashes(option->typed));
    const char *value = secret ? "<password>" : row && row->value ? "" : option->value;
    snprintf(text, sizeof text, "%s%s%s", option->typed,
             !*value     ? ""
             : parameter ? "="
                         : " ",
             value);
    add_text(list, size, ", ", text);
}

static int read_file(const struct ek_server_text *file, struct ek_yaml_options *ret_options)
{
    EK_YAML_TREE tree = {0};
    if (file->length == 0)
        return 0;
    int result = ek_yaml_tree_parse(file->bytes, file->length, file->path, &tree, NULL);
    return result ? result : ek_yaml_options_of(&tree, file->path, ret_options, NULL);
}

static void compare(const struct options *running, const struct options *next,
                    const struct ek_yaml_options *file, struct ek_host_options *found)
{
    for (size_t i = 0; i < running->count; i++) {
        const struct option *option = &running->rows[i];
        if (strcmp(option->key, "security.keyFile") == 0)
            snprintf(found->key_file, sizeof found->key_file, "%s", option->value);
        if (find(next, option))
            add_text(found->kept, sizeof found->kept, " ", option->key);
        else if (!file_says(file, option))
            add_option(found->lost, sizeof found->lost, option);
    }
    for (size_t i = 0; i < next->count; i++)
        if (!find(running, &next->rows[i]) && !file_says(file, &next->rows[i]))
            add_option(found->added, sizeof found->added, &next->rows[i]);
    if (running->names_file && !next->names_file)
        add_text(found->lost, sizeof found->lost, ", ", "--config");
}

int ek_server_arguments_compare(const struct ek_server_start *start,
                                struct ek_host_options *ret_options, struct ek_error *err)
{
    struct options running = {0};
    struct options next = {0};
    EK_YAML_OPTIONS file = {0};
    struct ek_host_options found = {.lost = ""};
    int result = read_words(start->running, &running, err);
    if (result == 0)
        result = read_words(start->next, &next, err);
    if (result == 0 && read_file(&start->file, &file) == EK_NO_MEMORY)
        result = ek_no_memory(err);
    if (result == 0) {
        compare(&running, &next, &file, &found);
        *ret_options = found;
    }
    free(running.rows);
    free(next.rows);
    return result;
}
