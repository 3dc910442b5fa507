/* The command line: one table of options, from which it is parsed and help is printed. */
#ifndef EK_COMMAND_OPTIONS_H
#define EK_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

enum ek_output { EK_OUTPUT_TEXT, EK_OUTPUT_JSON, EK_OUTPUT_MARKDOWN };
enum ek_colour { EK_COLOUR_AUTO, EK_COLOUR_ALWAYS, EK_COLOUR_NEVER };

enum {
    EK_VERB_VALIDATE = 1 << 0,
    EK_VERB_PLAN = 1 << 1,
    EK_VERB_APPLY = 1 << 2,
    EK_VERB_STATUS = 1 << 3,
    EK_VERB_VERIFY = 1 << 4,
    EK_VERB_EXPLAIN = 1 << 5,
    EK_VERB_SCHEMA = 1 << 6,
    EK_VERB_VERSION = 1 << 7,
    EK_VERB_HELP = 1 << 8,
    EK_VERB_SHOW = 1 << 9,
    EK_VERB_RUN = 1 << 10,
    EK_VERB_COMMENT = 1 << 11,
    EK_VERB_HISTORY = 1 << 12,
    EK_VERB_PAUSE = 1 << 13,
    EK_VERB_RESUME = 1 << 14,
    EK_VERB_APPROVE = 1 << 15,
    EK_VERB_KEY = 1 << 16,
    EK_VERB_IMPORT = 1 << 17,
};

struct ek_options {
    const char **arguments; /* what is no option, in order; NULL-terminated */
    size_t argument_count;
    const char *git;
    const char *revision;
    const char *from;
    const char *fleet;
    const char *path;
    const char *deployment;
    const char *state_directory;
    const char *secret_key_file;
    const char *secret_key_command;
    const char *git_token_file;
    const char *ssh_key_file;
    const char *out;
    const char *token_file; /* comment */
    const char *ca_file;
    const char *forge_url;
    const char *repository;
    const char *pull_request;
    const char *commit;
    const char *plan_status;
    const char *description;
    const char *context;
    const char *target_url;
    int forge;         /* index of its choices: 0 is as detected */
    int forge_status;  /* index of its choices: 0 is none */
    const char *store; /* path or mongodb:// URI */
    const char *store_password_file;
    const char *store_ca_file;
    const char *since; /* history */
    const char *kind;
    const char *limit;
    const char *config;
    const char *listen;
    const char *webhook_secret_file;
    const char *clock;
    int64_t fetch_interval_ms;
    int64_t observe_interval_ms;
    int rewritten_history; /* enum ek_rewritten */
    bool once;
    const char *sign_key_file; /* plan */
    const char *trusted_key;   /* apply, approve */
    const char *specs;         /* pause, resume, approve: where the specs are */
    const char *reason;        /* pause */
    int64_t pause_ms;
    int64_t step_timeout_ms;
    int64_t settle_timeout_ms;
    int64_t lock_timeout_ms;
    int64_t forge_timeout_ms;
    int output; /* enum ek_output */
    int colour; /* enum ek_colour */
    bool yes;
    bool detailed_exit_code;
    bool quiet;
    bool verbose;
    bool help;
    const char *traces;
    bool reference;
    bool log;
    bool watch;
    int64_t watch_interval_ms;
    bool check_chain;
    bool outside_window;
    const char *account; /* import */
    const char *ssh_user;
    const char *ssh_port;
    const char *ssh_identity_file;
    const char *ssh_known_hosts;
    const char *ssh_config;
    const char *user;
    const char *password_file;
    const char *certificate_key_file;
    int64_t import_timeout_ms;
    int provider; /* index of its choices: 0 is hosts */
    int reach;    /* index of its choices: 0 is ssh */
    bool force;
    bool check;
};

/* Parse the words after the verb. Precedence: flag, environment, default. EK_INVALID
 * (EK-0802, EK-0803) with a did-you-mean. Strings are borrowed from argv and environment; free
 * with ek_options_done. */
int ek_options_parse(unsigned verb, int count, char **words, struct ek_options *ret_options,
                     struct ek_error *err);
void ek_options_done(struct ek_options *options);

/* Append the options of a verb, two columns, as help shows them. */
void ek_options_help(unsigned verb, struct ek_buffer *text);

/* The same as a list of a manual page, and as a bash completion: the words that a verb's options
 * are, and what may follow each that takes a value. */
void ek_roff(const char *words, struct ek_buffer *text); /* a text as roff source */
void ek_options_manual(unsigned verb, struct ek_buffer *text);
void ek_options_words(unsigned verb, struct ek_buffer *text);
void ek_options_values(struct ek_buffer *text);

/* The word of `words` nearest to a mistyped one, or NULL when none is near. */
const char *ek_nearest(const char *word, const char *const *words, size_t count);

#endif
