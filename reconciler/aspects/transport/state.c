#include "reconciler/aspects/transport/state.h"

#include <stdio.h>
#include <string.h>

static bool fits(int used, size_t size)
{
    return used > 0 && (size_t)used < size;
}

bool ek_domain_name(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size)
{
    if (!spec->ssl_domain.base || !label[0])
        return false;
    return fits(
        snprintf(buffer, size, "%s.%s.%s", spec->members[index].name, label, spec->ssl_domain.base),
        size);
}

bool ek_wanted_host(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size)
{
    const struct ek_member_spec *member = &spec->members[index];
    char name[EK_DOMAIN_NAME_SIZE];
    if (spec->ssl_mode == EK_SSL_DISABLED)
        return fits(snprintf(buffer, size, "%s:%d", member->host, member->port), size);
    if (!ek_domain_name(spec, label, index, name, sizeof name))
        return false;
    return fits(snprintf(buffer, size, "%s:%d", name, member->port), size);
}

/* ---- what people set ---- */

static bool is_off(const char *value, size_t length)
{
    return length == 5 && strncmp(value, "false", 5) == 0;
}

bool ek_option_value(const char *keys, const char *name, char *buffer, size_t size)
{
    size_t length = strlen(name);
    buffer[0] = 0;
    for (const char *line = keys; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *value = line + length + 1;
        if (strncmp(line, name, length) != 0 || line[length] != '=')
            continue;
        if (is_off(value, strcspn(value, "\n")))
            return false;
        snprintf(buffer, size, "%.*s", (int)strcspn(value, "\n"), value);
        return true;
    }
    return false;
}

bool ek_option_differs(const char **at, const char *other, struct ek_option_text *ret_option)
{
    while (**at) {
        const char *line = *at;
        size_t length = strcspn(line, "\n");
        size_t name_length = strcspn(line, "=\n");
        char theirs[EK_OPTION_KEYS_SIZE];
        *at = line + length + (line[length] == '\n');
        if (name_length == length || is_off(line + name_length + 1, length - name_length - 1))
            continue;
        snprintf(ret_option->name, sizeof ret_option->name, "%.*s", (int)name_length, line);
        snprintf(ret_option->value, sizeof ret_option->value, "%.*s",
                 (int)(length - name_length - 1), line + name_length + 1);
        ek_option_value(other, ret_option->name, theirs, sizeof theirs);
        if (strcmp(theirs, ret_option->value) != 0)
            return true;
    }
    return false;
}

void ek_keys_in_mode(const char *keys, enum ek_ssl_mode mode, char ret_keys[EK_OPTION_KEYS_SIZE])
{
    char *to = ret_keys;
    for (const char *line = keys; *line;) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        if (mode != EK_SSL_DISABLED || strncmp(line, "net.tls.", 8) != 0) {
            memcpy(to, line, length);
            to += length;
        }
        line += length;
    }
    *to = 0;
}

int ek_options_written(struct ek_state **state, size_t m, struct ek_error *err)
{
    struct ek_member_transport *transport = ek_member_transport(*state, m);
    struct ek_options_state left = transport->options_wanted;
    char keys[EK_OPTION_KEYS_SIZE];
    if (transport->mode_configured == EK_SSL_DISABLED) {
        ek_keys_in_mode(ek_state_text(*state, left.keys), EK_SSL_DISABLED, keys);
        left = (struct ek_options_state){.known = EK_YES};
        int result = ek_state_add_text(state, keys, &left.keys, err);
        if (result != 0)
            return result;
    }
    ek_member_transport(*state, m)->options_configured = left;
    return 0;
}
