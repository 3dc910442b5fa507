#include "reconciler/command/master_key.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/secret/secret.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/file.h"

/* Whether something was sealed already: then the key that sealed it is needed, not a new one. */
static bool has_secrets(const char *state_directory)
{
    EK_BUFFER path = {0};
    bool found = false;
    ek_buffer_printf(&path, "%s/secrets", state_directory);
    DIR *directory = opendir(ek_buffer_text(&path));
    for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
        found = entry->d_name[0] != '.';
    if (directory)
        closedir(directory);
    return found;
}

int ek_master_key_ensure(const struct ek_controller *controller, char *ret_notice, size_t size,
                         struct ek_error *err)
{
    EK_BUFFER folder = {0};
    struct stat status;
    if (controller->secret_key_command || stat(controller->secret_key_file, &status) == 0 ||
        has_secrets(controller->state_directory))
        return 0;
    const char *slash = strrchr(controller->secret_key_file, '/');
    ek_buffer_add(&folder, controller->secret_key_file,
                  (size_t)(slash - controller->secret_key_file));
    int result = folder.length ? ek_directory_make(ek_buffer_text(&folder), 0700, err) : 0;
    if (result == 0)
        result = ek_secret_master_key_create(controller->secret_key_file, err);
    if (result == 0)
        snprintf(ret_notice, size,
                 "made a master key, %s. Keep a copy in a safe place: without it the certificate "
                 "authority and every sealed secret are lost.",
                 controller->secret_key_file);
    return result == EK_EXISTS ? 0 : result;
}
