#include "keyfile.h"
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

struct keyfile keyfile;

static bool add_key(const char *path, const char *text)
{
    const char *whole = text;
    char *key = xalloc(strlen(text) + 1);
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text))
            continue;
        if (!isalnum((unsigned char)*text) && *text != '+' && *text != '/' && *text != '=') {
            log_line('I', "ACCESS", "invalid char in key file %s: %s", path, whole);
            free(key);
            return false;
        }
        key[n++] = *text;
    }
    if (n < 6 || n > 1024) {
        log_line('E', "ACCESS",
                 " security key in %s has length %zu, must be between 6 and 1024 chars", path, n);
        free(key);
        return false;
    }
    keyfile.key[keyfile.n++] = key;
    return true;
}

static bool add_keys(const char *path, yaml_document_t *document)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);
    ptrdiff_t n;

    if (root == NULL) {
        log_line('I', "ACCESS", "Security key file %s does not contain any valid keys", path);
        return false;
    }
    if (root->type == YAML_SCALAR_NODE)
        return add_key(path, (const char *)root->data.scalar.value);
    if (root->type != YAML_SEQUENCE_NODE) {
        log_line('I', "ACCESS", "Only strings and sequences are supported for YAML key files");
        return false;
    }
    n = root->data.sequence.items.top - root->data.sequence.items.start;
    if (n == 0) {
        log_line('I', "ACCESS", "Security key file %s does not contain any valid keys", path);
        return false;
    }
    if (n > 2) {
        log_line('E', "ACCESS",
                 "Only two keys are supported in the security key file, %d are specified in %s",
                 (int)n, path);
        return false;
    }
    for (yaml_node_item_t *i = root->data.sequence.items.start; i < root->data.sequence.items.top;
         i++) {
        const yaml_node_t *item = yaml_document_get_node(document, *i);

        if (item->type != YAML_SCALAR_NODE || !add_key(path, (const char *)item->data.scalar.value))
            return false;
    }
    return true;
}

bool keyfile_load(const char *path)
{
    struct stat st;
    FILE *file;
    yaml_parser_t parser;
    yaml_document_t document;
    bool ok = false;

    if (stat(path, &st) != 0) {
        log_line('I', "ACCESS", "Error reading file %s: %s", path, strerror(errno));
        return false;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        log_line('I', "ACCESS", "permissions on %s are too open", path);
        return false;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        log_line('I', "ACCESS", "error opening file: %s: bad file", path);
        return false;
    }
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, &document)) {
        ok = add_keys(path, &document);
        yaml_document_delete(&document);
    } else {
        log_line('I', "ACCESS",
                 "error reading file: %s: yaml-cpp: error at line %zu, column %zu: %s", path,
                 parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                 parser.problem == NULL ? "unreadable" : parser.problem);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return ok;
}
