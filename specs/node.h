/* YAML text as a tree of nodes with their places. */
#ifndef EK_SPECS_NODE_H
#define EK_SPECS_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "specs/arena.h"
#include "specs/report.h"
#include "specs/source.h"

enum ek_node_kind { EK_NODE_SCALAR, EK_NODE_MAP, EK_NODE_LIST };

/* What a scalar is by YAML 1.2's core schema. */
enum ek_scalar {
    EK_SCALAR_TEXT,
    EK_SCALAR_NULL,
    EK_SCALAR_BOOLEAN,
    EK_SCALAR_INTEGER,
    EK_SCALAR_NUMBER
};

struct ek_node {
    enum ek_node_kind kind;
    struct ek_place at;
    bool complete; /* its end was seen; an alias to one that isn't would be a circle */
    bool broken;   /* a diagnostic stands in it or below: rules keep quiet about it */

    enum ek_scalar scalar;
    const char *text; /* of a scalar; may hold NUL bytes, length rules */
    size_t length;

    struct ek_pair *pairs;  /* of a map, in the order written, keys unique */
    struct ek_node **items; /* of a list */
    size_t count;
};

struct ek_pair {
    const char *key;
    struct ek_place at; /* of the key */
    struct ek_node *value;
};

/* One document of a file. */
struct ek_document {
    const struct ek_spec_file *file;
    struct ek_node *root; /* NULL: nothing but comments */
    struct ek_place at;
};

struct ek_documents {
    struct ek_document *items;
    size_t count;
};

/* Append the documents of one file. What is wrong with it as YAML goes to `diagnostics`;
 * the documents before the fault are kept, and false says that there may have been more.
 * Nodes point into `arena`, not into the file. */
bool ek_nodes_read(const struct ek_spec_file *file, struct ek_arena *arena,
                   struct ek_documents *documents, struct ek_diagnostics *diagnostics);

/* False, with a diagnostic, when the bytes can't be a spec: not UTF-8, or characters that
 * no spec needs and that editors and YAML readers disagree about. */
bool ek_bytes_check(const struct ek_spec_file *file, struct ek_diagnostics *diagnostics);

/* The pair of a map by key, or NULL. */
struct ek_pair *ek_node_pair(const struct ek_node *map, const char *key);

/* "a mapping", "the number 12", …: for sentences. Printed into the arena. */
const char *ek_node_describe(const struct ek_node *node, struct ek_arena *arena);

#endif
