/* How the certificates' steps are done. */
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/rows.h"
#include "reconciler/base/clock.h"
#include "reconciler/execute/action.h"

int ek_act_create_authority(const struct ek_action *a, struct ek_error *err)
{
    int result = a->world->certificates->create(&a->world->authority, ek_wall_ms() / 1000, err);
    return result == EK_EXISTS ? 0 : result;
}

int ek_act_install_trust(const struct ek_action *a, struct ek_error *err)
{
    struct ek_certificate_facts facts;
    EK_BUFFER pem = {0};
    int result = ek_action_leave_old_place(a, err);
    if (result == 0)
        result = a->world->certificates->find(&a->world->authority, &pem, &facts, err);
    if (result != 0)
        return result;
    const struct ek_file_content content = {a->world->paths[a->step->member].trust, pem.bytes,
                                            pem.length, 0644, false};
    return a->world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}

/* One password per member, kept over renewals: a running server can then reload a new key, and a
 * crash between two files never leaves a key without its password. */
static int password_of_key(const struct ek_action *a, struct ek_secret **ret_password,
                           bool *ret_new, struct ek_error *err)
{
    struct ek_error cause = {0};
    int result = ek_world_unseal(a->world, a->step->member, EK_KEY_PASSWORD, ret_password, &cause);
    *ret_new = result == EK_NOT_FOUND;
    if (result == EK_NOT_FOUND)
        return ek_secret_random(EK_PASSWORD_BYTES, ret_password, err);
    if (result != 0 && err)
        *err = cause;
    return result;
}

/* A host on which the old password waits gets the new one: a server that crashes comes back. Where
 * none waits, that tells that the host was started anew, and stays so. */
static int replace_waiting_password(const struct ek_action *a, const struct ek_secret *password,
                                    struct ek_error *err)
{
    const struct ek_host_driver *hosts = a->world->hosts;
    struct ek_world_tls tls;
    EK_FILE waiting = {0};
    struct ek_error cause = {0};
    int result = ek_world_server_tls(a->world, (size_t)a->step->member, a->deadline, &tls, err);
    if (result != 0)
        return result;
    const struct ek_file_question question = {tls.password_path, EK_WAITING_PASSWORD_MAX};
    if (hosts->read_file(ek_action_host(a), &question, a->deadline, &waiting, &cause) ==
        EK_NOT_FOUND)
        return 0;
    const struct ek_file_content content = {tls.password_path, ek_secret_reveal(password),
                                            ek_secret_length(password), 0400, false};
    return hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}

/* A new password is sealed last: until its key is installed, what is sealed, or that nothing is,
 * tells of the key that is there, and a step that was cut short is seen to be due again. */
static int keep_new_password(const struct ek_action *a, const struct ek_secret *password,
                             struct ek_error *err)
{
    int result = replace_waiting_password(a, password, err);
    return result != 0 ? result
                       : ek_world_seal(a->world, a->step->member, EK_KEY_PASSWORD, password, err);
}

static int install_certificate(const struct ek_action *a, const char *name,
                               const struct ek_secret *password, struct ek_error *err)
{
    const struct ek_world *world = a->world;
    const struct ek_deployment_spec *spec = world->spec;
    const struct ek_member_paths *paths = &world->paths[a->step->member];
    const struct ek_key_host at = {world->hosts, ek_action_host(a), a->deadline};
    EK_BUFFER request = {0};
    EK_BUFFER certificate = {0};
    int result = ek_certificate_request_on_host(
        &at, &(struct ek_key_order){paths->key, spec->certificates.algorithm, password, name},
        &request, err);
    if (result != 0)
        return result;
    const char *const names[] = {name};
    const struct ek_signing signing = {.request_pem = ek_buffer_text(&request),
                                       .names = names,
                                       .name_count = 1,
                                       .deployment = spec->name,
                                       .now_s = ek_wall_ms() / 1000,
                                       .validity_s = spec->certificates.validity_s};
    result = world->certificates->sign(&world->authority, &signing, &certificate, err);
    if (result != 0)
        return result;
    return ek_certificate_install_on_host(&at,
                                          &(struct ek_installation){ek_buffer_text(&certificate),
                                                                    paths->key, paths->server,
                                                                    password},
                                          err);
}

int ek_act_issue_certificate(const struct ek_action *a, struct ek_error *err)
{
    EK_SECRET *password = NULL;
    bool new_password;
    char name[EK_DOMAIN_NAME_SIZE];
    if (!ek_domain_name(a->world->spec, ek_label_argument(a->step)->label, (size_t)a->step->member,
                        name, sizeof name))
        return ek_fail(err, EK_BUG, "EK-0190", "a certificate was due without an SSL domain");
    int result = ek_action_leave_old_place(a, err);
    if (result == 0)
        result = password_of_key(a, &password, &new_password, err);
    if (result == 0)
        result = install_certificate(a, name, password, err);
    if (result == 0 && new_password)
        result = keep_new_password(a, password, err);
    return result;
}

static int remove_file(const struct ek_action *a, const char *directory, const char *name,
                       struct ek_error *err)
{
    char path[512];
    struct ek_error cause = {0};
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int result = a->world->hosts->remove_file(ek_action_host(a), path, a->deadline, &cause);
    if (result != 0 && result != EK_NOT_FOUND && err)
        *err = cause;
    return result == EK_NOT_FOUND ? 0 : result;
}

/* One that is not empty holds something else, such as a data directory, and stays. */
static void remove_directory(const struct ek_action *a, const char *path)
{
    const char *const argv[] = {"rmdir", "--", path, NULL};
    EK_COMMAND_RESULT ran = {0};
    struct ek_error ignored = {0};
    (void)a->world->hosts->run(ek_action_host(a), &(struct ek_command){.argv = argv}, a->deadline,
                               &ran, &ignored);
}

/* What tells of the others is removed last. */
int ek_act_remove_old_files(const struct ek_action *a, struct ek_error *err)
{
    const struct ek_old_paths *old = &a->world->old_paths[a->step->member];
    struct ek_world_tls tls;
    int result = ek_world_server_tls(a->world, (size_t)a->step->member, a->deadline, &tls, err);
    if (result != 0)
        return result;
    char *password = strrchr(tls.old_password_path, '/');
    *password = 0;
    const struct {
        const char *directory;
        const char *name;
    } files[] = {{tls.old_password_path, password + 1}, {old->root, "fence"},
                 {old->certificates, "key.pem.new"},    {old->certificates, "server.pem.new"},
                 {old->certificates, "key.pem"},        {old->certificates, "ca.pem"},
                 {old->certificates, "server.pem"}};
    for (size_t i = 0; result == 0 && i < sizeof files / sizeof *files; i++)
        if (files[i].directory[0])
            result = remove_file(a, files[i].directory, files[i].name, err);
    const char *const directories[] = {tls.old_password_path, old->root, old->certificates};
    for (size_t i = 0; result == 0 && i < sizeof directories / sizeof *directories; i++)
        if (directories[i][0])
            remove_directory(a, directories[i]);
    return result;
}
