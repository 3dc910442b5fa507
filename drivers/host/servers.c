#include "drivers/host/servers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/roots.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"

enum { PROC_TEXT_MAX = 1 << 20, SERVERS_MAX = 256, ARGUMENTS_MAX = 512 };

/* What the program of a server is called, with whatever follows: mongod-4.2.2. */
static const char program[] = "mongod";

static void server_done(struct ek_server_process *server)
{
    free(server->unit);
    free(server->user);
    free(server->network_namespace);
    for (size_t i = 0; i < server->argument_count; i++)
        free(server->arguments[i]);
    free(server->arguments);
}

void ek_host_servers_done(struct ek_host_servers *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        server_done(&servers->rows[i]);
    free(servers->rows);
    *servers = (struct ek_host_servers){0};
}

const char *ek_server_option(const struct ek_server_process *server, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 1; i < server->argument_count; i++) {
        const char *word = server->arguments[i];
        if (strcmp(word, name) == 0)
            return i + 1 < server->argument_count ? server->arguments[i + 1] : "";
        if (strncmp(word, name, length) == 0 && word[length] == '=')
            return word + length + 1;
    }
    return NULL;
}

/* ---- building ---- */

static struct ek_server_process *add_server(struct ek_host_servers *servers, int64_t pid)
{
    struct ek_server_process *rows =
        reallocarray(servers->rows, servers->count + 1, sizeof *servers->rows);
    if (!rows)
        return NULL;
    servers->rows = rows;
    rows[servers->count] = (struct ek_server_process){.pid = pid};
    return &rows[servers->count++];
}

static bool add_argument(struct ek_server_process *server, const char *word, size_t length)
{
    if (server->argument_count >= ARGUMENTS_MAX)
        return true;
    char **words =
        reallocarray(server->arguments, server->argument_count + 1, sizeof *server->arguments);
    if (!words)
        return false;
    server->arguments = words;
    words[server->argument_count] = strndup(word, length);
    return words[server->argument_count] && ++server->argument_count;
}

static bool set(char **field, const char *value, size_t length)
{
    free(*field);
    *field = length ? strndup(value, length) : NULL;
    return length == 0 || *field;
}

bool ek_unit_of_cgroup(const char *text, char *ret_unit, size_t size)
{
    static const char ending[] = ".service";
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strcspn(line, "\n");
        const char *end = memmem(line, length, ending, strlen(ending));
        if (!end)
            continue;
        end += strlen(ending);
        const char *begin = end;
        while (begin > line && begin[-1] != '/' && begin[-1] != ':')
            begin--;
        if (end < line + length && *end != '/')
            continue;
        snprintf(ret_unit, size, "%.*s", (int)(end - begin), begin);
        return true;
    }
    return false;
}

/* ---- of another machine ---- */

int ek_host_servers_parse(const char *text, struct ek_host_servers *ret_servers,
                          struct ek_error *err)
{
    struct ek_host_servers servers = {0};
    struct ek_server_process *server = NULL;
    bool memory = true;
    for (const char *line = text; *line && memory;
         line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strcspn(line, "\n");
        const char *value = memchr(line, '=', length);
        if (!value)
            continue;
        size_t key = (size_t)(value++ - line);
        size_t value_length = length - key - 1;
        if (key == 3 && strncmp(line, "pid", key) == 0) {
            if (servers.count == SERVERS_MAX)
                break;
            server = add_server(&servers, strtoll(value, NULL, 10));
            memory = server != NULL;
        } else if (server && key == 4 && strncmp(line, "user", key) == 0) {
            memory = set(&server->user, value, value_length);
        } else if (server && key == 4 && strncmp(line, "unit", key) == 0) {
            memory = set(&server->unit, value, value_length);
        } else if (server && key == 8 && strncmp(line, "argument", key) == 0) {
            memory = add_argument(server, value, value_length);
        }
    }
    if (!memory) {
        ek_host_servers_done(&servers);
        return ek_no_memory(err);
    }
    *ret_servers = servers;
    return 0;
}

/* ---- of this one ---- */

static int proc_text(const char *pid, const char *name, struct ek_buffer *ret_text)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    return ek_file_read(path, PROC_TEXT_MAX, ret_text, NULL, NULL);
}

/* By name, or by number where it has none. */
static bool set_user(const char *pid, struct ek_server_process *server)
{
    char path[300];
    char room[4096];
    char number[24];
    struct stat status;
    struct passwd user;
    struct passwd *found = NULL;
    snprintf(path, sizeof path, "/proc/%s", pid);
    if (stat(path, &status) != 0)
        return true;
    snprintf(number, sizeof number, "%u", (unsigned)status.st_uid);
    const char *name = getpwuid_r(status.st_uid, &user, room, sizeof room, &found) == 0 && found
                           ? user.pw_name
                           : number;
    return set(&server->user, name, strlen(name));
}

/* The name that /run/netns has for the network it is in, where that is not ours. */
static bool set_network_namespace(const char *pid, struct ek_server_process *server)
{
    char path[PATH_MAX];
    struct stat its;
    struct stat ours;
    struct stat named;
    bool memory = true;
    snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
    if (stat(path, &its) != 0 || stat("/proc/self/ns/net", &ours) != 0 || its.st_ino == ours.st_ino)
        return true;
    DIR *directory = opendir(ek_host_roots().netns);
    for (struct dirent *entry;
         directory && !server->network_namespace && (entry = readdir(directory));) {
        snprintf(path, sizeof path, "%s/%s", ek_host_roots().netns, entry->d_name);
        if (entry->d_name[0] != '.' && stat(path, &named) == 0 && named.st_ino == its.st_ino)
            memory = set(&server->network_namespace, entry->d_name, strlen(entry->d_name));
    }
    if (directory)
        closedir(directory);
    return memory;
}

static bool look_at(const char *pid, const struct ek_buffer *command_line,
                    struct ek_server_process *server)
{
    char unit[256];
    EK_BUFFER cgroup = {0};
    const char *end = ek_buffer_text(command_line) + command_line->length;
    for (const char *word = ek_buffer_text(command_line); word < end; word += strlen(word) + 1)
        if (!add_argument(server, word, strlen(word)))
            return false;
    (void)proc_text(pid, "cgroup", &cgroup);
    if (ek_unit_of_cgroup(ek_buffer_text(&cgroup), unit, sizeof unit) &&
        !set(&server->unit, unit, strlen(unit)))
        return false;
    return set_user(pid, server) && set_network_namespace(pid, server);
}

/* False without memory. */
static bool consider(const char *pid, struct ek_host_servers *servers)
{
    EK_BUFFER name = {0};
    EK_BUFFER command_line = {0};
    if (proc_text(pid, "comm", &name) != 0 ||
        strncmp(ek_buffer_text(&name), program, strlen(program)) != 0 ||
        proc_text(pid, "cmdline", &command_line) != 0 || command_line.length == 0 ||
        servers->count == SERVERS_MAX)
        return !name.failed && !command_line.failed;
    struct ek_server_process *server = add_server(servers, strtoll(pid, NULL, 10));
    return server && look_at(pid, &command_line, server);
}

int ek_host_servers_here(const struct ek_host *host, int64_t deadline,
                         struct ek_host_servers *ret_servers, struct ek_error *err)
{
    struct ek_host_servers servers = {0};
    bool memory = true;
    (void)host;
    (void)deadline;
    DIR *directory = opendir("/proc");
    if (!directory)
        return ek_fail_errno(err, "EK-0401", "/proc");
    for (struct dirent *entry; memory && (entry = readdir(directory));)
        if (isdigit((unsigned char)*entry->d_name))
            memory = consider(entry->d_name, &servers);
    closedir(directory);
    if (!memory) {
        ek_host_servers_done(&servers);
        return ek_no_memory(err);
    }
    *ret_servers = servers;
    return 0;
}
