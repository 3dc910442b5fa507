#include <string.h>

#include "reconciler/command/command.h"

void ek_help_verb(const struct ek_verb *verb, struct ek_buffer *text)
{
    ek_buffer_printf(text, "usage: evenkeel %s [OPTION]...%s%s\n\n%s.\n\n%s\n", verb->name,
                     verb->arguments[0] ? " " : "", verb->arguments, verb->summary, verb->doc);
    ek_buffer_text_add(text, "Options:\n");
    ek_options_help(verb->bit, text);
}

void ek_help_all(struct ek_buffer *text)
{
    ek_buffer_text_add(text, "evenkeel keeps MongoDB replica sets as their specs in git say.\n\n"
                             "usage: evenkeel COMMAND [OPTION]... [ARGUMENT]...\n\n");
    for (size_t i = 0; i < ek_verb_count; i++)
        ek_buffer_printf(text, "  %-10s %s\n", ek_verbs[i].name, ek_verbs[i].summary);
    ek_buffer_text_add(text, "\nevenkeel help COMMAND tells more, evenkeel help exit-status what "
                             "exit statuses mean.\n");
}

static void help_exit_status(struct ek_buffer *text)
{
    static const struct {
        int number;
        const char *when;
    } rows[] = {
#define EK_EXIT(name, number, when) {number, when},
        EK_EXIT_STATUSES
#undef EK_EXIT
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ek_buffer_printf(text, "%5d  %s\n", rows[i].number, rows[i].when);
}

int ek_command_help(const struct ek_options *options)
{
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    const char *topic = options->argument_count ? options->arguments[0] : NULL;
    const char *names[32];
    if (!topic) {
        ek_help_all(&text);
        ek_print(&text);
        return EK_EXIT_OK;
    }
    if (strcmp(topic, "exit-status") == 0)
        help_exit_status(&text);
    for (size_t i = 0; i < ek_verb_count; i++) {
        names[i] = ek_verbs[i].name;
        if (strcmp(topic, ek_verbs[i].name) == 0)
            ek_help_verb(&ek_verbs[i], &text);
    }
    if (text.length) {
        ek_print(&text);
        return EK_EXIT_OK;
    }
    names[ek_verb_count] = "exit-status";
    const char *near = ek_nearest(topic, names, ek_verb_count + 1);
    ek_fail(&err, EK_INVALID, "EK-0801", "there is no command \"%s\"", topic);
    if (near)
        ek_hint(&err, "did you mean \"%s\"?", near);
    else
        ek_hint(&err, "evenkeel help lists the commands");
    ek_say_error(options, &err);
    return EK_EXIT_USAGE;
}
