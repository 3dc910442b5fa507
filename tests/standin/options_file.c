/* The configuration file: YAML by libyaml, and `__exec` expansion of single values. */
#include "log.h"
#include "options.h"

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
    const char *path;
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

/* The file must not be writable by others when its commands are run. */
static void check_writable_by_owner_only(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        options_refuse("Error opening config file '%s': %s", path, strerror(errno));
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        options_refuse("When using --configExpand=exec, config file must be exclusively writable "
                       "by current process "
                       "user, and no others: %s",
                       path);
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
    check_writable_by_owner_only(r->path);
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

static void check_type(const struct option_row *row, const char *text)
{
    char *end;

    errno = 0;
    if (row->type == OPT_INT) {
        (void)strtol(text, &end, 10);
        if (*end != '\0' || *text == '\0' || errno != 0)
            options_refuse("Error parsing option \"%s\" as int: Failed to parse number: '%s'",
                           row->key, text);
    } else if (row->type == OPT_DOUBLE) {
        (void)strtod(text, &end);
        if (*end != '\0' || *text == '\0')
            options_refuse("Error parsing option \"%s\" as double: Failed to parse number: '%s'",
                           row->key, text);
    } else if (row->type == OPT_BOOL || row->type == OPT_SWITCH) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            options_refuse(
                "Error parsing option \"%s\" as bool: Expected boolean but found string: '%s'",
                row->key, text);
    }
}

static void take(struct reader *r, const char *key, const char *text)
{
    const struct option_row *row = option_by_key(key);

    if (strncmp(key, "setParameter.", 13) == 0) {
        settings_add(r->settings, key, text, OPT_STRING);
        return;
    }
    if (row == NULL || strcmp(key, "config") == 0 || strcmp(key, "configExpand") == 0)
        options_refuse("Unrecognized option: %s", key);
    check_type(row, text);
    settings_add(r->settings, key, text, row->type);
}

static void walk(struct reader *r, const char *prefix, const yaml_node_t *map)
{
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *name = yaml_document_get_node(&r->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(&r->document, p->value);
        char *key, *expanded;

        if (name->type != YAML_SCALAR_NODE)
            options_refuse("Error parsing YAML config file: keys must be scalars");
        key = *prefix == '\0' ? xstrdup(scalar(name)) : xprintf("%s.%s", prefix, scalar(name));
        if (value->type == YAML_SCALAR_NODE) {
            take(r, key, scalar(value));
        } else if (value->type == YAML_MAPPING_NODE) {
            expanded = expand(r, key, value);
            if (expanded != NULL)
                take(r, key, expanded);
            else
                walk(r, key, value);
            free(expanded);
        } else {
            options_refuse("Unrecognized option: %s", key);
        }
        free(key);
    }
}

void options_read_file(struct settings *s, const char *path, const char *expand_kinds)
{
    struct reader r = {.settings = s, .expand = expand_kinds, .path = path};
    FILE *file = fopen(path, "re");
    yaml_parser_t parser;
    const yaml_node_t *root;

    if (file == NULL)
        options_refuse("Error opening config file '%s': %s", path, strerror(errno));
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &r.document))
        options_refuse(
            "Error parsing YAML config file: yaml-cpp: error at line %zu, column %zu: %s",
            parser.problem_mark.line + 1, parser.problem_mark.column + 1,
            parser.problem == NULL ? "unreadable" : parser.problem);
    root = yaml_document_get_root_node(&r.document);
    if (root != NULL && root->type != YAML_MAPPING_NODE)
        options_refuse("Error parsing YAML config file: expected a mapping");
    if (root != NULL)
        walk(&r, "", root);
    yaml_document_delete(&r.document);
    yaml_parser_delete(&parser);
    fclose(file);
}
