#include "drivers/host/server_edit_check.h"

#include <string.h>

#include "drivers/host/yaml_tree.h"
#include "reconciler/base/memory.h"

static bool concerns_tls(const char *name)
{
    return strncmp(name, "net.tls.", 8) == 0 || strncmp(name, "net.ssl.", 8) == 0 ||
           strcmp(name, "net.tls") == 0 || strcmp(name, "net.ssl") == 0 || strcmp(name, "net") == 0;
}

static int other_options(const char *text, size_t length, const char *path,
                         struct ek_buffer *ret_lines, struct ek_error *err)
{
    EK_YAML_TREE tree = {0};
    EK_YAML_OPTIONS options = {0};
    int result = ek_yaml_tree_parse(text, length, path, &tree, err);
    if (result == 0)
        result = ek_yaml_options_of(&tree, path, &options, err);
    for (size_t i = 0; result == 0 && i < options.count; i++)
        if (!concerns_tls(options.rows[i].name))
            ek_buffer_printf(ret_lines, "%s=%s\n", options.rows[i].name, options.rows[i].value);
    return result;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int ek_server_edit_check(const struct ek_server_text *before, const struct ek_buffer *after,
                         const struct ek_server_tls *tls, struct ek_error *err)
{
    const char *path = before->path;
    EK_BUFFER old_lines = {0};
    EK_BUFFER new_lines = {0};
    int result = other_options(before->bytes, before->length, path, &old_lines, err);
    if (result != 0)
        return result;
    struct ek_server_configuration found = {0};
    struct ek_error wrong = {0};
    bool good =
        other_options(ek_buffer_text(after), after->length, path, &new_lines, &wrong) == 0 &&
        ek_server_configuration_parse(ek_buffer_text(after), after->length, path, &found, &wrong) ==
            0;
    if (wrong.code == EK_NO_MEMORY || old_lines.failed || new_lines.failed) {
        ek_server_configuration_done(&found);
        return ek_no_memory(err);
    }
    bool on = tls->mode != EK_SSL_DISABLED;
    good = good && found.mode == tls->mode &&
           same(found.certificate_key_file, on ? tls->certificate_key_file : NULL) &&
           same(found.ca_file, on ? tls->ca_file : NULL) &&
           found.password_by_exec == (on && tls->password_file) &&
           strcmp(ek_buffer_text(&old_lines), ek_buffer_text(&new_lines)) == 0;
    ek_server_configuration_done(&found);
    if (!good)
        return ek_fail(err, EK_UNSUPPORTED, "EK-0411",
                       "%s: the edited file would not say what it should", path);
    return 0;
}

int ek_server_configuration_wanted(const struct ek_server_text *file,
                                   const struct ek_server_tls *tls,
                                   struct ek_server_configuration *ret_configuration,
                                   struct ek_error *err)
{
    EK_BUFFER edited = {0};
    int result = ek_server_configuration_edit(file, tls, &edited, err);
    return result ? result
                  : ek_server_configuration_parse(ek_buffer_text(&edited), edited.length,
                                                  file->path, ret_configuration, err);
}
