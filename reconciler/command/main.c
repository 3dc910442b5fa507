#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "reconciler/base/memory.h"
#include "reconciler/command/command.h"

const struct ek_verb ek_verbs[] = {
    {"validate", EK_VERB_VALIDATE, "[PATH]", 1, "Check specs and show every error in them",
     "Nothing but the specs is looked at.\n\n"
     "  evenkeel validate specs\n"
     "  evenkeel validate --git https://git.example.net/specs.git --revision main\n",
     ek_command_validate},
    {"import", EK_VERB_IMPORT, "ADDRESS", 1, "Write specs of a replica set that is there already",
     "From one member's address, mongodb://HOST:PORT, it reads the set's configuration, each "
     "member's\n"
     "host, the unit that runs its server, its files, and changes nothing. The specs say with a "
     "comment\n"
     "what a person has to decide. Passwords come from files: never put one into the address.\n"
     "Exit status 6: the specs were written, but not everything could be seen. With --check: "
     "plan's.\n\n"
     "  evenkeel import mongodb://db-a.example.net:27017 --ssh-user ops --out specs/orders.yaml\n"
     "  evenkeel import mongodb://db-a:27017 --user root --password-file pw --check\n",
     ek_command_import},
    {"plan", EK_VERB_PLAN, "[PATH]", 1, "Show what apply would do, and why; change nothing",
     "Looks at the fleet and shows every step, the restarts, elections and the write pause\n"
     "that it takes. Exit status: 0 nothing to do, 2 something to do, 6 something is in the "
     "way.\n\n"
     "  evenkeel plan specs\n"
     "  evenkeel plan --git . --from origin/main --to HEAD, only what the branch changes\n"
     "  evenkeel plan --git . --revision my-branch --output markdown\n"
     "  evenkeel plan specs --out orders.plan, then evenkeel apply orders.plan\n",
     ek_command_plan},
    {"apply", EK_VERB_APPLY, "[PLANFILE|PATH]", 1, "Carry out a plan",
     "With a plan file: exactly that plan, or nothing when specs or fleet have moved. Without:\n"
     "makes a plan, shows it, and asks. It can be stopped or killed at any moment; run again, it\n"
     "goes on from where the fleet is.\n\n"
     "  evenkeel apply orders.plan\n"
     "  evenkeel apply specs --deployment orders\n",
     ek_command_apply},
    {"run", EK_VERB_RUN, "[PATH]", 1, "Keep the fleet as its specs say, for ever",
     "Follows the repository (or those that --config names), looks at every deployment every few\n"
     "seconds, and carries out what differs: in maintenance windows, with the approvals that the\n"
     "specs ask for, and never where another reconciler is at work. SIGTERM: ends after the step "
     "in\n"
     "hand. SIGHUP: reads --config again and fetches at once. With --once the exit status is\n"
     "plan's.\n\n"
     "  evenkeel run --git https://git.example.net/specs.git --listen 127.0.0.1:9464\n"
     "  evenkeel run --config /etc/evenkeel/controller.yaml\n"
     "  evenkeel run --once specs\n",
     ek_command_run_loop},
    {"status", EK_VERB_STATUS, "[PATH]", 1, "Show how the deployments are",
     "One line per deployment, or with --deployment everything about one.\n"
     "Synced: as the specs say. OutOfSync: evenkeel plan shows what differs.\n\n"
     "  evenkeel status specs --output markdown\n"
     "  evenkeel status specs --watch --interval 5s\n",
     ek_command_status},
    {"verify", EK_VERB_VERIFY, "[PATH]", 1, "Observe every promise of the specs again",
     "Includes the litmus test: connecting over SSL by name works, and by IP address it fails "
     "with\n"
     "a certificate validation error. Exit status 9 when a check failed or could not be made.\n",
     ek_command_verify},
    {"show", EK_VERB_SHOW, "PLANFILE", 1, "Show a plan file",
     "From the file alone: nothing is read but it, and nothing is changed.\n\n"
     "  evenkeel show orders.plan\n"
     "  evenkeel show orders.plan --output markdown\n",
     ek_command_show},
    {"approve", EK_VERB_APPROVE, "DEPLOYMENT [PLAN] | PLANFILE", 2,
     "Agree to a plan, for deployments whose specs ask for that",
     "Shows the plan as it is now, asks, and records who agreed, when, and to which plan. With "
     "the\n"
     "name of a plan (or its first digits): only to that one. With a plan file: to what it holds.\n"
     "The approval holds for that rollout only, in every state that it goes through.\n\n"
     "  evenkeel approve orders\n"
     "  evenkeel approve orders 9b1d66c02f5a --git https://git.example.net/specs.git\n"
     "  evenkeel approve orders.plan\n",
     ek_command_approve},
    {"pause", EK_VERB_PAUSE, "DEPLOYMENT", 1, "Leave a deployment alone for a while",
     "Stops Evenkeel, never a database: a step in hand is finished, and nothing further begins\n"
     "until the pause ends, by itself or by evenkeel resume. DEPLOYMENT is ACCOUNT/NAME, or a "
     "name\n"
     "that the specs know.\n\n"
     "  evenkeel pause acme/orders --for 2h --reason 'load test'\n",
     ek_command_pause},
    {"resume", EK_VERB_RESUME, "DEPLOYMENT", 1, "End a pause before its time",
     "  evenkeel resume acme/orders\n", ek_command_resume},
    {"key", EK_VERB_KEY, "new FILE", 2, "Make a key that signs plans",
     "Writes the private key (Ed25519, for its owner only) to a new file and prints the public "
     "one,\n"
     "for maintenance.approvers.planKeys of the specs.\n\n"
     "  evenkeel key new plan.key\n"
     "  evenkeel plan specs --out orders.plan --sign-key plan.key\n",
     ek_command_key},
    {"history", EK_VERB_HISTORY, "[DEPLOYMENT]", 1, "Show what was done, when, by whom and why",
     "From the store, oldest first. DEPLOYMENT is a name or ACCOUNT/NAME.\n\n"
     "  evenkeel history orders --since 7d\n"
     "  evenkeel history --kind step-failed --output json\n"
     "  evenkeel history --verify\n\n"
     "Each event carries a hash over itself and the one before: --verify finds what was changed "
     "or\n"
     "removed since. Note its last hash elsewhere to also find a store that was replaced whole.\n",
     ek_command_history},
    {"comment", EK_VERB_COMMENT, "[FILE|-]", 1,
     "Show a plan on a pull request, and set the commit's status",
     "Takes the Markdown of plan --output markdown, or a plan file, and keeps one comment for "
     "each\n"
     "fleet up to date: on GitHub, GitLab, Gitea and Forgejo. What options don't tell is detected\n"
     "in their CI.\n\n"
     "  evenkeel plan --git . --from $BASE --to $HEAD --output markdown > plan.md; status=$?\n"
     "  evenkeel comment plan.md --plan-status $status --token-file token\n"
     "  evenkeel comment --status pending --token-file token\n",
     ek_command_comment},
    {"explain", EK_VERB_EXPLAIN, "ID|KEY|LOG-LINE", 100,
     "Say what an error id, a key of the specs or a server's log line means",
     "  evenkeel explain EK-0113\n"
     "  evenkeel explain spec.sslMode\n"
     "  evenkeel explain 'no SSL certificate provided by peer'\n",
     ek_command_explain},
    {"schema", EK_VERB_SCHEMA, "", 0, "Print the JSON Schema of the specs, for editors",
     "  evenkeel schema > evenkeel.schema.json\n"
     "  evenkeel schema --reference > specs.md, every key with its type and default, for people\n"
     "  evenkeel schema --log, of the lines that evenkeel run --output json logs\n",
     ek_command_schema},
    {"version", EK_VERB_VERSION, "", 0, "Print the version", "With -v also the libraries'.\n",
     ek_command_version},
    {"help", EK_VERB_HELP, "[COMMAND|exit-status|man|completion]", 1, "Explain a command",
     "man prints the manual page, completion a completion for bash:\n\n"
     "  evenkeel help man | man -l -\n"
     "  eval \"$(evenkeel help completion)\"\n",
     ek_command_help},
};
const size_t ek_verb_count = sizeof ek_verbs / sizeof *ek_verbs;

/* This process holds secrets: none must end up in a core dump. Servers that it starts may
 * dump theirs: the mark does not outlive exec, nor does the handler below. */
static void keep_secrets(void)
{
    prctl(PR_SET_DUMPABLE, 0);
}

/* A pipe that is closed early is an error of writing, not the end of an apply. */
static void on_closed_pipe(int number)
{
    (void)number;
}

static const struct ek_verb *find_verb(const char *word)
{
    static const struct {
        const char *word;
        const char *verb;
    } others[] = {{"--help", "help"}, {"-h", "help"}, {"--version", "version"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(word, others[i].word) == 0)
            word = others[i].verb;
    for (size_t i = 0; i < ek_verb_count; i++)
        if (strcmp(word, ek_verbs[i].name) == 0)
            return &ek_verbs[i];
    return NULL;
}

static int no_such_verb(const char *word)
{
    const struct ek_options options = {0};
    const char *names[sizeof ek_verbs / sizeof *ek_verbs];
    for (size_t i = 0; i < ek_verb_count; i++)
        names[i] = ek_verbs[i].name;
    return ek_say_no_command(&options, word, names, ek_verb_count);
}

static int run(const struct ek_verb *verb, int count, char **words)
{
    struct ek_options options = {0};
    struct ek_error err = {0};
    int status = EK_EXIT_OK;
    if (ek_options_parse(verb->bit, count, words, &options, &err) != 0) {
        ek_say_error(&options, &err);
        return ek_exit_status_of(&err);
    }
    if (options.help) {
        EK_BUFFER text = {0};
        ek_help_verb(verb, &text);
        ek_print(&text);
    } else if (options.argument_count > verb->most_arguments) {
        ek_fail(&err, EK_INVALID, "EK-0804", "%s takes %s", verb->name,
                verb->most_arguments > 1 ? "two arguments at most"
                : verb->most_arguments   ? "one argument at most"
                                         : "no arguments");
        ek_hint(&err, "evenkeel help %s", verb->name);
        ek_say_error(&options, &err);
        status = EK_EXIT_USAGE;
    } else {
        status = verb->run(&options);
    }
    ek_options_done(&options);
    return status;
}

/* Output that got lost is an error even when all else went well. */
static int close_output(int status)
{
    const struct ek_options options = {0};
    struct ek_error err = {0};
    bool written = !ferror(stdout) && fflush(stdout) == 0;
    if (written && !ek_print_lost())
        return status;
    if (written)
        ek_no_memory(&err);
    else
        ek_fail(&err, EK_SYSTEM, "EK-0814", "standard output can't be written to");
    ek_say_error(&options, &err);
    return status == EK_EXIT_OK || status == EK_EXIT_CHANGES ? EK_EXIT_ERROR : status;
}

int main(int count, char **words)
{
    ek_command_abort();
    keep_secrets();
    signal(SIGPIPE, on_closed_pipe);
    if (count < 2) {
        EK_BUFFER text = {0};
        ek_help_all(&text);
        fputs(ek_buffer_text(&text), stderr);
        return close_output(EK_EXIT_USAGE);
    }
    const struct ek_verb *verb = find_verb(words[1]);
    if (!verb)
        return no_such_verb(words[1]);
    return close_output(run(verb, count - 2, words + 2));
}
