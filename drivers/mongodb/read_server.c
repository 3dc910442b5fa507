/* buildInfo, getParameter, getCmdLineOpts, serverStatus, $clusterTime: what a member
 * says about its own process. */
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_configuration.h"
#include "drivers/host/server_tls_names.h"
#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/read.h"
#include "reconciler/base/buffer.h"

enum { OPTIONS_MAX = 256 };

void ek_mongodb_read_build_info(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    const char *at = ek_bson_text(reply, "version");
    int found[3];
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        long number = at ? strtol(at, &end, 10) : -1;
        if (!at || end == at || number < 0 || number > 9999 || (i < 2 && *end != '.'))
            return;
        found[i] = (int)number;
        at = end + 1;
    }
    memcpy(seen->version, found, sizeof found);
}

void ek_mongodb_read_mode(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    const char *word = ek_bson_text(reply, "tlsMode");
    if (!word)
        word = ek_bson_text(reply, "sslMode");
    if (word)
        seen->mode_running = ek_ssl_mode_parse(word);
}

struct options {
    char *names[OPTIONS_MAX];
    char *values[OPTIONS_MAX];
    size_t count;
    bool failed; /* there was no memory for one of them */
};

static void options_done(struct options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        free(options->names[i]);
        free(options->values[i]);
    }
}

static void value_text(const bson_iter_t *field, struct ek_buffer *text)
{
    if (BSON_ITER_HOLDS_UTF8(field))
        ek_buffer_text_add(text, bson_iter_utf8(field, NULL));
    else if (BSON_ITER_HOLDS_BOOL(field))
        ek_buffer_text_add(text, bson_iter_bool(field) ? "true" : "false");
    else if (BSON_ITER_HOLDS_DOUBLE(field))
        ek_buffer_printf(text, "%.17g", bson_iter_double(field));
    else if (BSON_ITER_HOLDS_NUMBER(field))
        ek_buffer_printf(text, "%lld", (long long)bson_iter_as_int64(field));
}

/* A list as files are read: its values joined by commas. */
static void list_text(const bson_iter_t *list, struct ek_buffer *text)
{
    bson_iter_t at;
    if (!bson_iter_recurse(list, &at))
        return;
    for (bool first = true; bson_iter_next(&at); first = false) {
        ek_buffer_text_add(text, first ? "" : ",");
        value_text(&at, text);
    }
}

/* Every option below `section`, nested ones as "outer.inner". */
static void collect_options(const bson_t *section, const char *prefix, int depth,
                            struct options *options)
{
    bson_iter_t at;
    bson_t inner;
    if (depth > 4 || !bson_iter_init(&at, section))
        return;
    while (bson_iter_next(&at) && options->count < OPTIONS_MAX) {
        const char *key = bson_iter_key(&at);
        EK_BUFFER name = {0};
        ek_buffer_printf(&name, "%s%s%s", prefix, *prefix ? "." : "", key);
        options->failed |= name.failed;
        if (ek_bson_iter_document(&at, &inner)) {
            collect_options(&inner, ek_buffer_text(&name), depth + 1, options);
            continue;
        }
        EK_BUFFER value = {0};
        if (BSON_ITER_HOLDS_ARRAY(&at))
            list_text(&at, &value);
        else
            value_text(&at, &value);
        options->failed |= name.failed || value.failed;
        if (options->failed)
            return;
        options->names[options->count] = ek_buffer_take(&name);
        options->values[options->count++] = ek_buffer_take(&value);
    }
}

/* Those under net.tls, by their names there; false without memory. */
static bool read_tls_options(const struct options *all, struct ek_mongodb_seen *seen)
{
    const char *names[OPTIONS_MAX];
    const char *values[OPTIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        bool ssl = strncmp(all->names[i], "net.ssl.", 8) == 0;
        if (!ssl && strncmp(all->names[i], "net.tls.", 8) != 0)
            continue;
        const char *name = ssl ? ek_tls_name_of_ssl(all->names[i] + 8) : all->names[i] + 8;
        const char *value = all->values[i];
        if (strcmp(name, "mode") == 0) {
            seen->mode_at_start = ek_ssl_mode_parse(value);
            continue;
        }
        if (strcmp(name, "certificateKeyFile") == 0)
            bson_strncpy(seen->certificate_key_file, value, sizeof seen->certificate_key_file);
        else if (strcmp(name, "CAFile") == 0)
            bson_strncpy(seen->ca_file, value, sizeof seen->ca_file);
        names[count] = name;
        values[count++] = value;
    }
    return count == 0 ||
           ek_server_options_digest(names, values, count, seen->options_digest, NULL) == 0;
}

/* False without memory, or when they are too many. */
static bool read_all_options(const bson_t *parsed, struct ek_mongodb_seen *seen)
{
    EK_CLEANUP(options_done) struct options options = {0};
    struct ek_server_option watched[OPTIONS_MAX];
    bool no_memory;
    collect_options(parsed, "", 0, &options);
    for (size_t i = 0; i < options.count; i++)
        watched[i] = (struct ek_server_option){options.names[i], options.values[i]};
    return !options.failed && options.count < OPTIONS_MAX && read_tls_options(&options, seen) &&
           ek_server_keys_of(watched, options.count, seen->option_keys, &no_memory);
}

void ek_mongodb_read_options(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    bson_t parsed;
    if (!ek_bson_document(reply, "parsed", &parsed))
        return;
    ek_bson_copy_text(&parsed, "config", seen->configuration, sizeof seen->configuration);
    seen->mode_at_start = EK_SSL_DISABLED;
    seen->options_known = read_all_options(&parsed, seen);
    bool key_file =
        ek_bson_copy_text(&parsed, "security.keyFile", seen->key_file, sizeof seen->key_file);
    if (!seen->cluster_role[0])
        ek_bson_copy_text(&parsed, "sharding.clusterRole", seen->cluster_role,
                          sizeof seen->cluster_role);
    const char *authorization = ek_bson_text(&parsed, "security.authorization");
    bool enabled = authorization && strcmp(authorization, "enabled") == 0;
    seen->authorization = key_file || enabled ? EK_ANSWER_YES : EK_ANSWER_NO;
}

void ek_mongodb_read_server_status(const bson_t *reply, struct ek_mongodb_seen *seen)
{
    seen->pid = ek_bson_int(reply, "pid", -1);
    int64_t seconds = ek_bson_int(reply, "uptime", -1);
    seen->uptime_ms = ek_bson_int(reply, "uptimeMillis", seconds < 0 ? -1 : seconds * 1000);
}

int64_t ek_mongodb_read_signing_key(const bson_t *reply)
{
    bson_t time;
    if (!ek_bson_document(reply, "$clusterTime", &time))
        return 0;
    return ek_bson_int(&time, "signature.keyId", 0);
}
