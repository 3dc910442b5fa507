/* What the commands share. Only here and in the verbs' files is anything printed. */
#ifndef EK_COMMAND_COMMAND_H
#define EK_COMMAND_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/command/exit_status.h"
#include "reconciler/command/options.h"

struct ek_verb {
    const char *name;
    unsigned bit;
    const char *arguments; /* "[PATH]" */
    size_t most_arguments;
    const char *summary; /* one line */
    const char *doc;     /* a paragraph or two, and examples */
    int (*run)(const struct ek_options *options);
};

/* All verbs, in the order of help. */
extern const struct ek_verb ek_verbs[];
extern const size_t ek_verb_count;

/* Each returns an exit status. */
int ek_command_validate(const struct ek_options *options);
int ek_command_plan(const struct ek_options *options);
int ek_command_apply(const struct ek_options *options);
int ek_command_run_loop(const struct ek_options *options);
int ek_command_status(const struct ek_options *options);
int ek_command_verify(const struct ek_options *options);
int ek_command_comment(const struct ek_options *options);
int ek_command_show(const struct ek_options *options);
int ek_command_approve(const struct ek_options *options);
int ek_command_pause(const struct ek_options *options);
int ek_command_resume(const struct ek_options *options);
int ek_command_key(const struct ek_options *options);
int ek_command_explain(const struct ek_options *options);
int ek_command_schema(const struct ek_options *options);
int ek_command_version(const struct ek_options *options);
int ek_command_history(const struct ek_options *options);
int ek_command_import(const struct ek_options *options);
int ek_command_help(const struct ek_options *options);

/* Append the list of commands, or the help of one. */
void ek_help_all(struct ek_buffer *text);
void ek_help_verb(const struct ek_verb *verb, struct ek_buffer *text);

/* Let the process end in order where a library gives up and aborts, as libbson does without memory:
 * a few words on standard error and EK_EXIT_ERROR, or what _status was told last. Before anything
 * else. */
void ek_command_abort(void);
void ek_command_abort_status(int status);

/* ---- saying things (say.c) ---- */

/* Print to standard output and empty the buffer. Of one that failed nothing is printed, and the
 * command ends with EK-0599 then, whatever else it did. */
void ek_print(struct ek_buffer *text);

/* The same, to standard error. */
void ek_print_aside(struct ek_buffer *text);

/* Whether that has happened. */
bool ek_print_lost(void);

/* Append an object and a newline, and let go of the object. `layout`: JSON_COMPACT for one line, or
 * JSON_INDENT(2). Without an object the buffer fails. */
void ek_json_add(json_t *json, size_t layout, struct ek_buffer *text);

/* Print an error to standard error: sentence, cause, hint, where to read more. */
void ek_say_error(const struct ek_options *options, const struct ek_error *err);

/* Say that there is no such command, and which of the names is like it; the exit status. */
int ek_say_no_command(const struct ek_options *options, const char *word, const char *const *names,
                      size_t count);

/* One line on standard error: "evenkeel: …". Not when quiet. */
void ek_say(const struct ek_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether to colour what goes to that stream (1 or 2). */
bool ek_colour_wanted(const struct ek_options *options, int stream);

/* The exit status that an error stands for. */
int ek_exit_status_of(const struct ek_error *err);

#endif
