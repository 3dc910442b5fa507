/* What the hosts say: processes, configuration files, certificates, keyFiles. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/execute/observe.h"

enum { FILE_MAX = 1 << 20 };

/* A process that began this much before a file was written may still have read it: start
 * times are exact to the clock tick only. */
static const int64_t start_time_slack_ms = 50;
static const int64_t boot_time_slack_ms = 1050; /* the host tells when it booted to the second */

static int read_host_file(struct ek_look *look, size_t i, const char *path,
                          struct ek_buffer *ret_content, int64_t *ret_modified_ms)
{
    struct ek_world *world = look->world;
    struct ek_error err = {0};
    int result = world->hosts->read_file(&world->host[i], path, FILE_MAX, look->deadline,
                                         ret_content, ret_modified_ms, &err);
    if (result != 0 && result != EK_NOT_FOUND)
        ek_look_failed(look, i, &err);
    return result;
}

static void look_at_process(struct ek_look *look, size_t i)
{
    struct ek_world *world = look->world;
    struct ek_member_observed *member = &look->observation->state.members[i];
    struct ek_host_facts facts;
    struct ek_error err = {0};
    if (world->hosts->facts(&world->host[i], look->deadline, &facts, &err) != 0) {
        ek_look_failed(look, i, &err);
        return;
    }
    member->process = facts.running ? EK_YES : EK_NO;
    member->pid = facts.pid;
    member->started_ms = facts.started_ms;
    member->age_ms = facts.age_ms;
    if (facts.running)
        member->clock_ahead_ms = facts.started_ms + facts.age_ms - ek_wall_ms();
    member->restart_begun = facts.restart_begun ? EK_YES : EK_NO;
    member->data = facts.data_present ? EK_YES : EK_NO;
}

static void keep_key_file_content(struct ek_look *look, size_t i, const char *path)
{
    EK_SECRET_BUFFER content = {0};
    EK_SECRET_BUFFER stripped = {0};
    struct ek_member_observed *member = &look->observation->state.members[i];
    int result = read_host_file(look, i, path, &content, NULL);
    if (result == EK_NOT_FOUND)
        member->key_file = EK_NO;
    if (result != 0)
        return;
    member->key_file = EK_YES;
    for (size_t c = 0; c < content.length; c++)
        if (!isspace((unsigned char)content.bytes[c]))
            ek_buffer_add(&stripped, &content.bytes[c], 1);
    look->key_file_content[i] = ek_secret_new(ek_buffer_text(&stripped), stripped.length);
    look->no_memory |= stripped.failed || !look->key_file_content[i];
}

static void look_at_configuration(struct ek_look *look, size_t i, struct ek_buffer *ret_text)
{
    struct ek_member_observed *member = &look->observation->state.members[i];
    const char *path = look->world->spec->members[i].configuration;
    struct ek_server_configuration found = {0};
    struct ek_error err = {0};
    int result = read_host_file(look, i, path, ret_text, NULL);
    if (result == EK_NOT_FOUND) {
        member->configuration = EK_NO;
        keep_key_file_content(look, i, look->world->paths[i].key_file);
    }
    if (result != 0)
        return;
    if (ek_server_configuration_parse(ek_buffer_text(ret_text), ret_text->length, path, &found,
                                      &err) != 0) {
        ek_look_failed(look, i, &err);
        return;
    }
    member->configuration = EK_YES;
    member->mode_configured = found.mode;
    member->options_configured.known = EK_YES;
    memcpy(member->options_configured.digest, found.options_digest, 32);
    if (found.key_file)
        keep_key_file_content(look, i, found.key_file);
    else
        member->key_file = EK_NO;
    ek_server_configuration_done(&found);
}

/* A host that was started anew has lost what was in its memory: a server whose key needs a
 * password can't come back there by itself, so bringing it back is ours. */
static void look_for_lost_password(struct ek_look *look, size_t i, const char *path)
{
    struct ek_world *world = look->world;
    struct ek_member_observed *member = &look->observation->state.members[i];
    EK_SECRET_BUFFER content = {0};
    if (member->process != EK_NO || member->data != EK_YES ||
        member->mode_configured <= EK_SSL_DISABLED)
        return;
    if (world->hosts->read_file(&world->host[i], path, FILE_MAX, look->deadline, &content, NULL,
                                NULL) == EK_NOT_FOUND)
        member->restart_begun = EK_YES;
}

/* Keys that people set under net.tls themselves stay, so they belong to what is wanted. */
static void look_at_wanted_options(struct ek_look *look, size_t i, const struct ek_buffer *text)
{
    struct ek_member_observed *member = &look->observation->state.members[i];
    struct ek_server_tls tls;
    struct ek_error err = {0};
    char password_path[300];
    int result = ek_world_server_tls(look->world, i, EK_SSL_ALLOW, look->deadline, password_path,
                                     &tls, &err);
    if (result == 0 && member->configuration == EK_YES)
        result = ek_server_tls_digest_in(ek_buffer_text(text), text->length,
                                         look->world->spec->members[i].configuration, &tls,
                                         member->options_wanted.digest, &err);
    else if (result == 0)
        result = ek_server_tls_digest(&tls, member->options_wanted.digest, &err);
    if (result != 0)
        ek_look_failed(look, i, &err);
    else
        member->options_wanted.known = EK_YES;
    if (result == 0)
        look_for_lost_password(look, i, password_path);
}

void ek_look_certificate(struct ek_look *look, const char *pem, size_t length,
                         struct ek_certificate_state *ret_certificate)
{
    struct ek_certificate_facts facts;
    struct ek_certificate_state *certificate = ret_certificate;
    int result = ek_certificate_read(pem, length, &facts, NULL);
    look->no_memory |= result == EK_NO_MEMORY;
    if (result != 0)
        return;
    certificate->present = EK_YES;
    memcpy(certificate->sha256, facts.sha256, sizeof facts.sha256);
    certificate->not_after_s = facts.not_after_s;
    certificate->sole_name = facts.name_count == 1 && facts.address_count == 0 ? EK_YES : EK_NO;
    if (facts.name_count > 0)
        memcpy(certificate->name, facts.names[0], sizeof certificate->name);
    certificate->issued_by_authority = EK_NO;
    if (look->authority_pem.length > 0)
        result = ek_certificate_issued_by(pem, length, ek_buffer_text(&look->authority_pem),
                                          look->authority_pem.length, NULL);
    look->no_memory |= result == EK_NO_MEMORY;
    if (look->authority_pem.length > 0 && result == 0)
        certificate->issued_by_authority = EK_YES;
}

static void look_at_certificate_file(struct ek_look *look, size_t i)
{
    struct ek_certificate_state *certificate =
        &look->observation->state.members[i].certificate_installed;
    EK_BUFFER pem = {0};
    int result = read_host_file(look, i, look->world->paths[i].server, &pem, NULL);
    if (result == EK_NOT_FOUND)
        certificate->present = EK_NO;
    if (result != 0)
        return;
    ek_look_certificate(look, ek_buffer_text(&pem), pem.length, certificate);
    if (certificate->present != EK_YES) {
        certificate->present = EK_NO; /* a file that holds no certificate is as good as none */
        return;
    }
    certificate->key_sealed =
        ek_certificate_key_is_sealed(ek_buffer_text(&pem), pem.length) ? EK_YES : EK_NO;
}

/* Whether the process was there before the file was written, by the host's clock. A file of the
 * future was written before that clock was set back; it is taken for old, since a restart would
 * not make it any older. */
static bool began_before(const struct ek_member_observed *member, int64_t modified_ms)
{
    bool same_clock = llabs(member->clock_ahead_ms) < 2 * boot_time_slack_ms;
    int64_t started_ms = member->started_ms - (same_clock ? member->clock_ahead_ms : 0);
    int64_t slack_ms = same_clock ? start_time_slack_ms : boot_time_slack_ms;
    int64_t now_ms = same_clock ? ek_wall_ms() : started_ms + member->age_ms;
    return modified_ms > started_ms + slack_ms && modified_ms <= now_ms + slack_ms;
}

static void look_at_trust_file(struct ek_look *look, size_t i)
{
    struct ek_member_observed *member = &look->observation->state.members[i];
    struct ek_trust_state *trust = &member->trust_installed;
    int64_t modified_ms = 0;
    EK_BUFFER pem = {0};
    int result = read_host_file(look, i, look->world->paths[i].trust, &pem, &modified_ms);
    if (result == EK_NOT_FOUND)
        trust->present = EK_NO;
    if (result != 0)
        return;
    trust->present = EK_YES;
    result =
        ek_certificate_bundle(ek_buffer_text(&pem), pem.length, trust->sha256,
                              sizeof trust->sha256 / sizeof *trust->sha256, &trust->count, NULL);
    look->no_memory |= result == EK_NO_MEMORY;
    if (result != 0)
        trust->count = 0;
    /* The server reads the file when it starts. One that began before the file was written
     * trusts something else. */
    if (member->process == EK_YES && !began_before(member, modified_ms))
        member->trust_running = *trust;
    else if (member->process == EK_YES)
        member->trust_running.present = EK_YES;
}

void ek_look_at_host(struct ek_look *look, size_t i)
{
    look_at_process(look, i);
    EK_BUFFER configuration = {0};
    look_at_configuration(look, i, &configuration);
    look_at_wanted_options(look, i, &configuration);
    look_at_certificate_file(look, i);
    look_at_trust_file(look, i);
}
