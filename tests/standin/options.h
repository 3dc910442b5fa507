/* mongod's command line and configuration file. */
#ifndef STANDIN_OPTIONS_H
#define STANDIN_OPTIONS_H

#include "util.h"

enum tls_mode { TLS_DISABLED, TLS_ALLOW, TLS_PREFER, TLS_REQUIRE };

enum option_type { OPT_STRING, OPT_INT, OPT_DOUBLE, OPT_BOOL, OPT_SWITCH, OPT_PASSWORD };

/* One row per option that the server knows. */
struct option_row {
    const char *key;  /* in the file, dotted */
    const char *flag; /* on the command line, without dashes; NULL: file only */
    enum option_type type;
    const char *instead; /* the key that this deprecated one stands for, or NULL */
    const char *implied; /* a switch that stands for this value of the key, in the command line */
};
/* The key under which the option is kept: a deprecated name is only another way to say it. */
const char *option_canonical(const struct option_row *row);
extern const struct option_row option_rows[];
const struct option_row *option_by_key(const char *key);
const struct option_row *option_by_flag(const char *flag);

/* What was given, by key. */
struct setting {
    char *key;
    char *text;
    enum option_type type;
};
struct settings {
    struct setting *at;
    size_t n;
};
/* Replaces nothing that is already there; false when it was there. */
bool settings_add(struct settings *s, const char *key, const char *text, enum option_type type);
/* The text is borrowed; NULL when nothing was given. */
const char *settings_get(const struct settings *s, const char *key);
void settings_remove(struct settings *s, const char *key);

struct options {
    struct settings given;
    bson_t argv; /* as getCmdLineOpts shows them */
    bson_t parsed;
    int port;
    char *bind_ip; /* comma separated */
    char *db_path, *log_path, *repl_set, *key_file, *pid_file;
    bool log_append, fork, authorization, transition_to_auth;
    enum tls_mode tls_mode;
    char *tls_certificate, *tls_password, *tls_ca, *tls_cluster_file, *tls_cluster_password,
        *tls_cluster_ca, *tls_crl;
    char *tls_disabled_protocols, *tls_ciphers;
    bool tls_weak, tls_any_hostname, tls_any_certificate;
    char *cluster_auth_mode;
    bool plaintext_unlogged; /* disableNonTLSConnectionLogging */
};
extern struct options options;

/* Reads argv and the file it names. Ends the process as mongod does when something is wrong with
 * them. */
void options_parse(int argc, char **argv);
/* Prints the reason and "try … --help", and ends with status 2: the options can't be understood. */
_Noreturn void options_refuse(const char *fmt, ...) PRINTF(1, 2);
/* "Failed global initialization" and status 1: they are understood, and don't go together. */
_Noreturn void options_bad_value(const char *fmt, ...) PRINTF(1, 2);
/* Adds what the command line says, and to options.argv what getCmdLineOpts shows of it. */
void options_read_arguments(struct settings *s, int argc, char **argv);
/* Adds what the file says. `expand` is the value of --configExpand, or NULL. */
void options_read_file(struct settings *s, const char *path, const char *expand);
/* Ends the process unless the text can be a value of that option, called `name` where it stands. */
void options_check_type(const struct option_row *row, const char *name, const char *text);
/* Before old names become new ones: options that exclude each other, and words that no option has.
 */
void options_check_constraints(const struct settings *s);
/* Afterwards, from the fields of `options`: values and combinations that mongod refuses. */
void options_validate(const struct settings *s);
/* Of --setParameter: names that there are not, and those that can't be set at a start. */
void options_check_parameters(const struct settings *s);

const char *tls_mode_name(enum tls_mode mode, bool ssl_words);
bool tls_mode_from(const char *word, bool ssl_words, enum tls_mode *ret_mode);

#endif
