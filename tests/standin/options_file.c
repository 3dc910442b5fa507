/* The configuration file: YAML by libyaml, and `__exec` expansion of single values. */
#include "log.h"
#include "options.h"
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct reader {
    struct settings *settings;
    yaml_document_t document;
    const char *expand;
};

static const char *scalar(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static const yaml_node_t *child(struct reader *r, const yaml_node_t *map, const char *name)
{
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(&r->document, p->key);

        if (key->type == YAML_SCALAR_NODE && strcmp(scalar(key), name) == 0)
            return yaml_document_get_node(&r->document, p->value);
    }
    return NULL;
}

static char *run_command(const char *command)
{
    FILE *pipe = popen(command, "re");
    char *out = NULL, buf[4096];
    size_t n = 0, got;
    int status;

    if (pipe == NULL)
        options_refuse("Failed executing subprocess: %s", strerror(errno));
    while ((got = fread(buf, 1, sizeof buf, pipe)) > 0) {
        out = xrealloc(out, n + got + 1);
        memcpy(out + n, buf, got);
        n += got;
    }
    status = pclose(pipe);
    if (status != 0)
        options_refuse(
            "Failed expanding __exec section: OperationFailed: Exec process exited with status %d",
            status >> 8);
    if (out == NULL)
        return xstrdup("");
    out[n] = '\0';
    return out;
}

/* Whoever runs commands of the file, or sends requests, has it to themself. */
static void check_owner_and_mode(FILE *file, const char *kinds)
{
    static const struct {
        const char *kind, *word;
        mode_t prohibited;
    } rules[] = {{"rest", "readable", S_IRGRP | S_IROTH}, {"exec", "writable", S_IWGRP | S_IWOTH}};
    struct stat st;

    if (kinds == NULL || fstat(fileno(file), &st) != 0)
        return;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (strstr(kinds, rules[i].kind) == NULL)
            continue;
        if (st.st_uid != getuid())
            options_refuse("When using --configExpand=%s, config file must be exclusively %s by "
                           "current process user. File is not owned by current user",
                           rules[i].kind, rules[i].word);
        if ((st.st_mode & rules[i].prohibited) != 0)
            options_refuse("When using --configExpand=%s, config file must be exclusively %s by "
                           "current process user. File is %s by non-owner users",
                           rules[i].kind, rules[i].word, rules[i].word);
    }
}

static char *expand(struct reader *r, const char *key, const yaml_node_t *map)
{
    const yaml_node_t *exec = child(r, map, "__exec"), *trim = child(r, map, "trim");
    char *value;

    if (exec == NULL && child(r, map, "__rest") != NULL)
        options_refuse("%s.__rest support has not been enabled", key);
    if (exec == NULL)
        return NULL;
    if (r->expand == NULL || strstr(r->expand, "exec") == NULL)
        options_refuse("%s.__exec support has not been enabled", key);
    if (exec->type != YAML_SCALAR_NODE)
        options_refuse("%s.__exec must be a string", key);
    log_line('I', "CONTROL", "Processing __exec config expansion for: %s", key);
    value = run_command(scalar(exec));
    if (trim != NULL && trim->type == YAML_SCALAR_NODE && strcmp(scalar(trim), "whitespace") == 0) {
        size_t n = strlen(value), skip = strspn(value, " \t\r\n");

        while (n > skip && isspace((unsigned char)value[n - 1]))
            n--;
        memmove(value, value + skip, n - skip);
        value[n - skip] = '\0';
    }
    return value;
}

/* The sections of which there are options: a mapping there isn't a value. */
static bool is_parameters(const char *key)
{
    return strcmp(key, "setParameter") == 0;
}

static void take(struct reader *r, const char *key, const char *text)
{
    const struct option_row *row = option_by_key(key);
    const char *canonical;

    if (is_parameters(key))
        options_refuse("Option: setParameter is of type StringMap, but value in YAML config is not "
                       "a map type");
    if (row == NULL)
        options_refuse("Unrecognized option: %s", key);
    canonical = option_canonical(row);
    if (row->instead != NULL)
        log_line('W', "CONTROL", "Option: %s is deprecated. Please use %s instead.", key,
                 canonical);
    options_check_type(row, key, text);
    if (!settings_add(r->settings, canonical, text, row->type))
        options_refuse("Error parsing YAML config: duplicate key: %s%s%s%s", key,
                       row->instead == NULL ? "" : "(canonical key: ",
                       row->instead == NULL ? "" : canonical, row->instead == NULL ? "" : ")");
}

static void take_parameters(struct reader *r, const yaml_node_t *map)
{
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *name = yaml_document_get_node(&r->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(&r->document, p->value);
        char *key = xprintf("setParameter.%s", scalar(name)), *expanded = NULL;

        if (value->type == YAML_MAPPING_NODE)
            expanded = expand(r, key, value);
        if (expanded == NULL && value->type != YAML_SCALAR_NODE)
            options_refuse("setParameter has a map with non scalar values, which is not allowed");
        if (!settings_add(r->settings, key, expanded != NULL ? expanded : scalar(value),
                          OPT_STRING))
            options_refuse("String Map Option: setParameter has duplicate keys in YAML Config: %s",
                           scalar(name));
        free(expanded);
        free(key);
    }
}

static void walk(struct reader *r, const char *prefix, const yaml_node_t *map);

/* What stands at a key: a value, a section, or what a command has to say. */
static void take_node(struct reader *r, const char *key, const yaml_node_t *value)
{
    char *expanded;

    if (value->type == YAML_SCALAR_NODE) {
        take(r, key, scalar(value));
    } else if (value->type == YAML_SEQUENCE_NODE) {
        if (option_by_key(key) == NULL && !is_parameters(key))
            options_refuse("Unrecognized option: %s", key);
        options_refuse("Scalar option '%s' must be a single value", key);
    } else if (is_parameters(key)) {
        take_parameters(r, value);
    } else {
        expanded = expand(r, key, value);
        if (expanded != NULL)
            take(r, key, expanded);
        else
            walk(r, key, value);
        free(expanded);
    }
}

/* A key named `value` stands for the section that it is in. */
static void walk(struct reader *r, const char *prefix, const yaml_node_t *map)
{
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *name = yaml_document_get_node(&r->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(&r->document, p->value);
        char *key;

        if (name->type != YAML_SCALAR_NODE || *scalar(name) == '\0')
            options_refuse("Found empty key in YAML config file");
        key = *prefix == '\0'                      ? xstrdup(scalar(name))
              : strcmp(scalar(name), "value") == 0 ? xstrdup(prefix)
                                                   : xprintf("%s.%s", prefix, scalar(name));
        take_node(r, key, value);
        free(key);
    }
}

/* What a number's text is wrong about; NULL when it is a number. Good until this thread asks again.
 */
static const char *number_trouble(const char *text, bool whole)
{
    static _Thread_local char trouble[300];
    char *end;

    if (*text == '\0')
        return whole ? "No digits" : "Empty string";
    errno = 0;
    if (whole)
        (void)strtol(text, &end, 10);
    else
        (void)strtod(text, &end);
    if (*end != '\0') {
        if (!whole)
            return "Did not consume whole number.";
        if (end == text && (*end == '-' || *end == '+'))
            end++;
        put(trouble, sizeof trouble, "Bad digit \"%c\" while parsing %s", *end, text);
        return trouble;
    }
    return errno == 0 ? NULL : whole ? "Overflow" : "Out of range";
}

void options_check_type(const struct option_row *row, const char *name, const char *text)
{
    bool whole = row->type == OPT_INT, truth = row->type == OPT_BOOL || row->type == OPT_SWITCH;
    const char *trouble = whole || row->type == OPT_DOUBLE ? number_trouble(text, whole) : NULL;

    if (trouble != NULL)
        options_refuse("Error parsing option \"%s\" as %s: %s", name, whole ? "int" : "double in",
                       trouble);
    if (truth && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        options_refuse("Expected boolean%s but found string: %s for option: %s",
                       row->type == OPT_SWITCH ? " switch" : "", text, name);
}

static void check_expand(const char *kinds)
{
    char *copy = xstrdup(kinds == NULL ? "none" : kinds), *save = NULL;

    if (strcmp(copy, "none") != 0)
        for (char *w = strtok_r(copy, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save))
            if (strcmp(w, "rest") != 0 && strcmp(w, "exec") != 0)
                options_refuse("Invalid value for --configExpand: '%s'", w);
    free(copy);
}

/* Until 4.4 every file that isn't there is a directory. */
static FILE *open_file(const char *path)
{
    bool older = !version_at_least(5, 0);
    struct stat st;
    FILE *file;
    int why = stat(path, &st) != 0   ? (older ? EISDIR : ENOENT)
              : S_ISDIR(st.st_mode)  ? EISDIR
              : !S_ISREG(st.st_mode) ? (older ? EISDIR : -1)
                                     : 0;

    if (why != 0 && older)
        options_refuse("Error opening config file: %s", strerror(why));
    if (why != 0)
        options_refuse("Error opening config file '%s': %s", path,
                       why < 0 ? "Invalid file type" : strerror(why));
    file = fopen(path, "re");
    if (file == NULL)
        options_refuse("Error opening config file: errno:%d %s", errno, strerror(errno));
    return file;
}

/* What isn't YAML's idea of a mapping would be an old style of file, `name=value`. */
static void check_root(const yaml_node_t *root)
{
    if (root->type == YAML_SCALAR_NODE)
        options_refuse("Error parsing INI config file: the options configuration file contains an "
                       "invalid line '%.*s'",
                       (int)strcspn(scalar(root), "\n"), scalar(root));
    if (root->type != YAML_MAPPING_NODE)
        options_refuse("No map found at top level of YAML config");
}

void options_read_file(struct settings *s, const char *path, const char *expand_kinds)
{
    struct reader r = {.settings = s, .expand = expand_kinds};
    yaml_parser_t parser;
    const yaml_node_t *root;
    FILE *file;

    check_expand(expand_kinds);
    file = open_file(path);
    check_owner_and_mode(file, expand_kinds);
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &r.document))
        options_refuse(
            "Error parsing YAML config file: yaml-cpp: error at line %zu, column %zu: %s",
            parser.problem_mark.line + 1, parser.problem_mark.column + 1,
            parser.problem == NULL ? "unreadable" : parser.problem);
    root = yaml_document_get_root_node(&r.document);
    if (root != NULL) {
        check_root(root);
        walk(&r, "", root);
    }
    yaml_document_delete(&r.document);
    yaml_parser_delete(&parser);
    fclose(file);
}
