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

static void help_exit_status(struct ek_buffer *text);
static void manual(struct ek_buffer *text);
static void completion(struct ek_buffer *text);

static const struct {
    const char *name;
    void (*print)(struct ek_buffer *text);
} topics[] = {{"exit-status", help_exit_status}, {"man", manual}, {"completion", completion}};

enum { TOPICS = sizeof topics / sizeof *topics };

struct exit_row {
    int number;
    const char *when;
};

static const struct exit_row exit_rows[] = {
#define EK_EXIT(name, number, when) {number, when},
    EK_EXIT_STATUSES
#undef EK_EXIT
};

enum { EXIT_ROWS = sizeof exit_rows / sizeof *exit_rows };

static void help_exit_status(struct ek_buffer *text)
{
    for (size_t i = 0; i < EXIT_ROWS; i++)
        ek_buffer_printf(text, "%5d  %s\n", exit_rows[i].number, exit_rows[i].when);
}

static void section(struct ek_buffer *text, const char *name)
{
    ek_buffer_printf(text, ".SH %s\n", name);
}

static void manual_of_verb(const struct ek_verb *verb, struct ek_buffer *text)
{
    ek_buffer_printf(text, ".SS \"evenkeel %s ", verb->name);
    ek_roff(verb->arguments, text);
    ek_buffer_text_add(text, "\"\n");
    ek_roff(verb->summary, text);
    ek_buffer_text_add(text, ".\n");
    if (verb->doc[0]) {
        ek_buffer_text_add(text, ".PP\n.nf\n");
        ek_roff(verb->doc, text);
        ek_buffer_text_add(text, ".fi\n");
    }
    ek_options_manual(verb->bit, text);
}

static void manual(struct ek_buffer *text)
{
    ek_buffer_text_add(text, ".\\\" Printed by: evenkeel help man\n"
                             ".TH EVENKEEL 1 \"\" \"evenkeel " EK_VERSION "\" \"\"\n");
    section(text, "NAME");
    ek_buffer_text_add(text, "evenkeel \\- keep MongoDB replica sets as their specs in git say\n");
    section(text, "SYNOPSIS");
    ek_buffer_text_add(
        text, "\\fBevenkeel\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n");
    section(text, "COMMANDS");
    for (size_t i = 0; i < ek_verb_count; i++)
        manual_of_verb(&ek_verbs[i], text);
    section(text, "EXIT STATUS");
    for (size_t i = 0; i < EXIT_ROWS; i++) {
        ek_buffer_printf(text, ".TP\n\\fB%d\\fR\n", exit_rows[i].number);
        ek_roff(exit_rows[i].when, text);
        ek_buffer_text_add(text, "\n");
    }
}

static void completion(struct ek_buffer *text)
{
    ek_buffer_text_add(text,
                       "# bash completion for evenkeel, printed by: evenkeel help completion\n"
                       "_evenkeel()\n{\n"
                       "    local word=${COMP_WORDS[COMP_CWORD]} words= files=\n"
                       "    local before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}\n"
                       "    COMPREPLY=()\n"
                       "    if ((COMP_CWORD == 1)); then\n        words=\"");
    for (size_t i = 0; i < ek_verb_count; i++)
        ek_buffer_printf(text, "%s%s", i ? " " : "", ek_verbs[i].name);
    ek_buffer_text_add(text, "\"\n    else\n    case $before in\n");
    ek_options_values(text);
    ek_buffer_text_add(text, "    *)\n        case $verb in\n");
    for (size_t i = 0; i < ek_verb_count; i++) {
        ek_buffer_printf(text, "        %s) words=\"", ek_verbs[i].name);
        ek_options_words(ek_verbs[i].bit, text);
        for (size_t k = 0; ek_verbs[i].bit == EK_VERB_HELP && k < ek_verb_count; k++)
            ek_buffer_printf(text, " %s", ek_verbs[k].name);
        for (size_t k = 0; ek_verbs[i].bit == EK_VERB_HELP && k < TOPICS; k++)
            ek_buffer_printf(text, " %s", topics[k].name);
        ek_buffer_printf(text, "\" files=%s ;;\n",
                         strstr(ek_verbs[i].arguments, "PATH") ? "yes" : "");
    }
    ek_buffer_text_add(
        text,
        "        esac ;;\n    esac\n    fi\n"
        "    [[ $files && $word != -* ]] && mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
        "    [[ $word == -* || ! $files ]] &&\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
        "    return 0\n}\n"
        "complete -o filenames -F _evenkeel evenkeel\n");
}

int ek_command_help(const struct ek_options *options)
{
    EK_BUFFER text = {0};
    const char *topic = options->argument_count ? options->arguments[0] : NULL;
    const char *names[32];
    if (!topic) {
        ek_help_all(&text);
        ek_print(&text);
        return EK_EXIT_OK;
    }
    for (size_t i = 0; i < TOPICS; i++)
        if (strcmp(topic, topics[i].name) == 0)
            topics[i].print(&text);
    for (size_t i = 0; i < ek_verb_count; i++) {
        names[i] = ek_verbs[i].name;
        if (strcmp(topic, ek_verbs[i].name) == 0)
            ek_help_verb(&ek_verbs[i], &text);
    }
    if (text.length) {
        ek_print(&text);
        return EK_EXIT_OK;
    }
    for (size_t i = 0; i < TOPICS; i++)
        names[ek_verb_count + i] = topics[i].name;
    return ek_say_no_command(options, topic, names, ek_verb_count + TOPICS);
}
