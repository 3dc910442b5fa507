#include "reconciler/execute/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/sizes.h"
#include "reconciler/execute/world_internal.h"

enum { LOOK_UP_MS = 10000 };

static void set_old_paths(struct ek_world *world, size_t i)
{
    char name[EK_HOST_NAME_SIZE];
    struct ek_old_paths *old = &world->old_paths[i];
    if (world->spec->provider == EK_PROVIDER_LOCAL) {
        memcpy(old->server, world->paths[i].server, sizeof old->server);
        memcpy(old->trust, world->paths[i].trust, sizeof old->trust);
        return;
    }
    ek_host_old_name(&world->host[i], name);
    snprintf(old->certificates, sizeof old->certificates, "/etc/evenkeel/%s", name);
    snprintf(old->root, sizeof old->root, "/var/lib/evenkeel/%s", name);
    snprintf(old->server, sizeof old->server, "%s/server.pem", old->certificates);
    snprintf(old->trust, sizeof old->trust, "%s/ca.pem", old->certificates);
}

static void set_paths(struct ek_world *world, size_t i)
{
    const struct ek_member_spec *member = &world->spec->members[i];
    struct ek_member_paths *paths = &world->paths[i];
    char root[EK_HOST_DIRECTORY_SIZE];
    char certificates[EK_HOST_PATH_SIZE];
    char name[EK_HOST_NAME_SIZE];
    if (world->spec->provider == EK_PROVIDER_LOCAL) {
        snprintf(root, sizeof root, "%s", member->directory);
        snprintf(certificates, sizeof certificates, "%s/tls", root);
    } else {
        ek_host_name(&world->host[i], name);
        snprintf(root, sizeof root, "/var/lib/evenkeel/%s", name);
        snprintf(certificates, sizeof certificates, "/etc/evenkeel/%s", name);
    }
    snprintf(paths->key, sizeof paths->key, "%s/key.pem", certificates);
    snprintf(paths->server, sizeof paths->server, "%s/server.pem", certificates);
    snprintf(paths->trust, sizeof paths->trust, "%s/ca.pem", certificates);
    snprintf(paths->key_file, sizeof paths->key_file, "%s/keyfile", root);
    snprintf(paths->db, sizeof paths->db, "%s/db", root);
    bool local = world->spec->provider == EK_PROVIDER_LOCAL; /* else the directory is root's */
    snprintf(paths->log, sizeof paths->log, "%s%s/mongod.log", root, local ? "" : "/log");
}

static void set_ssh(struct ek_world *world, size_t i)
{
    const struct ek_deployment_spec *spec = world->spec;
    const struct ek_member_spec *member = &spec->members[i];
    world->ssh[i] = (struct ek_ssh){.host = member->ssh.host,
                                    .user = member->ssh.user,
                                    .port = member->ssh.port,
                                    .identity_file = member->ssh.identity_file,
                                    .known_hosts = spec->ssh.known_hosts,
                                    .config = spec->ssh.config,
                                    .host_keys = (const char *const *)member->ssh.host_keys,
                                    .host_key_count = member->ssh.host_key_count,
                                    .sudo = spec->ssh.sudo,
                                    .connections = spec->ssh.connections};
}

static void set_host(struct ek_world *world, size_t i)
{
    const struct ek_member_spec *member = &world->spec->members[i];
    set_ssh(world, i);
    world->host[i] = (struct ek_host){.account = world->spec->account,
                                      .deployment = world->spec->name,
                                      .member = member->name,
                                      .directory = member->directory,
                                      .network_namespace = member->network_namespace,
                                      .server_binary = world->spec->server_binary,
                                      .configuration = member->configuration,
                                      .unit = member->unit,
                                      .server_user = world->spec->server_user,
                                      .ssh = &world->ssh[i]};
}

static const char *host_driver_of(const struct ek_deployment_spec *spec)
{
    switch (spec->provider) {
    case EK_PROVIDER_LOCAL: return "local";
    case EK_PROVIDER_HOSTS: return spec->reach == EK_REACH_LOCAL ? "system" : "ssh";
    case EK_PROVIDER_AWS:
    case EK_PROVIDER_AZURE:
    case EK_PROVIDER_GCP: break;
    }
    return NULL;
}

static int find_drivers(struct ek_world *world, struct ek_error *err)
{
    const char *host = host_driver_of(world->spec);
    world->hosts = host ? ek_host_driver_named(host) : NULL;
    world->mongodb = ek_mongodb_driver_named("libmongoc");
    world->certificates = ek_certificate_driver_named("built-in");
    world->secrets = ek_secret_driver_named("sealed-files");
    world->dns = ek_dns_driver_named("hosts-file");
    if (!world->hosts)
        return ek_fail(err, EK_UNSUPPORTED, "EK-0480",
                       "deployment %s: its provider has no driver in this version",
                       world->spec->name);
    if (!world->mongodb || !world->certificates || !world->secrets || !world->dns)
        return ek_fail(err, EK_BUG, "EK-0481", "a driver is missing from its table");
    return 0;
}

static void set_authority(struct ek_world *world)
{
    const struct ek_deployment_spec *spec = world->spec;
    world->authority = (struct ek_authority){.store = &world->store, .secrets = world->secrets};
    if (!spec->certificates.authority)
        return;
    world->authority.spec =
        ek_specs_authority(world->specs, spec->account, spec->certificates.authority);
    snprintf(world->authority_file, sizeof world->authority_file, "%s/authorities/%s/%s.pem",
             world->controller->state_directory, spec->account, spec->certificates.authority);
}

int ek_world_open(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                  const struct ek_controller *controller, struct ek_world **ret_world,
                  struct ek_error *err)
{
    struct ek_world *world = calloc(1, sizeof *world);
    if (!world)
        return ek_no_memory(err);
    world->specs = specs;
    world->spec = spec;
    world->controller = controller;
    int result = find_drivers(world, err);
    if (result != 0) {
        free(world);
        return result;
    }
    world->store = (struct ek_secret_store){.directory = controller->state_directory,
                                            .key_file = controller->secret_key_file,
                                            .key_command = controller->secret_key_command};
    world->zone = (struct ek_dns_zone){.path = spec->ssl_domain.hosts_file};
    snprintf(world->mark, sizeof world->mark, "%s/%s", spec->account, spec->name);
    set_authority(world);
    ek_world_client_begin(world);
    for (size_t i = 0; i < spec->member_count; i++) {
        set_host(world, i);
        set_paths(world, i);
        set_old_paths(world, i);
    }
    *ret_world = world;
    return 0;
}

void ek_world_close(struct ek_world *world)
{
    if (!world)
        return;
    for (size_t i = 0; i < EK_MEMBERS_MAX; i++)
        world->mongodb->session_free(world->sessions[i]);
    ek_secret_free(world->own_password);
    ek_secret_free(world->key_file);
    ek_world_client_end(world);
    free(world);
}

void ek_world_secret_name(const struct ek_world *world, int member, const char *what, char *buffer,
                          size_t size)
{
    if (member < 0)
        snprintf(buffer, size, "%s/%s", world->mark, what);
    else
        snprintf(buffer, size, "%s/%s/%s", world->mark, world->spec->members[member].name, what);
}

int ek_world_unseal(const struct ek_world *world, int member, const char *what,
                    struct ek_secret **ret_secret, struct ek_error *err)
{
    char name[EK_SECRET_NAME_SIZE];
    ek_world_secret_name(world, member, what, name, sizeof name);
    return world->secrets->unseal(&world->store, name, ret_secret, err);
}

int ek_world_seal(const struct ek_world *world, int member, const char *what,
                  const struct ek_secret *secret, struct ek_error *err)
{
    char name[EK_SECRET_NAME_SIZE];
    ek_world_secret_name(world, member, what, name, sizeof name);
    return world->secrets->seal(&world->store, name, secret, err);
}

int ek_world_secret(const struct ek_world *world, const char *what, size_t bytes,
                    struct ek_secret **ret_secret, struct ek_error *err)
{
    struct ek_secret *secret;
    struct ek_error cause = {0};
    int result = ek_world_unseal(world, -1, what, ret_secret, &cause);
    if (result != EK_NOT_FOUND) {
        if (result != 0 && err)
            *err = cause;
        return result;
    }
    result = ek_secret_random(bytes, &secret, err);
    if (result != 0)
        return result;
    result = ek_world_seal(world, -1, what, secret, err);
    if (result != 0)
        ek_secret_free(secret);
    else
        *ret_secret = secret;
    return result;
}

void ek_world_target(const struct ek_world *world, size_t i, const char *label,
                     char name[EK_DOMAIN_NAME_SIZE], struct ek_mongodb_target *ret_target)
{
    const struct ek_member_spec *member = &world->spec->members[i];
    bool trusted = world->authority.spec && access(world->authority_file, R_OK) == 0;
    *ret_target = (struct ek_mongodb_target){
        .member = member->name,
        .plain_host = member->address ? member->address : member->host,
        .port = member->port,
        .ca_file = trusted ? world->authority_file : NULL, /* not before the authority is made */
        .client = trusted ? &world->client.certificate : NULL,
        .user = world->own_password && !member->arbiter ? EK_OWN_USER : NULL,
        .password = world->own_password,
        .key_file = world->key_file};
    if (ek_domain_name(world->spec, label, i, name, EK_DOMAIN_NAME_SIZE))
        ret_target->tls_host = name;
}

/* Beside the new directory, whose name may go on behind the member's. */
static void old_password_path(const struct ek_host *host, const char *directory, char *ret_path,
                              size_t size)
{
    char name[EK_HOST_NAME_SIZE];
    char old[EK_HOST_NAME_SIZE];
    ek_host_name(host, name);
    ek_host_old_name(host, old);
    const char *slash = strrchr(directory, '/');
    const char *more = slash ? slash + 1 + strlen(name) : "";
    snprintf(ret_path, size, "%.*s/%s%s%s/key-password", (int)(slash ? slash - directory : 0),
             directory, old, *more ? "-" : "", *more ? more + 1 : "");
}

int ek_world_server_tls(const struct ek_world *world, size_t i, int64_t deadline,
                        struct ek_world_tls *ret_tls, struct ek_error *err)
{
    const struct ek_deployment_spec *spec = world->spec;
    char directory[EK_HOST_DIRECTORY_SIZE];
    int result = world->hosts->volatile_directory(&world->host[i], deadline, directory,
                                                  sizeof directory, err);
    if (result != 0)
        return result;
    snprintf(ret_tls->password_path, sizeof ret_tls->password_path, "%s/key-password", directory);
    ret_tls->tls = (struct ek_server_tls){.mode = EK_SSL_ALLOW,
                                          .certificate_key_file = world->paths[i].server,
                                          .ca_file = world->paths[i].trust,
                                          .password_file = ret_tls->password_path,
                                          .allow_connections_without_certificates =
                                              spec->tls.allow_connections_without_certificates,
                                          .disabled_protocols = spec->tls.disabled_protocols,
                                          .ciphers = spec->tls.ciphers};
    old_password_path(&world->host[i], directory, ret_tls->old_password_path,
                      sizeof ret_tls->old_password_path);
    ret_tls->old = ret_tls->tls;
    ret_tls->old.certificate_key_file = world->old_paths[i].server;
    ret_tls->old.ca_file = world->old_paths[i].trust;
    ret_tls->old.password_file = ret_tls->old_password_path;
    return 0;
}

int ek_world_address(const struct ek_world *world, size_t i, char *buffer, size_t size,
                     struct ek_error *err)
{
    const struct ek_member_spec *member = &world->spec->members[i];
    if (member->address) {
        snprintf(buffer, size, "%s", member->address);
        return 0;
    }
    struct ek_dns_address address;
    int result = world->dns->look_up(&world->zone, member->host, ek_monotonic_ms() + LOOK_UP_MS,
                                     &address, err);
    if (result == 0)
        snprintf(buffer, size, "%s", address.text);
    return result;
}

int ek_world_recent_log(const struct ek_world_log *log, int64_t deadline,
                        struct ek_buffer *ret_lines, struct ek_error *err)
{
    const struct ek_state *state = log->state;
    const size_t i = log->member;
    struct ek_mongodb_target target;
    char name[EK_DOMAIN_NAME_SIZE];
    const char *label = ek_member_transport(state, i)->domain_name_bound == EK_YES
                            ? ek_transport(state)->domain_label
                            : "";
    ek_world_target(log->world, i, label, name, &target);
    return log->world->mongodb->recent_log(&target, deadline, ret_lines, err);
}
