/* A YAML document as a tree that remembers where in the text each node stands: what
 * is needed to change one value and leave every other byte alone. */
#ifndef EK_DRIVERS_HOST_YAML_TREE_H
#define EK_DRIVERS_HOST_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

enum ek_yaml_kind { EK_YAML_SCALAR, EK_YAML_MAPPING, EK_YAML_SEQUENCE, EK_YAML_ALIAS };

struct ek_yaml_node {
    enum ek_yaml_kind kind;
    bool flow;                         /* mapping or sequence in [] or {} */
    bool block_text;                   /* scalar in | or > form */
    bool marked;                       /* carries an anchor or a tag */
    char *value;                       /* scalar: its text */
    char *anchor;                      /* its anchor, or the alias's name; or NULL */
    const struct ek_yaml_node *target; /* alias: what it stands for */
    size_t line, column;               /* from 0, columns in characters */
    size_t end_line, end_column;       /* just behind the last character */
    struct ek_yaml_node **keys;        /* mapping */
    struct ek_yaml_node **values;      /* mapping and sequence */
    size_t count;
};

struct ek_yaml_tree {
    struct ek_yaml_node *root; /* NULL: an empty document */
    bool ends_explicitly;      /* by "..." */
    size_t end_line;           /* the line that "..." stands on */
    bool more_documents;
    size_t next_line; /* the line that the second document begins on */
};

/* EK_INVALID (EK-0410) with line and column for bad YAML and for duplicate keys. */
int ek_yaml_tree_parse(const char *text, size_t length, const char *path,
                       struct ek_yaml_tree *ret_tree, struct ek_error *err);
void ek_yaml_tree_done(struct ek_yaml_tree *tree);

/* The value of a mapping's key, NULL when absent; ret_key (may be NULL) gets the key's node. */
const struct ek_yaml_node *ek_yaml_find(const struct ek_yaml_node *mapping, const char *key,
                                        const struct ek_yaml_node **ret_key);

/* What an alias stands for; any other node itself. */
const struct ek_yaml_node *ek_yaml_resolve(const struct ek_yaml_node *node);

/* Fail with EK-0410 at a place counted from 0. */
int ek_yaml_fail(struct ek_error *err, const char *path, size_t line, size_t column,
                 const char *what);

/* One server option: "net.tls.mode" and its value. */
struct ek_yaml_option {
    char *name;
    char *value;    /* sequences joined by ","; an expansion (__exec, __rest): "<expanded>" */
    bool by_exec;   /* an __exec expansion */
    bool expansion; /* any expansion */
};

struct ek_yaml_options {
    struct ek_yaml_option *rows;
    size_t count;
};

/* Every leaf with its dotted name, in the order of the file. */
int ek_yaml_options_of(const struct ek_yaml_tree *tree, const char *path,
                       struct ek_yaml_options *ret_options, struct ek_error *err);
void ek_yaml_options_done(struct ek_yaml_options *options);

#define EK_YAML_TREE EK_CLEANUP(ek_yaml_tree_done) struct ek_yaml_tree
#define EK_YAML_OPTIONS EK_CLEANUP(ek_yaml_options_done) struct ek_yaml_options

#endif
