/* What a member's host tells of its server: which process it is, who runs it, from which files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/key_file.h"
#include "reconciler/import/parts.h"
#include "specs/names.h"
#include "specs/text.h"

enum { CONFIGURATION_MAX = 1 << 20, KEY_FILE_MAX = 65536, DEFAULT_PORT = 27017 };

struct ek_host ek_import_host_of(const struct ek_import_host *host,
                                 const struct ek_server_process *server)
{
    /* Nothing there is read or written under its name, which has to be one. */
    return (struct ek_host){.account = "import",
                            .deployment = "import",
                            .member = "import",
                            .unit = server ? server->unit : NULL,
                            .server_user = server ? server->user : NULL,
                            .ssh = &host->ssh};
}

/* Who logs in as root needs no sudo, and who does not, does; ssh_config may know better. */
int ek_import_servers(struct ek_import_host *host, struct ek_error *err)
{
    const char *user = host->ssh.user;
    const struct ek_host there = ek_import_host_of(host, NULL);
    host->ssh.sudo = user && strcmp(user, "root") != 0;
    int result = host->driver->servers(&there, host->deadline, &host->servers, err);
    if (result != EK_DENIED || strcmp(host->driver->name, "ssh") != 0 || host->ssh.sudo)
        return result;
    struct ek_error again = {0};
    host->ssh.sudo = true;
    result = host->driver->servers(&there, host->deadline, &host->servers, &again);
    if (result != 0)
        *err = again;
    return result;
}

/* ---- its configuration file ---- */

static const char *configuration_path(const struct ek_server_process *server)
{
    const char *path = ek_server_option(server, "--config");
    return path ? path : ek_server_option(server, "-f");
}

/* "dbpath = /var/lib/mongodb": what servers took before they took YAML, and still take. */
static bool is_of_old_format(const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *word = line + strspn(line, " \t\r");
        if (strchr("#\n", *word))
            continue;
        size_t length = strcspn(word, "=:\n");
        return word[length] == '=';
    }
    return false;
}

int ek_import_configuration(const struct ek_import_host *host,
                            const struct ek_server_process *server,
                            struct ek_server_configuration *ret_configuration, struct ek_error *err)
{
    EK_FILE file = {0};
    const char *path = configuration_path(server);
    const struct ek_host there = ek_import_host_of(host, server);
    if (!path) {
        ek_fail(err, EK_NOT_FOUND, "EK-1404", "process %lld is configured by its command line only",
                (long long)server->pid);
        return ek_hint(err, "write its options to a file, and start it with --config");
    }
    if (!ek_is_absolute_path(path)) {
        ek_fail(err, EK_NOT_FOUND, "EK-1404",
                "process %lld names its configuration file by a relative path, \"%s\"",
                (long long)server->pid, path);
        return ek_hint(err, "start it with --config and an absolute path");
    }
    const struct ek_file_question question = {path, CONFIGURATION_MAX};
    int result = host->driver->read_file(&there, &question, host->deadline, &file, err);
    if (result != 0)
        return result;
    const char *text = ek_buffer_text(&file.content);
    if (is_of_old_format(text)) {
        ek_fail(err, EK_UNSUPPORTED, "EK-1405", "%s is of the old format (key = value), not YAML",
                path);
        return ek_hint(err, "write it anew as YAML");
    }
    return ek_server_configuration_parse(text, file.content.length, path, ret_configuration, err);
}

/* ---- the key of the set ---- */

static int port_of(const struct ek_server_process *server,
                   const struct ek_server_configuration *configuration)
{
    const char *option = ek_server_option(server, "--port");
    if (option)
        return (int)strtol(option, NULL, 10);
    return configuration->port ? configuration->port : DEFAULT_PORT;
}

static int read_key(const struct ek_import_host *host, const struct ek_server_process *server,
                    const char *path, struct ek_secret **ret_key, struct ek_error *err)
{
    EK_FILE file = {0};
    const struct ek_host there = ek_import_host_of(host, server);
    const struct ek_file_question question = {path, KEY_FILE_MAX};
    int result = host->driver->read_file(&there, &question, host->deadline, &file, err);
    return result ? result
                  : ek_key_file_parse(ek_buffer_text(&file.content), file.content.length, ret_key,
                                      err);
}

static int key_of(const struct ek_import_host *host, const struct ek_server_process *server,
                  int port, struct ek_secret **ret_key, struct ek_error *err)
{
    struct ek_server_configuration configuration = {0};
    struct ek_error problem = {0};
    int result = ek_import_configuration(host, server, &configuration, &problem);
    const char *path = ek_server_option(server, "--keyFile");
    if (result == EK_NO_MEMORY)
        return *err = problem, result;
    path = path ? path : configuration.key_file;
    if (port_of(server, &configuration) != port || !path)
        result = ek_fail(err, EK_INVALID, "EK-1403", "no keyFile of a server at port %d", port);
    else
        result = read_key(host, server, path, ret_key, err);
    ek_server_configuration_done(&configuration);
    return result;
}

int ek_import_key(const struct ek_import_host *host, int port, size_t index,
                  struct ek_secret **ret_key, struct ek_error *err)
{
    const struct ek_host_servers *servers = &host->servers;
    struct ek_error problem = {0};
    for (size_t i = 0; i < servers->count; i++) {
        struct ek_secret *key = NULL;
        int result = key_of(host, &servers->rows[i], port, &key, &problem);
        if (result == EK_NO_MEMORY)
            return *err = problem, result;
        if (result != 0)
            continue;
        if (index-- == 0)
            return *ret_key = key, 0;
        ek_secret_free(key);
    }
    if (problem.code == 0)
        ek_fail(&problem, EK_NOT_FOUND, "EK-1403", "no server process runs there");
    *err = problem;
    return EK_NOT_FOUND;
}

/* ---- what is kept of it ---- */

static bool is_utf8(const char *text)
{
    uint32_t character;
    for (size_t length = strlen(text); length > 0;) {
        size_t size = ek_utf8_decode(text, length, &character);
        if (size == 0)
            return false;
        text += size;
        length -= size;
    }
    return true;
}

/* A name that is to stand in the specs. */
struct name {
    const char *what;
    const char *value; /* or NULL: there is none */
    bool fits;
};

static void take_name(const struct name *name, char *ret_text, size_t size,
                      struct ek_import_notes *notes)
{
    const char *value = name->value;
    if (value && name->fits && strlen(value) < size && is_utf8(value))
        snprintf(ret_text, size, "%s", value);
    else if (value)
        ek_import_note(notes, EK_NOTE_IN_THE_WAY, "EK-1402", "%s \"%s\" can't be named in specs",
                       name->what, value);
}

static bool is_unit(const char *text)
{
    size_t length = strlen(text);
    return length > 8 && strcmp(text + length - 8, ".service") == 0 &&
           ek_is_word_of(text, ":._\\@-", 255);
}

static void take_names(const struct ek_server_process *server, struct ek_import_member *member)
{
    const char *unit = server->unit;
    const char *user = server->user;
    const char *network = server->network_namespace;
    const char *path = configuration_path(server);
    const struct name names[] = {
        {"the unit", unit, unit && is_unit(unit)},
        {"the server's user", user, user && ek_is_word_of(user, "._-", 32)},
        {"the network namespace", network, network && ek_is_word_of(network, "._-", 64)},
        {"the configuration file", path && ek_is_absolute_path(path) ? path : NULL,
         path && strlen(path) <= 180},
    };
    struct ek_import_notes *notes = &member->notes;
    take_name(&names[0], member->unit, sizeof member->unit, notes);
    take_name(&names[1], member->user, sizeof member->user, notes);
    take_name(&names[2], member->network_namespace, sizeof member->network_namespace, notes);
    take_name(&names[3], member->configuration, sizeof member->configuration, notes);
    if (server->argument_count > 0)
        snprintf(member->program, sizeof member->program, "%s", server->arguments[0]);
}

/* Options beside the file stay where they are: the unit has them. */
static void note_options(const struct ek_server_process *server, struct ek_import_notes *notes)
{
    EK_BUFFER names = {0};
    bool tls = false;
    for (size_t i = 1; i < server->argument_count; i++) {
        const char *word = server->arguments[i];
        size_t length = strcspn(word, "=");
        bool ours = (length == 8 && strncmp(word, "--config", 8) == 0) ||
                    (length == 14 && strncmp(word, "--configExpand", 14) == 0);
        if (strncmp(word, "--", 2) != 0 || ours)
            continue;
        tls |= strncmp(word, "--tls", 5) == 0 || strncmp(word, "--ssl", 5) == 0;
        ek_buffer_printf(&names, "%s%.*s", names.length ? ", " : "", (int)length, word);
    }
    if (tls)
        ek_import_note(notes, EK_NOTE_IN_THE_WAY, "EK-1404",
                       "its command line has TLS options, which win over the file: %s; move them "
                       "into its configuration file",
                       ek_buffer_text(&names));
    else if (names.length)
        ek_import_note(notes, EK_NOTE_KEPT, "", "its command line says besides its file: %s",
                       ek_buffer_text(&names));
}

static void take_configuration(const struct ek_server_configuration *configuration,
                               struct ek_import_member *member)
{
    member->mode_configured = configuration->mode;
    member->key_file |= configuration->key_file != NULL;
    if (configuration->certificate_key_file)
        snprintf(member->certificate_key_file, sizeof member->certificate_key_file, "%s",
                 configuration->certificate_key_file);
    if (member->mode_configured != EK_SSL_UNKNOWN && member->mode_running != EK_SSL_UNKNOWN &&
        member->mode_configured != member->mode_running)
        ek_import_note(&member->notes, EK_NOTE_DECIDE, "",
                       "it runs with sslMode %s, and its file says %s: plan brings both to what is "
                       "written below",
                       ek_ssl_mode_name(member->mode_running),
                       ek_ssl_mode_name(member->mode_configured));
}

static int check_role(const struct ek_server_configuration *configuration,
                      const struct ek_import_member *member, struct ek_error *err)
{
    if (!configuration->cluster_role)
        return 0;
    ek_fail(err, EK_BLOCKED, "EK-0135",
            "%s is part of a sharded cluster (sharding.clusterRole: %s)", member->host,
            configuration->cluster_role);
    return ek_hint(err, "leave it to whoever runs the cluster");
}

int ek_import_take_process(const struct ek_import_host *host,
                           const struct ek_server_process *server, struct ek_import_member *member,
                           struct ek_error *err)
{
    struct ek_server_configuration configuration = {0};
    struct ek_error problem = {0};
    struct ek_import_notes *notes = &member->notes;
    member->proven = true;
    member->key_file = ek_server_option(server, "--keyFile") != NULL;
    take_names(server, member);
    if (host->request->provider == EK_PROVIDER_HOSTS && !server->unit)
        ek_import_note(notes, EK_NOTE_IN_THE_WAY, "EK-1406",
                       "process %lld is not run by a systemd service: let one start it",
                       (long long)server->pid);
    int result = ek_import_configuration(host, server, &configuration, &problem);
    if (result == EK_NO_MEMORY)
        return *err = problem, result;
    if (result != 0)
        ek_import_note_failure(notes, EK_NOTE_IN_THE_WAY, &problem);
    else
        take_configuration(&configuration, member);
    note_options(server, notes);
    result = check_role(&configuration, member, err);
    ek_server_configuration_done(&configuration);
    return result;
}
