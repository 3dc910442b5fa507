#include "options.h"
#include "log.h"
#include "version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options;
static const char *program;

void options_refuse(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\ntry '%s --help' for more information\n", program);
    exit(2);
}

bool settings_add(struct settings *s, const char *key, const char *text, enum option_type type)
{
    if (settings_get(s, key) != NULL)
        return false;
    s->at = xrealloc(s->at, (s->n + 1) * sizeof *s->at);
    s->at[s->n++] =
        (struct setting){xstrdup(key), xstrdup(text), type == OPT_SWITCH ? OPT_BOOL : type};
    return true;
}

const char *settings_get(const struct settings *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->at[i].key, key) == 0)
            return s->at[i].text;
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct setting *)a)->key, ((const struct setting *)b)->key);
}

/* The old names become the new ones, with a warning each, and the old mode words the new ones. */
static void canonicalise(struct settings *s)
{
    qsort(s->at, s->n, sizeof *s->at, by_key);
    for (size_t i = 0; i < s->n; i++) {
        struct setting *it = &s->at[i];
        const struct option_row *row = option_by_key(it->key);
        enum tls_mode mode;

        if (row == NULL || row->instead == NULL)
            continue;
        if (settings_get(s, row->instead) != NULL)
            options_refuse("Cannot specify both %s and %s", row->instead, it->key);
        if (strcmp(it->key, "net.ssl.mode") != 0) {
            log_line('W', "CONTROL", "Option: %s is deprecated. Please use %s instead.", it->key,
                     row->instead);
        } else if (tls_mode_from(it->text, true, &mode)) {
            free(it->text);
            it->text = xstrdup(tls_mode_name(mode, false));
        } else {
            options_bad_value("unsupported value for sslMode %s", it->text);
        }
        free(it->key);
        it->key = xstrdup(row->instead);
    }
    qsort(s->at, s->n, sizeof *s->at, by_key);
}

static void append_value(bson_t *to, const char *key, const struct setting *it)
{
    switch (it->type) {
    case OPT_INT: add_int(to, key, (int32_t)strtol(it->text, NULL, 10)); break;
    case OPT_DOUBLE: add_num(to, key, strtod(it->text, NULL)); break;
    case OPT_BOOL:
    case OPT_SWITCH: add_bool(to, key, strcmp(it->text, "true") == 0); break;
    case OPT_PASSWORD: add_str(to, key, "<password>"); break;
    case OPT_STRING: add_str(to, key, it->text); break;
    }
}

/* Nests sorted dotted keys: those from `*i` that begin with `prefix`. */
static void nest(bson_t *to, const struct settings *s, size_t *i, const char *prefix)
{
    size_t skip = strlen(prefix);

    while (*i < s->n && strncmp(s->at[*i].key, prefix, skip) == 0) {
        const char *rest = s->at[*i].key + skip, *dot = strchr(rest, '.');

        if (dot == NULL || strcmp(prefix, "setParameter.") == 0) {
            append_value(to, rest, &s->at[*i]);
            ++*i;
        } else {
            char *inner = strndup(s->at[*i].key, skip + (size_t)(dot - rest) + 1);
            char *name = strndup(rest, (size_t)(dot - rest));
            bson_t sub;

            bson_append_document_begin(to, name, -1, &sub);
            nest(&sub, s, i, inner);
            bson_append_document_end(to, &sub);
            free(inner);
            free(name);
        }
    }
}

_Noreturn static void refuse_twice(const char *flag)
{
    options_refuse("Error parsing command line: option '--%s' cannot be specified more than once",
                   flag);
}

static void parse_flag(struct settings *s, int argc, char **argv, int *i, uint32_t *n_argv)
{
    const char *arg = argv[*i], *name, *eq, *value;
    const struct option_row *row;
    char *flag;

    if (strcmp(arg, "-f") == 0)
        name = "config";
    else if (strncmp(arg, "-v", 2) == 0 && strspn(arg + 1, "v") == strlen(arg + 1)) {
        push_str(&options.argv, n_argv, arg);
        return;
    } else if (strncmp(arg, "--", 2) == 0)
        name = arg + 2;
    else
        options_refuse("Error parsing command line: too many positional options have been "
                       "specified on the command line");
    eq = strchr(name, '=');
    flag = eq == NULL ? xstrdup(name) : strndup(name, (size_t)(eq - name));
    row = option_by_flag(flag);
    if (row == NULL && strcmp(flag, "setParameter") != 0)
        options_refuse("Error parsing command line: unrecognised option '%s'", arg);
    push_str(&options.argv, n_argv, arg);
    if (row != NULL && row->type == OPT_SWITCH) {
        if (!settings_add(s, row->key, row->implied != NULL ? row->implied : "true",
                          row->implied != NULL ? OPT_STRING : OPT_BOOL))
            refuse_twice(flag);
        free(flag);
        return;
    }
    value = eq != NULL ? eq + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (value == NULL)
        options_refuse(
            "Error parsing command line: the required argument for option '%s' is missing", arg);
    if (eq == NULL)
        push_str(&options.argv, n_argv,
                 row != NULL && row->type == OPT_PASSWORD ? "<password>" : value);
    if (row == NULL) {
        const char *is = strchr(value, '=');
        char *key;

        if (is == NULL)
            options_refuse("Illegal option assignment: \"%s\"", value);
        key = xprintf("setParameter.%.*s", (int)(is - value), value);
        settings_add(s, key, is + 1, OPT_STRING);
        free(key);
    } else {
        if (!settings_add(s, row->key, value, row->type))
            refuse_twice(flag);
    }
    free(flag);
}

static char *copy_of(const struct settings *s, const char *key)
{
    const char *text = settings_get(s, key);

    return text == NULL ? NULL : xstrdup(text);
}

static bool truth(const struct settings *s, const char *key)
{
    const char *text = settings_get(s, key);

    return text != NULL && strcmp(text, "true") == 0;
}

/* From text to the fields that the rest of the program reads. */
static void fill(const struct settings *s)
{
    struct options *o = &options;
    const char *text = settings_get(s, "net.port");

    o->port = text == NULL ? 27017 : (int)strtol(text, NULL, 10);
    o->bind_ip = copy_of(s, "net.bindIp");
    if (truth(s, "net.bindIpAll"))
        o->bind_ip = xstrdup("0.0.0.0");
    if (o->bind_ip == NULL)
        o->bind_ip = xstrdup("127.0.0.1");
    o->db_path = copy_of(s, "storage.dbPath");
    if (o->db_path == NULL)
        o->db_path = xstrdup("/data/db");
    o->log_path = copy_of(s, "systemLog.path");
    o->log_append = truth(s, "systemLog.logAppend");
    o->pid_file = copy_of(s, "processManagement.pidFilePath");
    o->fork = truth(s, "processManagement.fork");
    o->repl_set = copy_of(s, "replication.replSetName");
    if (o->repl_set == NULL)
        o->repl_set = copy_of(s, "replication.replSet");
    o->key_file = copy_of(s, "security.keyFile");
    o->transition_to_auth = truth(s, "security.transitionToAuth");
    text = settings_get(s, "security.authorization");
    o->authorization = !o->transition_to_auth &&
                       (o->key_file != NULL || (text != NULL && strcmp(text, "enabled") == 0));
    o->cluster_auth_mode = copy_of(s, "security.clusterAuthMode");
    if (o->cluster_auth_mode == NULL && o->key_file != NULL)
        o->cluster_auth_mode = xstrdup("keyFile");
    text = settings_get(s, "net.tls.mode");
    if (text != NULL && !tls_mode_from(text, false, &o->tls_mode))
        options_bad_value("unsupported value for tlsMode %s", text);
    o->tls_certificate = copy_of(s, "net.tls.certificateKeyFile");
    o->tls_password = copy_of(s, "net.tls.certificateKeyFilePassword");
    o->tls_cluster_file = copy_of(s, "net.tls.clusterFile");
    o->tls_cluster_password = copy_of(s, "net.tls.clusterPassword");
    o->tls_ca = copy_of(s, "net.tls.CAFile");
    o->tls_cluster_ca = copy_of(s, "net.tls.clusterCAFile");
    o->tls_crl = copy_of(s, "net.tls.CRLFile");
    o->tls_disabled_protocols = copy_of(s, "net.tls.disabledProtocols");
    o->tls_ciphers = copy_of(s, "net.tls.tlsCipherConfig");
    o->tls_weak = truth(s, "net.tls.allowConnectionsWithoutCertificates");
    o->tls_any_hostname = truth(s, "net.tls.allowInvalidHostnames");
    o->tls_any_certificate = truth(s, "net.tls.allowInvalidCertificates");
}

void options_parse(int argc, char **argv)
{
    struct settings *s = &options.given;
    uint32_t n_argv = 0;
    const char *path;
    size_t i = 0;

    program = argv[0];
    bson_init(&options.argv);
    bson_init(&options.parsed);
    push_str(&options.argv, &n_argv, argv[0]);
    for (int a = 1; a < argc; a++) {
        if (strcmp(argv[a], "--version") == 0) {
            version_print();
            exit(0);
        }
        if (strcmp(argv[a], "--help") == 0 || strcmp(argv[a], "-h") == 0) {
            printf("A stand-in for mongod %s: the same options, the same configuration file.\n",
                   version.text);
            exit(0);
        }
        parse_flag(s, argc, argv, &a, &n_argv);
    }
    path = settings_get(s, "config");
    if (path != NULL)
        options_read_file(s, path, settings_get(s, "configExpand"));
    canonicalise(s);
    nest(&options.parsed, s, &i, "");
    fill(s);
    options_validate(s);
}
