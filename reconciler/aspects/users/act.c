/* How the users' steps are done. */
#include "reconciler/aspects/users/rows.h"
#include "reconciler/execute/action.h"

enum { KEY_FILE_BYTES = 60 };

/* base64url, as random secrets are written, has two characters that a keyFile may not have. */
int ek_act_install_key_file(const struct ek_action *a, struct ek_error *err)
{
    EK_SECRET *key = NULL;
    EK_SECRET_BUFFER text = {0};
    int result = ek_world_secret(a->world, "keyfile", KEY_FILE_BYTES, &key, err);
    if (result != 0)
        return result;
    ek_buffer_add(&text, ek_secret_reveal(key), ek_secret_length(key));
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] == '-')
            text.bytes[i] = '+';
        else if (text.bytes[i] == '_')
            text.bytes[i] = '/';
    ek_buffer_text_add(&text, "\n");
    const struct ek_file_content content = {a->world->paths[a->step->member].key_file, text.bytes,
                                            text.length, 0600, false};
    if (ek_buffer_check(&text, err) != 0)
        return EK_NO_MEMORY;
    return a->world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}

int ek_act_create_user(const struct ek_action *a, struct ek_error *err)
{
    static const char *const roles[] = {"clusterMonitor", "hostManager", "clusterManager", NULL};
    struct ek_action_target primary;
    EK_SECRET *password = NULL;
    int result = ek_action_primary(a, &primary, err);
    if (result == 0)
        result = ek_world_secret(a->world, "own-user", EK_PASSWORD_BYTES, &password, err);
    if (result != 0)
        return result;
    struct ek_mongodb_user user = {.name = EK_OWN_USER, .password = password, .roles = roles};
    primary.target.user = NULL; /* by the set's own keyFile, this once */
    return a->world->mongodb->ensure_user(&primary.target, &user, a->deadline, err);
}
