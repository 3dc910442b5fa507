#include "options.h"

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

void settings_remove(struct settings *s, const char *key)
{
    size_t i = 0;

    while (i < s->n && strcmp(s->at[i].key, key) != 0)
        i++;
    if (i == s->n)
        return;
    free(s->at[i].key);
    free(s->at[i].text);
    s->n--;
    memmove(&s->at[i], &s->at[i + 1], (s->n - i) * sizeof *s->at);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct setting *)a)->key, ((const struct setting *)b)->key);
}

static void replace(struct settings *s, const char *key, const char *text, enum option_type type)
{
    settings_remove(s, key);
    settings_add(s, key, text, type);
}

/* Words for a setting become that setting: `--auth`, `--logpath`, and the modes of the old name. */
static void canonicalise(struct settings *s)
{
    const char *text = settings_get(s, "logpath");
    char *copy;

    if (text != NULL) {
        copy = xstrdup(text);
        settings_remove(s, "logpath");
        replace(s, "systemLog.path", copy, OPT_STRING);
        replace(s, "systemLog.destination", "file", OPT_STRING);
        free(copy);
    }
    for (const struct option_row *row = option_rows; row->key != NULL; row++) {
        const char *is = row->implied == NULL ? NULL : strchr(row->implied, '=');

        if (is == NULL || settings_get(s, row->key) == NULL)
            continue;
        settings_remove(s, row->key);
        copy = strndup(row->implied, (size_t)(is - row->implied));
        replace(s, copy, is + 1, option_by_key(copy)->type);
        free(copy);
    }
    text = settings_get(s, "net.ssl.mode");
    if (text != NULL) {
        size_t n = strlen(text);

        copy = n > 3 && strcmp(text + n - 3, "SSL") == 0 ? xprintf("%.*sTLS", (int)(n - 3), text)
                                                         : xstrdup(text);
        settings_remove(s, "net.ssl.mode");
        replace(s, "net.tls.mode", copy, OPT_STRING);
        free(copy);
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
    if (text != NULL)
        (void)tls_mode_from(text, false, &o->tls_mode); /* options_validate() judges it */
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
    o->plaintext_unlogged = truth(s, "setParameter.disableNonTLSConnectionLogging") ||
                            truth(s, "setParameter.disableNonSSLConnectionLogging");
}

void options_parse(int argc, char **argv)
{
    struct settings *s = &options.given, file = {0};
    const char *path;
    size_t i = 0;

    program = argv[0];
    bson_init(&options.argv);
    bson_init(&options.parsed);
    options_read_arguments(s, argc, argv);
    path = settings_get(s, "config");
    if (path != NULL)
        options_read_file(&file, path, settings_get(s, "configExpand"));
    for (size_t k = 0; k < file.n; k++) { /* the command line goes before the file */
        settings_add(s, file.at[k].key, file.at[k].text, file.at[k].type);
        free(file.at[k].key);
        free(file.at[k].text);
    }
    free(file.at);
    options_check_constraints(s);
    canonicalise(s);
    nest(&options.parsed, s, &i, "");
    fill(s);
    options_validate(s);
}
