/* What is wrong with a command's arguments, in the words of the server of that version. */
#ifndef STANDIN_ARGUMENTS_H
#define STANDIN_ARGUMENTS_H

#include "server.h"

/* How a command reads its arguments, and so complains of them. */
enum reading {
    BY_IDL,     /* by a grammar: before anybody asks whether the client may do this */
    BY_EXTRACT, /* one by one: "Missing expected field", "had the wrong type" */
    BY_HAND,    /* each command with its own words, a row each in hand_rows */
};

/* One row per command and span of versions. `fields` is a list of `name:type`, with `!` after what
 * is required; the first one may be `=type`, for the value of the command itself. Types are those
 * of type_rows; `[type]` is an array of them. */
struct grammar {
    const char *command;
    int since, until; /* 10 × major + minor; until: 0 or the first that does otherwise */
    enum reading reading;
    bool strict; /* other fields are refused */
    const char *fields;
};
extern const struct grammar grammars[];

/* A complaint of BY_HAND: of a field that isn't of a type, or (type NULL) isn't there, or (type "")
 * isn't known. In the text, %f is the field's name, %t its type, %e the field, %c the command. */
struct hand_row {
    const char *command, *field, *type;
    int code;
    const char *text;
};
extern const struct hand_row hand_rows[];

/* 0, or what fail() returned. First what is found out by parsing, before permissions; then, with
 * `parsed`, what the command itself finds out when it runs. */
int arguments_check(struct call *c, bool parsed);

/* The same for a document within a command, by the grammar that is called `name`. */
int arguments_check_document(struct call *c, const char *name, const bson_t *doc);

/* The server's name of a value's type. */
const char *type_name(const bson_iter_t *it);

#endif
