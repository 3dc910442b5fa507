/* One operation of the helper on a host: asked, answered, its answer understood. */
#ifndef EK_DRIVERS_HOST_SSH_CALL_H
#define EK_DRIVERS_HOST_SSH_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/host/host.h"
#include "drivers/host/ssh_connection.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* What is asked; borrowed. */
struct ek_ssh_question {
    const char *operation;
    const char *const *arguments; /* NULL-terminated, or NULL: none */
    const void *bytes;            /* behind the arguments, or NULL */
    size_t length;
    const char *subject; /* what it is about, for messages: a path, a unit */
    bool changes;        /* something on the host: not without the fence, where one was held */
};

/* Free with ek_ssh_answer_done, which wipes the texts. */
struct ek_ssh_answer {
    struct ek_buffer output;
    struct ek_buffer errors;
    int number; /* behind "ok" */
};
void ek_ssh_answer_done(struct ek_ssh_answer *answer);
#define EK_SSH_ANSWER EK_CLEANUP(ek_ssh_answer_done) struct ek_ssh_answer

/* Fails with what the helper said (EK-0415 to EK-0419, EK-0467 to EK-0470), with what keeps it from
 * being asked (EK-0460 to EK-0465, EK-0471, EK-0472), or without its complete answer:
 * EK_UNREACHABLE (EK-0466), EK_TIMEOUT (EK-0407). In the last two cases it may have been done or
 * not. */
int ek_ssh_ask(const struct ek_host *host, const struct ek_ssh_question *question, int64_t deadline,
               struct ek_ssh_answer *ret_answer, struct ek_error *err);

/* As ek_ssh_enter, and sure that the host has what is needed there. Given back by ek_ssh_leave. */
int ek_ssh_connect(const struct ek_host *host, int64_t deadline,
                   struct ek_ssh_connection **ret_connection, struct ek_error *err);

enum { EK_SSH_MARKER = 32 };

/* The bytes of a question, with a marker of its own. EK_INVALID (EK-0415) on a word with a line
 * end in it. */
int ek_ssh_question_text(const struct ek_host *host, const struct ek_ssh_question *question,
                         char ret_marker[static EK_SSH_MARKER + 1], struct ek_buffer *ret_text,
                         struct ek_error *err);

/* Report the helper's last word, if it is not "ok"; `said` explains it. */
int ek_ssh_last_word(const struct ek_host *host, const char *subject, const char *word,
                     const char *said, struct ek_error *err);

/* EK_UNREACHABLE (EK-0473) when this process had the member's fence over a connection that is gone.
 */
int ek_ssh_fence_check(const struct ek_host *host, struct ek_error *err);

#endif
