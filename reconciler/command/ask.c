#include "reconciler/command/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_LENGTH = 256 };

int ek_ask(const struct ek_prompt *prompt, struct ek_error *err)
{
    char answer[LINE_MAX_LENGTH] = "";
    if (!isatty(STDIN_FILENO)) {
        ek_fail(err, EK_DENIED, "EK-0811", "not approved: %s", prompt->otherwise);
        return ek_hint(err, "%s", prompt->no_terminal);
    }
    fflush(stdout);
    fputs(prompt->question, stderr);
    char *line = fgets(answer, sizeof answer, stdin);
    size_t length = strlen(prompt->wanted);
    if (line && strncmp(answer, prompt->wanted, length) == 0 && strcmp(answer + length, "\n") == 0)
        return 0;
    return ek_fail(err, EK_DENIED, "EK-0811", "not approved: %s", prompt->otherwise);
}
