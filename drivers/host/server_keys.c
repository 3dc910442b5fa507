#include "drivers/host/server_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_tls_names.h"

/* A name that ends in a dot, or in a letter in the middle of a word, stands for all that begin so.
 */
static const char *const watched[] = {
    "net.port",
    "net.bindIp",
    "net.bindIpAll",
    "net.ipv6",
    "security.",
    "replication.replSetName",
    "sharding.clusterRole",
    "storage.dbPath",
    "storage.engine",
    "storage.directoryPerDB",
    "storage.wiredTiger.engineConfig.directoryForIndexes",
};

/* Parameters of TLS and of how members prove themselves. */
static const char *const watched_parameters[] = {
    "setParameter.tls",    "setParameter.ssl",           "setParameter.openssl",
    "setParameter.ocsp",   "setParameter.clusterAuth",   "setParameter.authenticationMechanisms",
    "setParameter.useTLS", "setParameter.disableNonTLS", NULL,
};

/* What says nothing about members, nor about who is let in. */
static const char *const harmless[] = {"security.javascriptEnabled", "security.redactClientLogData",
                                       "setParameter.disableNonTLS", "setParameter.suppressNoTLS",
                                       NULL};

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool any_begins(const char *name, const char *const *with)
{
    for (; *with; with++)
        if (begins(name, *with))
            return true;
    return false;
}

static bool is_own(const char *tls_name)
{
    static const char *const own[] = {"mode", "certificateKeyFile", "CAFile", EK_TLS_PASSWORD_KEY};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(tls_name, own[i]) == 0)
            return true;
    return false;
}

/* The name that it is known by here, in `buffer` where it is another; NULL: not watched. */
static const char *known_as(const char *name, char *buffer, size_t size)
{
    if (begins(name, "net.ssl.") || begins(name, "net.tls.")) {
        const char *key = begins(name, "net.ssl.") ? ek_tls_name_of_ssl(name + 8) : name + 8;
        snprintf(buffer, size, "net.tls.%s", key);
        return is_own(key) ? NULL : buffer;
    }
    if (strcmp(name, "replication.replSet") == 0) /* as the command line's is reported */
        return "replication.replSetName";
    if (any_begins(name, harmless))
        return NULL;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        size_t length = strlen(watched[i]);
        if (strcmp(name, watched[i]) == 0 ||
            (watched[i][length - 1] == '.' && begins(name, watched[i])))
            return name;
    }
    return any_begins(name, watched_parameters) ? name : NULL;
}

static int compare_lines(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static char *line_of(const struct ek_server_option *option)
{
    char buffer[128];
    char *line = NULL;
    const char *name = known_as(option->name, buffer, sizeof buffer);
    const char *value = strstr(option->name, "assword") ? "<password>" : option->value;
    if (!name)
        return strdup("");
    if (asprintf(&line, "%s=%s\n", name, value) < 0)
        return NULL;
    for (char *at = line; at[1]; at++)
        if (*at == '\n')
            *at = ' ';
    return line;
}

bool ek_server_keys_of(const struct ek_server_option *options, size_t count,
                       char ret_keys[static EK_SERVER_KEYS_SIZE], bool *ret_no_memory)
{
    char **lines = calloc(count + 1, sizeof *lines);
    size_t used = 0;
    bool fits = true;
    *ret_no_memory = !lines;
    for (size_t i = 0; lines && i < count; i++) {
        lines[i] = line_of(&options[i]);
        *ret_no_memory |= !lines[i];
    }
    ret_keys[0] = 0;
    if (!*ret_no_memory)
        qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; lines && i < count; i++) {
        size_t length = lines[i] ? strlen(lines[i]) : 0;
        fits = fits && used + length < EK_SERVER_KEYS_SIZE;
        if (fits && length)
            memcpy(ret_keys + used, lines[i], length + 1);
        used += length;
        free(lines[i]);
    }
    free(lines);
    return fits && !*ret_no_memory;
}

/* Whether a blank-separated list has the word. */
static bool has_word(const char *list, const char *word, size_t length)
{
    for (const char *at = list; *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == length && strncmp(at, word, length) == 0)
            return true;
    return false;
}

void ek_server_keys_without(char keys[static EK_SERVER_KEYS_SIZE], const char *names)
{
    char *to = keys;
    for (const char *line = keys; *line;) {
        size_t length = strcspn(line, "\n") + 1;
        bool out = has_word(names, line, strcspn(line, "="));
        if (!out) {
            memmove(to, line, length);
            to += length;
        }
        line += length;
    }
    *to = 0;
}
