/* The log of the loop: one event per line, for machines (JSON) or for people.
 *
 * In text, a line begins with the priority that journald reads when standard error is
 * connected to the journal, and with the time when it is not. */
#ifndef EK_LOOP_JOURNAL_H
#define EK_LOOP_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

enum ek_journal_event {
#define EK_JOURNAL(name, ...) EK_JOURNAL_##name,
#include "reconciler/loop/journal.def"
#undef EK_JOURNAL
    EK_JOURNAL_EVENTS,
};

/* As syslog counts them. */
enum ek_journal_level {
    EK_LEVEL_ERROR = 3,
    EK_LEVEL_WARNING = 4,
    EK_LEVEL_INFO = 6,
    EK_LEVEL_DEBUG = 7,
};

/* One thing that happened. What is NULL, "" or 0 is left out. Borrowed. */
struct ek_journal_entry {
    enum ek_journal_event event;
    int64_t at_ms; /* wall clock; 0: now */
    const char *account;
    const char *deployment;
    const char *repository;
    const char *step;    /* "restart b" */
    const char *commit;  /* full */
    const char *plan;    /* its name */
    int64_t duration_ms; /* 0: none */
    const char *id;      /* "EK-0101" */
    const char *message; /* one sentence */
};

enum ek_journal_form { EK_JOURNAL_TEXT, EK_JOURNAL_SYSTEMD, EK_JOURNAL_JSON };

struct ek_journal; /* opaque; used by several threads at once */

/* Writes to `fd` (borrowed), whole lines, what is not less urgent than `least`. Never NULL. */
struct ek_journal *ek_journal_new(int fd, enum ek_journal_form form, enum ek_journal_level least);
void ek_journal_free(struct ek_journal *journal);

/* EK_JOURNAL_SYSTEMD when `fd` is what $JOURNAL_STREAM names, else EK_JOURNAL_TEXT. */
enum ek_journal_form ek_journal_form_of(int fd);

/* Write an entry. A log that can't be written to never stops the loop. NULL journal: nothing. */
void ek_journal_write(struct ek_journal *journal, const struct ek_journal_entry *entry);

/* The same with the error's id and its sentence (and hint, and cause) as the message. */
void ek_journal_error(struct ek_journal *journal, const struct ek_journal_entry *entry,
                      const struct ek_error *err);

/* The text of a buffer for an entry; of one that failed, words that say so. */
const char *ek_journal_text(const struct ek_buffer *text);

/* Append the line of an entry, newline included. */
void ek_journal_line(const struct ek_journal_entry *entry, enum ek_journal_form form,
                     struct ek_buffer *text);

/* Append the JSON Schema of a line of JSON. */
void ek_journal_schema(struct ek_buffer *text);

/* "step-done"; static storage. */
const char *ek_journal_word(enum ek_journal_event event);
const char *ek_journal_doc(enum ek_journal_event event);

/* ---- from the executor (journal_execution.c) ---- */

struct ek_event;
struct ek_deployment_spec;

/* An event of ek_execute as an entry; `commit` may be NULL. */
void ek_journal_execution(struct ek_journal *journal, const struct ek_deployment_spec *spec,
                          const char *commit, const struct ek_event *event);

#endif
