/* The line that stands in a fence, read, written, and told of. */
#include "drivers/host/fence_line.h"
#include "drivers/host/fence_mark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int broken(const char *path, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-1017", "the fence %s is damaged", path);
    return ek_hint(err,
                   "make sure that no other Evenkeel acts on this deployment, remove the file, "
                   "and run the command again");
}

/* The word behind `before`, cut to fit; false when it does not stand there. */
static bool take_word(const char **at, const char *before, char *word, size_t size)
{
    size_t length = strlen(before);
    if (strncmp(*at, before, length) != 0)
        return false;
    *at += length;
    length = strcspn(*at, " \n");
    snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), *at);
    *at += length;
    return word[0] != 0;
}

static bool take_number(const char **at, const char *before, int64_t *ret_number)
{
    char word[32];
    char *end = NULL;
    if (!take_word(at, before, word, sizeof word))
        return false;
    errno = 0;
    *ret_number = strtoll(word, &end, 10);
    return errno == 0 && !*end && *ret_number >= 0;
}

int ek_fence_line_read(const char *text, size_t length, const char *path,
                       struct ek_fence_line *ret_line, struct ek_error *err)
{
    char copy[EK_FENCE_LINE + 1];
    struct ek_fence_line line = {0};
    snprintf(copy, sizeof copy, "%.*s", (int)(length < EK_FENCE_LINE ? length : EK_FENCE_LINE),
             text);
    const char *at = copy;
    bool good = take_number(&at, "evenkeel fence ", &line.mark.token) &&
                take_word(&at, " ", line.mark.id, sizeof line.mark.id) &&
                take_number(&at, " process ", &line.pid) &&
                take_word(&at, " on ", line.host, sizeof line.host);
    if (length > 0 && !good)
        return broken(path, err);
    *ret_line = line;
    return 0;
}

void ek_fence_line_write(const struct ek_fence_mark *mine, char ret_text[static EK_FENCE_LINE + 1])
{
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    snprintf(ret_text, EK_FENCE_LINE + 1, "evenkeel fence %" PRId64 " %s process %d on %s",
             mine->token, mine->id, (int)getpid(), host[0] ? host : "-");
    size_t used = strlen(ret_text);
    memset(ret_text + used, ' ', EK_FENCE_LINE - used);
    ret_text[EK_FENCE_LINE - 1] = '\n';
    ret_text[EK_FENCE_LINE] = 0;
}

int ek_fence_in_progress(const struct ek_fence_line *line, struct ek_error *err)
{
    ek_fail(err, EK_TIMEOUT, "EK-1016",
            "an act of another Evenkeel is still in progress on it: process %lld on %s",
            (long long)line->pid, line->host);
    return ek_hint(err, "it may be frozen (state T in ps); once it goes on or is killed, run the "
                        "command again");
}

int ek_fence_behind(const struct ek_fence_line *line, const struct ek_fence *mine,
                    struct ek_error *err)
{
    ek_fail(
        err, EK_STALE, "EK-1015",
        "another Evenkeel had its turn on it since: process %lld on %s, token %lld (ours: %lld)",
        (long long)line->pid, line->host, (long long)line->mark.token, (long long)mine->token);
    return ek_hint(err, "if it uses another store, give both the same --store");
}
