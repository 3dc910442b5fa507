/* Asking the person at the terminal. */
#ifndef EK_COMMAND_ASK_H
#define EK_COMMAND_ASK_H

#include "reconciler/base/error.h"

struct ek_prompt {
    const char *question;    /* written to standard error as it is */
    const char *wanted;      /* the one line that means yes */
    const char *otherwise;   /* what a no means: "nothing was changed" */
    const char *no_terminal; /* hint where nobody can be asked */
};

/* 0 when the whole line was typed; EK_DENIED (EK-0811) for anything else, the end of the input, and
 * where there is no terminal. */
int ek_ask(const struct ek_prompt *prompt, struct ek_error *err);

#endif
