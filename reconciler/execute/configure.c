/* The configuration file of a member's server: edited, or made. */
#include <stdio.h>
#include <string.h>

#include "reconciler/execute/action.h"

enum { CONFIGURATION_MAX = 1 << 20 };

/* A directory that is the server's own. */
static int make_directory(const struct ek_action *a, const char *path, struct ek_error *err)
{
    const char *const argv[] = {"mkdir", "-p", "-m", "0750", "--", path, NULL};
    EK_COMMAND_RESULT ran = {0};
    int result = a->world->hosts->run(ek_action_host(a), &(struct ek_command){.argv = argv},
                                      a->deadline, &ran, err);
    if (result == 0 && ran.status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0482", "the directory %s could not be made", path);
        return ek_cause(err, "%s", ek_buffer_text(&ran.errors));
    }
    return result;
}

static int new_configuration(const struct ek_action *a, const struct ek_server_tls *tls,
                             struct ek_buffer *ret_text, struct ek_error *err)
{
    const struct ek_member_spec *member = &a->world->spec->members[a->step->member];
    const struct ek_member_paths *paths = &a->world->paths[a->step->member];
    char address[64];
    char bind[96];
    char log[sizeof paths->log];
    int result = ek_world_address(a->world, (size_t)a->step->member, address, sizeof address, err);
    if (result != 0)
        return result;
    snprintf(log, sizeof log, "%s", paths->log);
    *strrchr(log, '/') = 0;
    result = make_directory(a, paths->db, err);
    if (result == 0)
        result = make_directory(a, log, err);
    if (result != 0)
        return result;
    bool loopback = strncmp(address, "127.", 4) == 0;
    snprintf(bind, sizeof bind, "%s%s", loopback ? "" : "127.0.0.1,", address);
    struct ek_server_new server = {.bind_ip = bind,
                                   .port = member->port,
                                   .replica_set = a->world->spec->set_name,
                                   .db_path = paths->db,
                                   .log_path = paths->log,
                                   .key_file = paths->key_file};
    return ek_server_configuration_create(&server, tls, ret_text, err);
}

static bool same_text(const struct ek_buffer *a, const struct ek_buffer *b)
{
    return a->length > 0 && a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* ---- files at the place of earlier versions ---- */

static int copy(const struct ek_action *a, const char *from, const char *to, mode_t mode,
                struct ek_error *err)
{
    EK_FILE file = {0};
    struct ek_error cause = {0};
    int result = a->world->hosts->read_file(ek_action_host(a),
                                            &(struct ek_file_question){from, CONFIGURATION_MAX},
                                            a->deadline, &file, &cause);
    if (result == EK_NOT_FOUND)
        return 0;
    if (result != 0 && err)
        *err = cause;
    const struct ek_file_content content = {to, ek_buffer_text(&file.content), file.content.length,
                                            mode, false};
    return result != 0 ? result
                       : a->world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}

/* What the running server trusts is told by its being older than the file. */
static int keep_time(const struct ek_action *a, const char *from, const char *to,
                     struct ek_error *err)
{
    const char *const argv[] = {"touch", "-r", from, "--", to, NULL};
    EK_COMMAND_RESULT ran = {0};
    int result = a->world->hosts->run(ek_action_host(a), &(struct ek_command){.argv = argv},
                                      a->deadline, &ran, err);
    if (result == 0 && ran.status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0483", "the time of %s could not be kept", from);
        return ek_cause(err, "%s", ek_buffer_text(&ran.errors));
    }
    return result;
}

static bool is_at_old_place(const struct ek_action *a)
{
    return ek_member_certificates(a->observed, a->step->member)->old_files_configured == EK_YES;
}

/* The configuration is to name them once all are there: cut short, it is done again. */
static int bring_to_new_place(const struct ek_action *a, const struct ek_world_tls *tls,
                              struct ek_error *err)
{
    const struct ek_member_certificates *observed =
        ek_member_certificates(a->observed, a->step->member);
    const struct ek_server_tls *from = &tls->old;
    const struct ek_server_tls *to = &tls->tls;
    int result = copy(a, from->password_file, to->password_file, 0400, err);
    if (strcmp(from->ca_file, to->ca_file) == 0)
        return result;
    if (result == 0)
        result = copy(a, from->certificate_key_file, to->certificate_key_file, 0600, err);
    if (result == 0 && observed->trust_installed.present == EK_YES)
        result = copy(a, from->ca_file, to->ca_file, 0644, err);
    if (result == 0 && observed->trust_installed.present == EK_YES)
        result = keep_time(a, from->ca_file, to->ca_file, err);
    return result;
}

int ek_action_leave_old_place(const struct ek_action *a, struct ek_error *err)
{
    return is_at_old_place(a)
               ? ek_action_configure(
                     a, ek_member_transport(a->observed, a->step->member)->mode_configured, err)
               : 0;
}

int ek_action_configure(const struct ek_action *a, enum ek_ssl_mode mode, struct ek_error *err)
{
    struct ek_world *world = a->world;
    const char *path = world->spec->members[a->step->member].configuration;
    EK_FILE before = {0};
    EK_BUFFER after = {0};
    struct ek_world_tls wanted;
    int result = ek_world_server_tls(world, (size_t)a->step->member, a->deadline, &wanted, err);
    if (result == 0 && is_at_old_place(a))
        result = bring_to_new_place(a, &wanted, err);
    if (result != 0)
        return result;
    struct ek_server_tls tls = wanted.tls;
    tls.mode = mode;
    result = world->hosts->read_file(ek_action_host(a),
                                     &(struct ek_file_question){path, CONFIGURATION_MAX},
                                     a->deadline, &before, err);
    if (result == EK_NOT_FOUND)
        result = new_configuration(a, &tls, &after, err);
    else if (result == 0)
        result = ek_server_configuration_edit(
            &(struct ek_server_text){ek_buffer_text(&before.content), before.content.length, path},
            &tls, &after, err);
    if (result != 0 || same_text(&before.content, &after))
        return result;
    const struct ek_file_content content = {path, after.bytes, after.length, 0640, true};
    return world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}
