#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/json.h"
#include "reconciler/command/command.h"
#include "reconciler/report/palette.h"

static bool lost; /* something that was to be printed was not all there */

void ek_print(struct ek_buffer *text)
{
    lost |= text->failed;
    fwrite(ek_buffer_text(text), 1, text->length, stdout);
    fflush(stdout);
    ek_buffer_done(text);
}

void ek_print_aside(struct ek_buffer *text)
{
    lost |= text->failed;
    fflush(stdout);
    fwrite(ek_buffer_text(text), 1, text->length, stderr);
    ek_buffer_done(text);
}

bool ek_print_lost(void)
{
    return lost;
}

void ek_json_add(json_t *json, size_t layout, struct ek_buffer *text)
{
    ek_json_print(json, layout | JSON_SORT_KEYS, text);
    ek_buffer_text_add(text, "\n");
}

bool ek_colour_wanted(const struct ek_options *options, int stream)
{
    const char *none = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (options->colour != EK_COLOUR_AUTO)
        return options->colour == EK_COLOUR_ALWAYS;
    return isatty(stream) && !(none && none[0]) && !(terminal && strcmp(terminal, "dumb") == 0);
}

void ek_say_error(const struct ek_options *options, const struct ek_error *err)
{
    const struct ek_palette *paint = ek_palette(ek_colour_wanted(options, STDERR_FILENO));
    fflush(stdout);
    if (err->at.file[0])
        fprintf(stderr, "%s:%d:%d: %serror:%s %s\n", err->at.file, err->at.line, err->at.column,
                paint->bad, paint->plain, err->sentence);
    else
        fprintf(stderr, "evenkeel: %serror:%s %s\n", paint->bad, paint->plain, err->sentence);
    if (err->cause[0])
        fprintf(stderr, "  cause: %s\n", err->cause);
    if (err->hint[0])
        fprintf(stderr, "  hint: %s\n", err->hint);
    if (err->id[0])
        fprintf(stderr, "  see: evenkeel explain %s\n", err->id);
}

int ek_say_no_command(const struct ek_options *options, const char *word, const char *const *names,
                      size_t count)
{
    struct ek_error err = {0};
    const char *near = ek_nearest(word, names, count);
    ek_fail(&err, EK_INVALID, "EK-0801", "there is no command \"%s\"", word);
    if (near)
        ek_hint(&err, "did you mean \"%s\"?", near);
    else
        ek_hint(&err, "evenkeel help lists the commands");
    ek_say_error(options, &err);
    return EK_EXIT_USAGE;
}

void ek_say(const struct ek_options *options, const char *format, ...)
{
    va_list arguments;
    if (options->quiet)
        return;
    fflush(stdout);
    fputs("evenkeel: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* What the specs' owners could allow, and the laws: refused, not in the way by itself. */
static bool is_refusal(const char *id)
{
    static const char *const policies[] = {"EK-0118", "EK-0119", "EK-0125", "EK-0133",
                                           "EK-1101", "EK-1102", "EK-1103"};
    if (strncmp(id, "EK-02", 5) == 0)
        return true;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (strcmp(id, policies[i]) == 0)
            return true;
    return false;
}

int ek_exit_status_of(const struct ek_error *err)
{
    static const struct {
        const char *id;
        int status;
    } by_id[] = {
        {"EK-0801", EK_EXIT_USAGE},         {"EK-0802", EK_EXIT_USAGE},
        {"EK-0803", EK_EXIT_USAGE},         {"EK-0804", EK_EXIT_USAGE},
        {"EK-0806", EK_EXIT_LOCKED},        {"EK-0811", EK_EXIT_NOT_APPROVED},
        {"EK-0813", EK_EXIT_VERIFY_FAILED}, {"EK-1013", EK_EXIT_LOCKED},
        {"EK-1014", EK_EXIT_ERROR},         {"EK-1015", EK_EXIT_LOCKED},
        {"EK-1016", EK_EXIT_LOCKED},        {"EK-1120", EK_EXIT_REFUSED},
        {"EK-1121", EK_EXIT_REFUSED},       {"EK-1412", EK_EXIT_USAGE},
    };
    for (size_t i = 0; i < sizeof by_id / sizeof *by_id; i++)
        if (strcmp(by_id[i].id, err->id) == 0)
            return by_id[i].status;
    if (err->code == EK_CANCELLED)
        return EK_EXIT_STOPPED;
    if (err->code == EK_BLOCKED)
        return is_refusal(err->id) ? EK_EXIT_REFUSED : EK_EXIT_BLOCKED;
    return err->code == EK_STALE ? EK_EXIT_STALE : EK_EXIT_ERROR;
}
