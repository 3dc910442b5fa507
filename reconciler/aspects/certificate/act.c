/* How the certificates' steps are done. */
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
    int result = a->world->certificates->find(&a->world->authority, &pem, &facts, err);
    if (result != 0)
        return result;
    const struct ek_file_content content = {a->world->paths[a->step->member].trust, pem.bytes,
                                            pem.length, 0644, false};
    return a->world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}

int ek_act_issue_certificate(const struct ek_action *a, struct ek_error *err)
{
    struct ek_world *world = a->world;
    const struct ek_deployment_spec *spec = world->spec;
    const struct ek_member_paths *paths = &world->paths[a->step->member];
    const struct ek_key_host at = {world->hosts, ek_action_host(a), a->deadline};
    EK_SECRET *password = NULL;
    EK_BUFFER request = {0};
    EK_BUFFER certificate = {0};
    char name[EK_DOMAIN_NAME_SIZE];
    if (!ek_domain_name(spec, ek_label_argument(a->step)->label, (size_t)a->step->member, name,
                        sizeof name))
        return ek_fail(err, EK_BUG, "EK-0190", "a certificate was due without an SSL domain");
    /* One password per member, kept over renewals: a running server can then reload a new
     * key, and a crash between two files never leaves a key without its password. */
    int result =
        ek_world_secret(world, a->step->member, "key-password", EK_PASSWORD_BYTES, &password, err);
    if (result == 0)
        result = ek_certificate_request_on_host(
            &at, &(struct ek_key_order){paths->key, spec->certificates.algorithm, password, name},
            &request, err);
    const char *const names[] = {name};
    const struct ek_signing signing = {.request_pem = ek_buffer_text(&request),
                                       .names = names,
                                       .name_count = 1,
                                       .deployment = spec->name,
                                       .now_s = ek_wall_ms() / 1000,
                                       .validity_s = spec->certificates.validity_s};
    if (result == 0)
        result = world->certificates->sign(&world->authority, &signing, &certificate, err);
    if (result == 0)
        result = ek_certificate_install_on_host(
            &at,
            &(struct ek_installation){ek_buffer_text(&certificate), paths->key, paths->server,
                                      password},
            err);
    return result;
}
