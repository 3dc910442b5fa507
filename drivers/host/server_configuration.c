/* Reading the server's configuration, and the digest of its TLS options. */
#include "drivers/host/server_configuration.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_tls_names.h"
#include "drivers/host/yaml_tree.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"

static const struct {
    const char *ssl, *tls;
} renamed[] = {
    {"PEMKeyFile", "certificateKeyFile"},
    {"PEMKeyPassword", EK_TLS_PASSWORD_KEY},
    {"weakCertificateValidation", "allowConnectionsWithoutCertificates"},
    {"sslCipherConfig", "tlsCipherConfig"},
};

const char *ek_tls_name_of_ssl(const char *ssl_name)
{
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (strcmp(renamed[i].ssl, ssl_name) == 0)
            return renamed[i].tls;
    return ssl_name;
}

void ek_server_configuration_done(struct ek_server_configuration *configuration)
{
    free(configuration->certificate_key_file);
    free(configuration->ca_file);
    free(configuration->key_file);
    free(configuration->replica_set);
    free(configuration->db_path);
    free(configuration->cluster_role);
    free(configuration->log_path);
    *configuration = (struct ek_server_configuration){0};
}

struct pair {
    const char *name, *value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->value, right->value);
}

static bool is_password(const char *name)
{
    return strcmp(name, EK_TLS_PASSWORD_KEY) == 0 || strcmp(name, "clusterPassword") == 0;
}

int ek_server_options_digest(const char *const *names, const char *const *values, size_t count,
                             uint8_t ret_digest[EK_SHA256_SIZE], struct ek_error *err)
{
    struct pair *pairs = calloc(count + 1, sizeof *pairs);
    size_t used = 0;
    if (!pairs)
        return ek_no_memory(err);
    for (size_t i = 0; i < count; i++) /* a switch that is off is as good as not there */
        if (strcmp(names[i], "mode") != 0 && strcmp(values[i], "false") != 0)
            pairs[used++] = (struct pair){
                .name = names[i], .value = is_password(names[i]) ? "<password>" : values[i]};
    qsort(pairs, used, sizeof *pairs, compare_pairs);
    EK_BUFFER canonical = {0};
    for (size_t i = 0; i < used; i++)
        ek_buffer_printf(&canonical, "%s=%s\n", pairs[i].name, pairs[i].value);
    free(pairs);
    if (used > 0)
        return ek_sha256_of(&canonical, ret_digest, err);
    memset(ret_digest, 0, 32);
    return 0;
}

int ek_server_tls_digest(const struct ek_server_tls *tls, uint8_t ret_digest[EK_SHA256_SIZE],
                         struct ek_error *err)
{
    const char *names[6] = {"allowConnectionsWithoutCertificates"};
    const char *values[6] = {tls->allow_connections_without_certificates == EK_CHOICE_NO ? "false"
                                                                                         : "true"};
    size_t count = 1;
    const struct pair optional[] = {
        {"disabledProtocols", tls->disabled_protocols},    {"tlsCipherConfig", tls->ciphers},
        {"certificateKeyFile", tls->certificate_key_file}, {"CAFile", tls->ca_file},
        {EK_TLS_PASSWORD_KEY, tls->password_file},
    };
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        if (optional[i].value) {
            names[count] = optional[i].name;
            values[count++] = optional[i].value;
        }
    return ek_server_options_digest(names, values, tls->mode == EK_SSL_DISABLED ? 0 : count,
                                    ret_digest, err);
}

/* net.tls.mode takes the TLS words only and net.ssl.mode the SSL words only: with the
 * other spelling the server does not start, so such a file has no known mode. */
static enum ek_ssl_mode mode_of(const char *word, bool ssl)
{
    enum ek_ssl_mode mode = ek_ssl_mode_parse(word);
    const char *accepted = ssl ? ek_ssl_mode_name(mode) : ek_tls_mode_name(mode);
    return strcmp(accepted, word) == 0 ? mode : EK_SSL_UNKNOWN;
}

static int set_text(char **field, const char *value, struct ek_error *err)
{
    free(*field);
    *field = strdup(value);
    return *field ? 0 : ek_no_memory(err);
}

struct tls_found {
    const char **names, **values;
    size_t count;
    bool by_tls, by_ssl;
};

static int take_tls_option(const struct ek_yaml_option *option, const char *key,
                           struct ek_server_configuration *configuration, struct tls_found *found,
                           struct ek_error *err)
{
    bool ssl = strncmp(option->name, "net.ssl.", 8) == 0;
    const char *name = ssl ? ek_tls_name_of_ssl(key) : key;
    *(ssl ? &found->by_ssl : &found->by_tls) = true;
    found->names[found->count] = name;
    found->values[found->count++] = option->expansion ? "<password>" : option->value;
    if (strcmp(name, "mode") == 0)
        configuration->mode = mode_of(option->value, ssl);
    else if (strcmp(name, "certificateKeyFile") == 0)
        return set_text(&configuration->certificate_key_file, option->value, err);
    else if (strcmp(name, "CAFile") == 0)
        return set_text(&configuration->ca_file, option->value, err);
    else if (strcmp(name, EK_TLS_PASSWORD_KEY) == 0)
        configuration->password_by_exec = option->by_exec;
    return 0;
}

static int parse_port(const char *text, int *ret_port)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (end == text || *end || port < 1 || port > 65535)
        return EK_INVALID;
    *ret_port = (int)port;
    return 0;
}

static const char *after(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static int take_option(const struct ek_yaml_option *option, const char *path,
                       struct ek_server_configuration *configuration, struct tls_found *found,
                       struct ek_error *err)
{
    const struct {
        const char *name;
        char **field;
    } texts[] = {
        {"security.keyFile", &configuration->key_file},
        {"replication.replSetName", &configuration->replica_set},
        {"storage.dbPath", &configuration->db_path},
        {"systemLog.path", &configuration->log_path},
        {"sharding.clusterRole", &configuration->cluster_role},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(option->name, texts[i].name) == 0)
            return set_text(texts[i].field, option->value, err);
    const char *key;
    if ((key = after(option->name, "net.tls.")) || (key = after(option->name, "net.ssl.")))
        return take_tls_option(option, key, configuration, found, err);
    if (strcmp(option->name, "security.authorization") == 0)
        configuration->authorization |= strcmp(option->value, "enabled") == 0;
    else if (strcmp(option->name, "net.port") == 0 &&
             parse_port(option->value, &configuration->port) != 0)
        return ek_fail(err, EK_INVALID, "EK-0410", "%s: net.port is '%s', not a port number", path,
                       option->value);
    return 0;
}

static int take_keys(const struct ek_yaml_options *options,
                     struct ek_server_configuration *configuration, struct ek_error *err)
{
    bool no_memory;
    struct ek_server_option *rows = calloc(options->count + 1, sizeof *rows);
    if (!rows)
        return ek_no_memory(err);
    for (size_t i = 0; i < options->count; i++)
        rows[i] = (struct ek_server_option){options->rows[i].name, options->rows[i].value};
    configuration->keys_fit =
        ek_server_keys_of(rows, options->count, configuration->keys, &no_memory);
    free(rows);
    return no_memory ? ek_no_memory(err) : 0;
}

int ek_server_configuration_parse(const char *text, size_t length, const char *path,
                                  struct ek_server_configuration *ret_configuration,
                                  struct ek_error *err)
{
    EK_YAML_TREE tree = {0};
    EK_YAML_OPTIONS options = {0};
    int result = ek_yaml_tree_parse(text, length, path, &tree, err);
    if (result == 0)
        result = ek_yaml_options_of(&tree, path, &options, err);
    if (result != 0)
        return result;
    struct ek_server_configuration configuration = {.mode = EK_SSL_DISABLED, .port = 27017};
    struct tls_found found = {.names = calloc(options.count + 1, sizeof(char *)),
                              .values = calloc(options.count + 1, sizeof(char *))};
    if (!found.names || !found.values)
        result = ek_no_memory(err);
    for (size_t i = 0; i < options.count && result == 0; i++)
        result = take_option(&options.rows[i], path, &configuration, &found, err);
    if (found.by_ssl && found.by_tls) /* the server refuses the two together */
        configuration.mode = EK_SSL_UNKNOWN;
    configuration.authorization |= configuration.key_file != NULL;
    if (result == 0)
        result = ek_server_options_digest(found.names, found.values, found.count,
                                          configuration.options_digest, err);
    free(found.names);
    free(found.values);
    if (result == 0)
        result = take_keys(&options, &configuration, err);
    if (result != 0) {
        ek_server_configuration_done(&configuration);
        return result;
    }
    *ret_configuration = configuration;
    return 0;
}
