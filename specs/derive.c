/* Defaults that depend on other keys, and where some values stand. */
#include <stdio.h>
#include <string.h>

#include "specs/check.h"

static void span_at(const struct ek_subject *subject, const char *path, struct ek_span *span)
{
    struct ek_place place = ek_subject_place(subject, path);
    snprintf(span->file, sizeof span->file, "%s", subject->document->file->path);
    span->line = place.line;
    span->column = place.column;
    span->length = place.length;
}

static char *copy(struct ek_check *check, const char *text)
{
    return ek_arena_copy(check->result, text, strlen(text));
}

static void derive_member(struct ek_check *check, const struct ek_subject *subject, size_t index)
{
    struct ek_deployment_spec *deployment = subject->value;
    struct ek_member_spec *member = &deployment->members[index];
    char path[96];
    snprintf(path, sizeof path, "spec.replicaSet.members[%zu].priority", index);
    if (member->arbiter && !ek_subject_node(subject, path))
        member->priority = 0;
    snprintf(path, sizeof path, "spec.replicaSet.members[%zu]", index);
    span_at(subject, path, &member->at);
    bool local = deployment->provider == EK_PROVIDER_LOCAL;
    if (local && !member->directory && deployment->provider_directory && member->name)
        member->directory = ek_arena_printf(
            check->result, "%s/%s",
            strcmp(deployment->provider_directory, "/") == 0 ? "" : deployment->provider_directory,
            member->name);
    if (!member->configuration && !local)
        member->configuration = copy(check, "/etc/mongod.conf");
    else if (!member->configuration && member->directory)
        member->configuration = ek_arena_printf(check->result, "%s/mongod.conf", member->directory);
}

static void derive_ssh(struct ek_deployment_spec *deployment, struct ek_member_spec *member)
{
    if (!member->ssh.host)
        member->ssh.host = member->host;
    if (!member->ssh.user)
        member->ssh.user = deployment->ssh.user;
    if (member->ssh.port == 0)
        member->ssh.port = deployment->ssh.port;
    if (!member->ssh.identity_file)
        member->ssh.identity_file = deployment->ssh.identity_file;
    if (member->ssh.host_key_count == 0) {
        member->ssh.host_keys = deployment->ssh.host_keys;
        member->ssh.host_key_count = deployment->ssh.host_key_count;
    }
}

static void derive_deployment(struct ek_check *check, const struct ek_subject *subject)
{
    struct ek_deployment_spec *deployment = subject->value;
    const struct ek_node *mode = ek_subject_node(subject, "spec.sslMode");
    span_at(subject, "spec.plan", &deployment->plan_at);
    span_at(subject, "spec.sslMode", &deployment->ssl_mode_at);
    deployment->ssl_mode_written_as_tls =
        mode && mode->kind == EK_NODE_SCALAR && strstr(mode->text, "TLS");
    for (size_t i = 0; i < deployment->member_count; i++)
        derive_member(check, subject, i);
    for (size_t i = 0; i < deployment->member_count; i++)
        derive_ssh(deployment, &deployment->members[i]);
}

static void derive_authority(struct ek_check *check, const struct ek_subject *subject)
{
    struct ek_authority_spec *authority = subject->value;
    if (!authority->name || !authority->account)
        return;
    if (!authority->common_name)
        authority->common_name =
            ek_arena_printf(check->result, "%s %s", authority->account, authority->name);
    if (!authority->organization)
        authority->organization = copy(check, authority->account);
}

void ek_derive(struct ek_check *check, const struct ek_subject *subject)
{
    static void (*const derivations[EK_KIND_COUNT_SERVED])(struct ek_check *,
                                                           const struct ek_subject *) = {
        [EK_KIND_AUTHORITY] = derive_authority,
        [EK_KIND_DEPLOYMENT] = derive_deployment,
    };
    size_t kind = (size_t)(subject->kind - ek_kinds);
    if (derivations[kind])
        derivations[kind](check, subject);
}
