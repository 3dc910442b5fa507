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
static int look_for_secrets(const char *state_directory, bool *ret_found, struct ek_error *err)
{
    EK_BUFFER path = {0};
    bool found = false;
    ek_buffer_printf(&path, "%s/secrets", state_directory);
    int result = ek_buffer_check(&path, err);
    if (result != 0)
        return result;
    DIR *directory = opendir(ek_buffer_text(&path));
    for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
        found = entry->d_name[0] != '.';
    if (directory)
        closedir(directory);
    *ret_found = found;
    return 0;
}

int ek_master_key_ensure(const struct ek_controller *controller, char *ret_notice, size_t size,
                         struct ek_error *err)
{
    EK_BUFFER folder = {0};
    struct stat status;
    bool secrets = false;
    if (controller->secret_key_command || stat(controller->secret_key_file, &status) == 0)
        return 0;
    int result = look_for_secrets(controller->state_directory, &secrets, err);
    if (result != 0 || secrets)
        return result;
    const char *slash = strrchr(controller->secret_key_file, '/');
    ek_buffer_add(&folder, controller->secret_key_file,
                  (size_t)(slash - controller->secret_key_file));
    result = ek_buffer_check(&folder, err);
    if (result == 0 && folder.length)
        result = ek_directory_make(ek_buffer_text(&folder), 0700, err);
    if (result == 0)
        result = ek_secret_master_key_create(controller->secret_key_file, err);
    if (result == 0)
        snprintf(ret_notice, size,
                 "made a master key, %s. Keep a copy in a safe place: without it the certificate "
                 "authority and every sealed secret are lost.",
                 controller->secret_key_file);
    return result == EK_EXISTS ? 0 : result;
}
