/* Texts for the server's configuration, and a complete one for a new member. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_configuration.h"
#include "drivers/host/server_tls_names.h"

char *ek_server_quoted(const char *text)
{
    EK_BUFFER out = {0};
    ek_buffer_text_add(&out, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            ek_buffer_printf(&out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            ek_buffer_printf(&out, "\\x%02X", *c);
        else
            ek_buffer_add(&out, c, 1);
    }
    ek_buffer_text_add(&out, "\"");
    return ek_buffer_take(&out);
}

/* The server runs the command by a shell. */
void ek_server_password_command(const char *file, struct ek_buffer *ret_command)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=";
    ek_buffer_text_add(ret_command, "/bin/cat ");
    if (!file[strspn(file, plain)]) {
        ek_buffer_text_add(ret_command, file);
        return;
    }
    ek_buffer_text_add(ret_command, "'");
    for (; *file; file++)
        if (*file == '\'')
            ek_buffer_text_add(ret_command, "'\\''");
        else
            ek_buffer_add(ret_command, file, 1);
    ek_buffer_text_add(ret_command, "'");
}

struct section {
    const char *name;
    const char *keys[3];
    const char *values[3]; /* NULL: the key is left out */
};

static char *maybe_quoted(const char *text)
{
    return text ? ek_server_quoted(text) : NULL;
}

static void add_section(struct ek_buffer *text, const struct section *section)
{
    bool any = false;
    for (size_t i = 0; i < 3; i++) {
        if (!section->keys[i] || !section->values[i])
            continue;
        if (!any)
            ek_buffer_printf(text, "%s:\n", section->name);
        any = true;
        ek_buffer_printf(text, "  %s: %s\n", section->keys[i], section->values[i]);
    }
}

int ek_server_configuration_create(const struct ek_server_new *server,
                                   const struct ek_server_tls *tls, struct ek_buffer *ret_text,
                                   struct ek_error *err)
{
    char port[16];
    snprintf(port, sizeof port, "%d", server->port);
    char *owned[] = {maybe_quoted(server->log_path), maybe_quoted(server->db_path),
                     maybe_quoted(server->bind_ip), maybe_quoted(server->replica_set),
                     maybe_quoted(server->key_file)};
    const char *file = server->log_path ? "file" : NULL;
    const char *append = server->log_path ? "true" : NULL;
    const struct section sections[] = {
        {"systemLog", {"destination", "logAppend", "path"}, {file, append, owned[0]}},
        {"storage", {"dbPath"}, {owned[1]}},
        {"net", {"bindIp", "port"}, {owned[2], server->port ? port : NULL}},
        {"replication", {"replSetName"}, {owned[3]}},
        {"security", {"keyFile"}, {owned[4]}},
    };
    EK_BUFFER text = {0};
    ek_buffer_text_add(&text, "# Made by Evenkeel. It changes net.tls only; the rest is yours.\n");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        add_section(&text, &sections[i]);
    const char *const wanted[] = {server->log_path, server->db_path, server->bind_ip,
                                  server->replica_set, server->key_file};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        if (wanted[i] && !owned[i])
            ek_buffer_fail(&text);
        free(owned[i]);
    }
    if (ek_buffer_check(&text, err) != 0)
        return EK_NO_MEMORY;
    const struct ek_server_tls off = {.mode = EK_SSL_DISABLED};
    const struct ek_server_text plain = {ek_buffer_text(&text), text.length, "mongod.conf"};
    return ek_server_configuration_edit(&plain, tls ? tls : &off, ret_text, err);
}
