#include "reconciler/command/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

enum kind { FLAG, TEXT, DURATION, CHOICE, COLOUR_OFF };

#define PEOPLE (EK_VERB_PAUSE | EK_VERB_RESUME | EK_VERB_APPROVE)
#define STORE                                                                                      \
    (EK_VERB_PLAN | EK_VERB_APPLY | EK_VERB_STATUS | EK_VERB_RUN | EK_VERB_HISTORY |               \
     EK_VERB_PAUSE | EK_VERB_RESUME | EK_VERB_APPROVE)
#define SOURCE                                                                                     \
    (EK_VERB_VALIDATE | EK_VERB_PLAN | EK_VERB_APPLY | EK_VERB_STATUS | EK_VERB_VERIFY |           \
     EK_VERB_RUN)
#define FLEET                                                                                      \
    (EK_VERB_PLAN | EK_VERB_APPLY | EK_VERB_STATUS | EK_VERB_VERIFY | EK_VERB_RUN | EK_VERB_APPROVE)
#define ALL 0xFFFFFFU
#define PRINTS (ALL & ~(unsigned)(EK_VERB_HELP | EK_VERB_SCHEMA))

struct option {
    const char *name;
    const char *alias; /* another long name, or NULL */
    char letter;       /* or 0 */
    enum kind kind;
    const char *value; /* "FILE", or the words of a choice: "text|json" */
    size_t offset;
    unsigned verbs;
    const char *environment; /* or NULL */
    const char *initial;     /* of durations */
    const char *doc;
};

#define AT(field) offsetof(struct ek_options, field)

static const struct option options[] = {
    {"git", NULL, 0, TEXT, "URL", AT(git), SOURCE | PEOPLE, NULL, NULL,
     "read the specs from a git repository: a path or an https, ssh or file URL"},
    {"revision", NULL, 0, TEXT, "REVISION", AT(revision), SOURCE | PEOPLE, NULL, NULL,
     "the branch, tag or commit of the repository (default: its HEAD)"},
    {"from", NULL, 0, TEXT, "REVISION", AT(from), EK_VERB_PLAN, NULL, NULL,
     "plan only what the change since this branch, tag or commit touches"},
    {"to", NULL, 0, TEXT, "REVISION", AT(revision), EK_VERB_PLAN, NULL, NULL,
     "where the change ends: the same as --revision"},
    {"path", NULL, 0, TEXT, "FOLDER", AT(path), SOURCE | PEOPLE, NULL, NULL,
     "the folder inside the repository (default: all of it)"},
    {"git-token-file", NULL, 0, TEXT, "FILE", AT(git_token_file), SOURCE | PEOPLE,
     "EVENKEEL_GIT_TOKEN_FILE", NULL, "password or token for https repositories"},
    {"ssh-key-file", NULL, 0, TEXT, "FILE", AT(ssh_key_file), SOURCE | PEOPLE,
     "EVENKEEL_SSH_KEY_FILE", NULL, "private key for ssh repositories (default: the agent)"},
    {"fleet", NULL, 0, TEXT, "NAME", AT(fleet), EK_VERB_PLAN | EK_VERB_COMMENT, NULL, NULL,
     "what tells its comment from others of the same pull request (default: the folder)"},
    {"config", NULL, 'c', TEXT, "FILE", AT(config),
     EK_VERB_RUN | EK_VERB_PLAN | EK_VERB_APPLY | EK_VERB_APPROVE, "EVENKEEL_CONFIG", NULL,
     "the Controller document: for run, which repositories are followed, and how; for the others, "
     "the consent that every plan needs at least"},
    {"interval", NULL, 0, DURATION, "DURATION", AT(fetch_interval_ms), EK_VERB_RUN, NULL, "60s",
     "how often the repository is fetched"},
    {"observe-every", NULL, 0, DURATION, "DURATION", AT(observe_interval_ms), EK_VERB_RUN, NULL,
     "2s", "how often each deployment is looked at"},
    {"rewritten-history", NULL, 0, CHOICE, "refuse|accept", AT(rewritten_history), EK_VERB_RUN,
     NULL, NULL, "what happens when a branch no longer leads back to the commit that was followed"},
    {"listen", NULL, 0, TEXT, "ADDRESS:PORT", AT(listen), EK_VERB_RUN, "EVENKEEL_LISTEN", NULL,
     "where /metrics, /healthz, /readyz and /webhook are served"},
    {"traces", NULL, 0, TEXT, "URL", AT(traces), EK_VERB_RUN, "OTEL_EXPORTER_OTLP_ENDPOINT", NULL,
     "an OpenTelemetry collector (OTLP over HTTP) that gets a trace of each plan carried out"},
    {"webhook-secret-file", NULL, 0, TEXT, "FILE", AT(webhook_secret_file), EK_VERB_RUN, NULL, NULL,
     "the secret that webhooks are signed with"},
    {"once", NULL, 0, FLAG, NULL, AT(once), EK_VERB_RUN, NULL, NULL,
     "one pass over everything, with plan's exit statuses"},
    {"clock", NULL, 0, TEXT, "TIME[@RATE]", AT(clock), EK_VERB_RUN, NULL, NULL,
     "another time than the wall clock's for windows, pauses and certificates: for rehearsals"},
    {"deployment", NULL, 0, TEXT, "NAME", AT(deployment), SOURCE & ~(unsigned)EK_VERB_RUN, NULL,
     NULL, "only this deployment (default: all of them)"},
    {"deployment", NULL, 0, TEXT, "NAME", AT(deployment), EK_VERB_IMPORT, NULL, NULL,
     "what the deployment is to be called (default: as --out's file, else as the replica set)"},
    {"account", NULL, 0, TEXT, "NAME", AT(account), EK_VERB_IMPORT, NULL, NULL,
     "the account that it belongs to (default: the only one of the specs around --out)"},
    {"out", NULL, 'o', TEXT, "FILE", AT(out), EK_VERB_PLAN, NULL, NULL,
     "also write the plan to a file that apply takes"},
    {"out", NULL, 'o', TEXT, "FILE", AT(out), EK_VERB_IMPORT, NULL, NULL,
     "write the specs to this file, which must not be there (default: to standard output)"},
    {"force", NULL, 0, FLAG, NULL, AT(force), EK_VERB_IMPORT, NULL, NULL,
     "let --out replace a file that is there"},
    {"check", NULL, 0, FLAG, NULL, AT(check), EK_VERB_IMPORT, NULL, NULL,
     "plan what was found at once, and say what keeps the first plan from being empty"},
    {"provider", NULL, 0, CHOICE, "hosts|local", AT(provider), EK_VERB_IMPORT, NULL, NULL,
     "where the servers run: as systemd units of hosts, or as processes of this machine"},
    {"reach", NULL, 0, CHOICE, "ssh|local", AT(reach), EK_VERB_IMPORT, NULL, NULL,
     "how the hosts are reached: by SSH, or they are this very machine"},
    {"ssh-user", NULL, 0, TEXT, "NAME", AT(ssh_user), EK_VERB_IMPORT, NULL, NULL,
     "whom to log in to the hosts as (default: as ssh_config says); others than root act by sudo"},
    {"ssh-port", NULL, 0, TEXT, "NUMBER", AT(ssh_port), EK_VERB_IMPORT, NULL, NULL,
     "the port that sshd listens on (default: as ssh_config says)"},
    {"ssh-identity-file", NULL, 0, TEXT, "FILE", AT(ssh_identity_file), EK_VERB_IMPORT, NULL, NULL,
     "the private key to log in with (default: the agent, or as ssh_config says)"},
    {"ssh-known-hosts", NULL, 0, TEXT, "FILE", AT(ssh_known_hosts), EK_VERB_IMPORT, NULL, NULL,
     "the file of known host keys (default: as ssh_config says)"},
    {"ssh-config", NULL, 0, TEXT, "FILE", AT(ssh_config), EK_VERB_IMPORT, NULL, NULL,
     "the ssh_config to use (default: the user's and the system's)"},
    {"user", NULL, 'u', TEXT, "NAME", AT(user), EK_VERB_IMPORT, NULL, NULL,
     "whom to log in to the servers as; without it and --certificate-key-file: as __system, with "
     "the keyFile that is on the hosts"},
    {"password-file", NULL, 0, TEXT, "FILE", AT(password_file), EK_VERB_IMPORT,
     "EVENKEEL_PASSWORD_FILE", NULL, "that user's password"},
    {"certificate-key-file", NULL, 0, TEXT, "FILE", AT(certificate_key_file), EK_VERB_IMPORT, NULL,
     NULL,
     "a client certificate with its key, PEM, for servers that want one; without --user also to "
     "log in by (X.509)"},
    {"ca-file", NULL, 0, TEXT, "FILE", AT(ca_file), EK_VERB_IMPORT, NULL, NULL,
     "authorities that the servers' certificates are checked against"},
    {"timeout", NULL, 0, DURATION, "DURATION", AT(import_timeout_ms), EK_VERB_IMPORT, NULL, "30s",
     "how long one member and its host may take to answer"},
    {"token-file", NULL, 0, TEXT, "FILE", AT(token_file), EK_VERB_COMMENT,
     "EVENKEEL_FORGE_TOKEN_FILE", NULL, "the token that may comment and set statuses"},
    {"status", NULL, 0, CHOICE, "none|pending|success|failure", AT(forge_status), EK_VERB_COMMENT,
     NULL, NULL, "set the commit's status"},
    {"plan-status", NULL, 0, TEXT, "NUMBER", AT(plan_status), EK_VERB_COMMENT, NULL, NULL,
     "the same from plan's exit status: 0 and 2 are success"},
    {"description", NULL, 0, TEXT, "TEXT", AT(description), EK_VERB_COMMENT, NULL, NULL,
     "what the status says (default: the comment's heading)"},
    {"context", NULL, 0, TEXT, "NAME", AT(context), EK_VERB_COMMENT, NULL, NULL,
     "the status' name (default: evenkeel, and the fleet)"},
    {"target-url", NULL, 0, TEXT, "URL", AT(target_url), EK_VERB_COMMENT, NULL, NULL,
     "where the status leads (default: the run of CI)"},
    {"forge", NULL, 0, CHOICE, "auto|github|gitlab|gitea", AT(forge), EK_VERB_COMMENT, NULL, NULL,
     "the host; Forgejo is a gitea (default: as CI's environment tells)"},
    {"forge-url", NULL, 0, TEXT, "URL", AT(forge_url), EK_VERB_COMMENT, NULL, NULL,
     "its REST interface (default: as CI's environment tells)"},
    {"repository", NULL, 0, TEXT, "OWNER/NAME", AT(repository), EK_VERB_COMMENT, NULL, NULL,
     "the repository there (default: as CI's environment tells)"},
    {"pull-request", "merge-request", 0, TEXT, "NUMBER", AT(pull_request), EK_VERB_COMMENT, NULL,
     NULL, "the pull request (default: as CI's environment tells)"},
    {"commit", NULL, 0, TEXT, "ID", AT(commit), EK_VERB_COMMENT, NULL, NULL,
     "the commit (default: as CI's environment tells)"},
    {"ca-file", NULL, 0, TEXT, "FILE", AT(ca_file), EK_VERB_COMMENT, "EVENKEEL_FORGE_CA_FILE", NULL,
     "authorities to trust instead of the system's"},
    {"forge-timeout", NULL, 0, DURATION, "DURATION", AT(forge_timeout_ms), EK_VERB_COMMENT, NULL,
     "60s", "how long to go on trying while the host is busy"},
    {"yes", "auto-approve", 'y', FLAG, NULL, AT(yes), EK_VERB_APPLY | EK_VERB_APPROVE, NULL, NULL,
     "don't ask: the plan is agreed to"},
    {"outside-window", NULL, 0, FLAG, NULL, AT(outside_window), EK_VERB_APPLY, NULL, NULL,
     "don't wait for a maintenance window; asks for the deployment's name, and is recorded"},
    {"sign-key", NULL, 0, TEXT, "FILE", AT(sign_key_file), EK_VERB_PLAN, NULL, NULL,
     "sign the plan that --out writes with this key, which key new made"},
    {"trusted-key", NULL, 0, TEXT, "KEY|FILE", AT(trusted_key), EK_VERB_APPLY | EK_VERB_APPROVE,
     NULL, NULL, "take a plan file only when this public key's owner signed it"},
    {"specs", NULL, 0, TEXT, "PATH", AT(specs), PEOPLE, NULL, NULL,
     "the specs that know the deployment (default: the current directory)"},
    {"for", NULL, 0, DURATION, "DURATION", AT(pause_ms), EK_VERB_PAUSE, NULL, "2h",
     "how long the pause lasts: 30m, 2h, 3d"},
    {"reason", NULL, 0, TEXT, "TEXT", AT(reason), EK_VERB_PAUSE, NULL, NULL,
     "why, for whoever finds it paused"},
    {"detailed-exitcode", NULL, 0, FLAG, NULL, AT(detailed_exit_code), EK_VERB_PLAN | EK_VERB_APPLY,
     NULL, NULL, "apply: exit with 2 instead of 0 when something was done (plan always does)"},
    {"timeout", NULL, 0, DURATION, "DURATION", AT(step_timeout_ms), EK_VERB_APPLY | EK_VERB_RUN,
     "EVENKEEL_TIMEOUT", "180s", "how long one step's effect may take to be seen"},
    {"settle-timeout", NULL, 0, DURATION, "DURATION", AT(settle_timeout_ms),
     EK_VERB_APPLY | EK_VERB_RUN, "EVENKEEL_SETTLE_TIMEOUT", "60s",
     "how long to wait for what should pass, such as an election"},
    {"lock-timeout", NULL, 0, DURATION, "DURATION", AT(lock_timeout_ms), EK_VERB_APPLY,
     "EVENKEEL_LOCK_TIMEOUT", "0s",
     "how long to wait for another Evenkeel that is changing the deployment"},
    /* NOLINTNEXTLINE(misc-redundant-expression): verbs may stand in both sets */
    {"state-dir", NULL, 0, TEXT, "DIRECTORY", AT(state_directory), SOURCE | STORE | EK_VERB_IMPORT,
     "EVENKEEL_STATE_DIR", NULL, "where sealed secrets, authorities and the store are kept"},
    {"store", NULL, 0, TEXT, "FILE|URI", AT(store), STORE, "EVENKEEL_STORE", NULL,
     "where events, approvals and leases are kept: a file, or mongodb://HOST,.../DATABASE for "
     "reconcilers on several machines (default: evenkeel.db in the state directory)"},
    {"store-password-file", NULL, 0, TEXT, "FILE", AT(store_password_file), STORE,
     "EVENKEEL_STORE_PASSWORD_FILE", NULL, "password of the user that a mongodb:// URI names"},
    {"store-ca-file", NULL, 0, TEXT, "FILE", AT(store_ca_file), STORE, "EVENKEEL_STORE_CA_FILE",
     NULL, "root certificates that the store's servers are checked against: asks for TLS"},
    {"since", NULL, 0, TEXT, "DURATION|TIME", AT(since), EK_VERB_HISTORY, NULL, NULL,
     "only what happened since: 90m, 12h, 7d, 2026-01-31 or 2026-01-31T02:00:00Z"},
    {"kind", NULL, 0, TEXT, "WORD", AT(kind), EK_VERB_HISTORY, NULL, NULL,
     "only events of that kind, such as step-done"},
    {"limit", NULL, 'n', TEXT, "NUMBER", AT(limit), EK_VERB_HISTORY, NULL, NULL,
     "the latest so many (default: 100; 0: all)"},
    {"verify", NULL, 0, FLAG, NULL, AT(check_chain), EK_VERB_HISTORY, NULL, NULL,
     "check the chain of hashes over all events instead: exit status 9 when it is broken"},
    {"secret-key-file", NULL, 0, TEXT, "FILE", AT(secret_key_file), FLEET | EK_VERB_IMPORT,
     "EVENKEEL_SECRET_KEY_FILE", NULL, "the master key that seals the secrets"},
    {"secret-key-command", NULL, 0, TEXT, "COMMAND", AT(secret_key_command), FLEET | EK_VERB_IMPORT,
     "EVENKEEL_SECRET_KEY_COMMAND", NULL, "a command that prints the master key"},
    {"watch", NULL, 'w', FLAG, NULL, AT(watch), EK_VERB_STATUS, NULL, NULL,
     "look again and again: a screen that is kept up to date, or lines of what changed where "
     "there is no terminal"},
    {"interval", NULL, 0, DURATION, "DURATION", AT(watch_interval_ms), EK_VERB_STATUS, NULL, "2s",
     "with --watch: how long to wait between two looks"},
    {"log", NULL, 0, FLAG, NULL, AT(log), EK_VERB_SCHEMA, NULL, NULL,
     "the schema of the lines that run --output json logs, instead"},
    {"reference", NULL, 0, FLAG, NULL, AT(reference), EK_VERB_SCHEMA, NULL, NULL,
     "the reference page of the specs, in Markdown, instead of the schema"},
    {"output", NULL, 0, CHOICE, "text|json|markdown", AT(output), PRINTS, NULL, NULL,
     "how results are printed"},
    {"color", "colour", 0, CHOICE, "auto|always|never", AT(colour), ALL, NULL, NULL,
     "colours: on terminals, always, or never (NO_COLOR and TERM=dumb are heeded)"},
    {"no-color", "no-colour", 0, COLOUR_OFF, NULL, AT(colour), ALL, NULL, NULL, "no colours"},
    {"quiet", NULL, 'q', FLAG, NULL, AT(quiet), ALL, NULL, NULL, "results only"},
    {"verbose", NULL, 'v', FLAG, NULL, AT(verbose), ALL, NULL, NULL,
     "say what is being done, on standard error"},
    {"help", NULL, 'h', FLAG, NULL, AT(help), ALL, NULL, NULL, "this help"},
};

enum { OPTIONS = sizeof options / sizeof *options };

/* ---- did you mean --------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t rows[2][LONGEST + 1];
    size_t width = strlen(b);
    if (strlen(a) > LONGEST || width > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= width; j++)
        rows[0][j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        const size_t *above = rows[(i - 1) % 2];
        size_t *row = rows[i % 2];
        row[0] = i;
        for (size_t j = 1; j <= width; j++)
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
    }
    return rows[strlen(a) % 2][width];
}

const char *ek_nearest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t nearest = 1 + strlen(word) / 3;
    for (size_t i = 0; i < count; i++) {
        size_t here = distance(word, words[i]);
        if (here <= nearest && (!best || here < nearest)) {
            best = words[i];
            nearest = here;
        }
    }
    return best;
}

/* ---- values --------------------------------------------------------------------------- */

static bool parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || number > 1000000)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *ret_ms = number * units[i].ms;
            return true;
        }
    return false;
}

static bool parse_choice(const char *choices, const char *word, int *ret_index)
{
    int index = 0;
    for (const char *at = choices; *at; index++) {
        size_t length = strcspn(at, "|");
        if (strlen(word) == length && memcmp(at, word, length) == 0) {
            *ret_index = index;
            return true;
        }
        at += length + (at[length] == '|');
    }
    return false;
}

static int set_value(const struct option *option, const char *value, const char *where,
                     struct ek_options *into, struct ek_error *err)
{
    void *slot = (char *)into + option->offset;
    switch (option->kind) {
    case FLAG: *(bool *)slot = true; return 0;
    case COLOUR_OFF: *(int *)slot = EK_COLOUR_NEVER; return 0;
    case TEXT:
        *(const char **)slot = value;
        return value[0] ? 0 : ek_fail(err, EK_INVALID, "EK-0803", "%s must not be empty", where);
    case CHOICE:
        if (parse_choice(option->value, value, slot))
            return 0;
        ek_fail(err, EK_INVALID, "EK-0803", "%s can't be \"%s\"", where, value);
        return ek_hint(err, "it is one of %s", option->value);
    case DURATION:
        if (parse_duration(value, slot))
            return 0;
        ek_fail(err, EK_INVALID, "EK-0803", "%s can't be \"%s\"", where, value);
        return ek_hint(err, "durations are written 500ms, 30s, 5m or 2h");
    }
    return 0;
}

/* ---- parsing -------------------------------------------------------------------------- */

static bool named(const struct option *option, const char *word, size_t length)
{
    const char *names[] = {option->name, option->alias};
    for (size_t i = 0; i < 2; i++)
        if (names[i] && strlen(names[i]) == length && memcmp(names[i], word, length) == 0)
            return true;
    return false;
}

static const struct option *find(unsigned verb, const char *word, size_t length)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if ((options[i].verbs & verb) && named(&options[i], word, length))
            return &options[i];
    return NULL;
}

static int unknown(unsigned verb, const char *word, size_t length, struct ek_error *err)
{
    const char *names[OPTIONS];
    char name[64];
    size_t count = 0;
    bool elsewhere = false;
    for (size_t i = 0; i < OPTIONS; i++) {
        if (options[i].verbs & verb)
            names[count++] = options[i].name;
        else
            elsewhere |= named(&options[i], word, length);
    }
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    ek_fail(err, EK_INVALID, "EK-0802", "%s --%s",
            elsewhere ? "this command has no option" : "unknown option", name);
    const char *near = ek_nearest(name, names, count);
    return near && !elsewhere ? ek_hint(err, "did you mean --%s?", near)
                              : ek_hint(err, "evenkeel help COMMAND lists its options");
}

struct words {
    char **at;
    int left;
};

static int take_value(const struct option *option, struct words *words, const char *attached,
                      struct ek_options *into, struct ek_error *err)
{
    char where[48];
    bool wants = option->kind != FLAG && option->kind != COLOUR_OFF;
    snprintf(where, sizeof where, "--%s", option->name);
    if (!wants && attached)
        return ek_fail(err, EK_INVALID, "EK-0803", "%s takes no value", where);
    if (wants && !attached) {
        if (words->left == 0) {
            ek_fail(err, EK_INVALID, "EK-0803", "%s wants a value", where);
            return ek_hint(err, "%s %s", where, option->value);
        }
        attached = *words->at++;
        words->left--;
    }
    return set_value(option, attached, where, into, err);
}

static int long_option(unsigned verb, const char *word, struct words *words,
                       struct ek_options *into, struct ek_error *err)
{
    size_t length = strcspn(word, "=");
    const struct option *option = find(verb, word, length);
    if (!option)
        return unknown(verb, word, length, err);
    return take_value(option, words, word[length] ? word + length + 1 : NULL, into, err);
}

static int letters(unsigned verb, const char *word, struct words *words, struct ek_options *into,
                   struct ek_error *err)
{
    for (; *word; word++) {
        const struct option *option = NULL;
        for (size_t i = 0; i < OPTIONS && !option; i++)
            if ((options[i].verbs & verb) && options[i].letter == *word)
                option = &options[i];
        if (!option) {
            ek_fail(err, EK_INVALID, "EK-0802", "unknown option -%c", *word);
            return ek_hint(err, "evenkeel help COMMAND lists its options");
        }
        bool wants = option->kind != FLAG;
        int result = take_value(option, words, wants && word[1] ? word + 1 : NULL, into, err);
        if (result != 0 || wants)
            return result;
    }
    return 0;
}

static int from_environment(unsigned verb, struct ek_options *into, struct ek_error *err)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (option->initial) /* the table's own words are right */
            parse_duration(option->initial, (int64_t *)(void *)((char *)into + option->offset));
        const char *value = option->environment ? getenv(option->environment) : NULL;
        if (!(option->verbs & verb) || !value || !value[0])
            continue;
        int result = set_value(option, value, option->environment, into, err);
        if (result != 0)
            return result;
    }
    return 0;
}

static int from_words(unsigned verb, struct words words, struct ek_options *into,
                      struct ek_error *err)
{
    bool only_arguments = false;
    while (words.left > 0) {
        const char *word = *words.at++;
        int result = 0;
        words.left--;
        if (only_arguments || word[0] != '-' || !word[1])
            into->arguments[into->argument_count++] = word;
        else if (strcmp(word, "--") == 0)
            only_arguments = true;
        else if (word[1] == '-')
            result = long_option(verb, word + 2, &words, into, err);
        else
            result = letters(verb, word + 1, &words, into, err);
        if (result != 0)
            return result;
    }
    return 0;
}

/* The master key comes from one place: what a flag says beats what the environment says. */
static int choose_key_source(const struct ek_options *environment, struct ek_options *parsed,
                             struct ek_error *err)
{
    bool file_given = parsed->secret_key_file != environment->secret_key_file;
    bool command_given = parsed->secret_key_command != environment->secret_key_command;
    if (command_given && !file_given)
        parsed->secret_key_file = NULL;
    else if (file_given && !command_given)
        parsed->secret_key_command = NULL;
    if (!parsed->secret_key_file || !parsed->secret_key_command)
        return 0;
    ek_fail(err, EK_INVALID, "EK-0804",
            "the master key comes from --secret-key-file or --secret-key-command, not from both");
    return ek_hint(err, "EVENKEEL_SECRET_KEY_FILE and EVENKEEL_SECRET_KEY_COMMAND count too");
}

int ek_options_parse(unsigned verb, int count, char **words, struct ek_options *ret_options,
                     struct ek_error *err)
{
    struct ek_options parsed = {.arguments = calloc((size_t)count + 1, sizeof(char *))};
    if (!parsed.arguments)
        return ek_no_memory(err);
    int result = from_environment(verb, &parsed, err);
    const struct ek_options environment = parsed;
    if (result == 0)
        result = from_words(verb, (struct words){words, count}, &parsed, err);
    if (result == 0)
        result = choose_key_source(&environment, &parsed, err);
    if (result == 0 && !parsed.git && (parsed.revision || parsed.path || parsed.from)) {
        result = ek_fail(err, EK_INVALID, "EK-0804", "%s with --git only",
                         parsed.from ? "--from goes" : "--revision and --path go");
        ek_hint(err, "evenkeel ... --git URL --revision BRANCH");
    }
    if (result != 0) {
        ek_options_done(&parsed);
        return result;
    }
    *ret_options = parsed;
    return 0;
}

void ek_options_done(struct ek_options *parsed)
{
    free(parsed->arguments);
    *parsed = (struct ek_options){0};
}

/* ---- help ----------------------------------------------------------------------------- */

void ek_options_help(unsigned verb, struct ek_buffer *text)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        char left[64];
        char letter[8] = "    ";
        if (!(option->verbs & verb))
            continue;
        if (option->letter)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        if (strlen(left) > 34)
            ek_buffer_printf(text, "  %s\n%37s%s", left, "", option->doc);
        else
            ek_buffer_printf(text, "  %-34s %s", left, option->doc);
        if (option->initial)
            ek_buffer_printf(text, " (%s)", option->initial);
        if (option->environment)
            ek_buffer_printf(text, "\n%37s[%s]", "", option->environment);
        ek_buffer_text_add(text, "\n");
    }
}

/* ---- manual and completion ------------------------------------------------------------- */

void ek_roff(const char *words, struct ek_buffer *text)
{
    for (const char *at = words; *at; at++) {
        bool begins = at == words || at[-1] == '\n';
        if (begins && (*at == '.' || *at == '\''))
            ek_buffer_text_add(text, "\\&");
        if (*at == '\\')
            ek_buffer_text_add(text, "\\e");
        else if (*at == '-')
            ek_buffer_text_add(text, "\\-");
        else
            ek_buffer_add(text, at, 1);
    }
}

void ek_options_manual(unsigned verb, struct ek_buffer *text)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (!(option->verbs & verb))
            continue;
        ek_buffer_text_add(text, ".TP\n");
        if (option->letter)
            ek_buffer_printf(text, "\\fB\\-%c\\fR, ", option->letter);
        ek_buffer_text_add(text, "\\fB");
        ek_roff("--", text);
        ek_roff(option->name, text);
        ek_buffer_text_add(text, "\\fR");
        if (option->value)
            ek_buffer_printf(text, " \\fI%s\\fR", option->value);
        ek_buffer_text_add(text, "\n");
        ek_roff(option->doc, text);
        if (option->initial)
            ek_buffer_printf(text, " (%s)", option->initial);
        if (option->environment)
            ek_buffer_printf(text, "; environment: \\fB%s\\fR", option->environment);
        ek_buffer_text_add(text, "\n");
    }
}

void ek_options_words(unsigned verb, struct ek_buffer *text)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].verbs & verb)
            ek_buffer_printf(text, " --%s", options[i].name);
}

static bool names_a_file(const struct option *option)
{
    static const char *const files[] = {"FILE", "FOLDER", "DIRECTORY", "URL", "FILE|URI"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(option->value, files[i]) == 0)
            return true;
    return false;
}

void ek_options_values(struct ek_buffer *text)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (option->kind == FLAG || option->kind == COLOUR_OFF)
            continue;
        ek_buffer_text_add(text, "    ");
        if (option->letter)
            ek_buffer_printf(text, "-%c | ", option->letter);
        ek_buffer_printf(text, "--%s) ", option->name);
        if (option->kind == CHOICE) {
            ek_buffer_text_add(text, "words=\"");
            for (const char *at = option->value; *at; at++)
                ek_buffer_add(text, *at == '|' ? " " : at, 1);
            ek_buffer_text_add(text, "\" ;;\n");
        } else {
            ek_buffer_text_add(text, names_a_file(option) ? "files=yes ;;\n" : ";;\n");
        }
    }
}
