/* Certificates as they are: the authority, the hosts' files, what servers present. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/clock.h"
#include "reconciler/execute/observe.h"

enum { OLD_FILE_MAX = 1 << 20 };

/* A process that began this much before a file was written may still have read it: start
 * times are exact to the clock tick only. */
static const int64_t start_time_slack_ms = 50;
static const int64_t boot_time_slack_ms = 1050; /* the host tells when it booted to the second */

static int look_at_authority(struct ek_observing *o, struct ek_error *err)
{
    struct ek_world *world = o->world;
    struct ek_state *state = o->state;
    struct ek_certificate_facts facts;
    struct ek_error cause = {0};
    ek_certificates(state)->authority = EK_NO;
    if (!world->authority.spec)
        return 0;
    int result = world->certificates->find(&world->authority, &o->authority_pem, &facts, &cause);
    if (result == EK_NOT_FOUND)
        return 0;
    ek_observe_result(o, result);
    if (result != 0) {
        ek_certificates(state)->authority = EK_UNKNOWN;
        ek_observe_problem(o, state->member_count, "%s", cause.sentence);
        return 0;
    }
    ek_certificates(state)->authority = EK_YES;
    ek_certificates(state)->authority_not_after_s = facts.not_after_s;
    memcpy(ek_certificates(state)->authority_sha256, facts.sha256, sizeof facts.sha256);
    (void)err;
    return 0;
}

static void look_at_certificate(struct ek_observing *o, const char *pem, size_t length,
                                struct ek_certificate_state *ret_certificate)
{
    struct ek_certificate_facts facts;
    struct ek_certificate_state *certificate = ret_certificate;
    int result = ek_certificate_read(pem, length, &facts, NULL);
    ek_observe_result(o, result);
    if (result != 0)
        return;
    certificate->present = EK_YES;
    memcpy(certificate->sha256, facts.sha256, sizeof facts.sha256);
    certificate->not_after_s = facts.not_after_s;
    certificate->sole_name = facts.name_count == 1 && facts.address_count == 0 ? EK_YES : EK_NO;
    if (facts.name_count > 0)
        memcpy(certificate->name, facts.names[0], sizeof certificate->name);
    memcpy(certificate->key, facts.key, sizeof certificate->key);
    certificate->issued_by_authority = EK_NO;
    if (o->authority_pem.length == 0)
        return;
    result = ek_certificate_issued_by(pem, length, ek_buffer_text(&o->authority_pem),
                                      o->authority_pem.length, NULL);
    ek_observe_result(o, result);
    if (result == 0)
        certificate->issued_by_authority = EK_YES;
}

/* ---- where earlier versions kept files ---- */

static bool lies_in(const char *directory, const char *path)
{
    size_t length = strlen(directory);
    return length > 0 && path && strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* What names a file there in a way that Evenkeel never wrote (a comment, another option) can't be
 * judged. */
static enum ek_tri configured_at_old_place(const struct ek_observing *o, size_t i)
{
    const struct ek_observing_member *found = &o->members[i];
    const struct ek_old_paths *old = &o->world->old_paths[i];
    const struct ek_server_configuration *parsed = &found->parsed;
    const char *text = ek_buffer_text(&found->configuration.content);
    if (ek_member(o->state, i)->configuration != EK_YES)
        return ek_member(o->state, i)->configuration;
    if (lies_in(old->certificates, parsed->certificate_key_file) ||
        lies_in(old->certificates, parsed->ca_file))
        return EK_YES;
    if (!found->tls.tls.mode)
        return EK_UNKNOWN;
    if (strstr(text, found->tls.old_password_path))
        return parsed->password_by_exec && !strstr(text, found->tls.password_path) ? EK_YES
                                                                                   : EK_UNKNOWN;
    bool named = false;
    size_t length = strlen(old->certificates);
    for (const char *at = text; length && !named && (at = strstr(at, old->certificates)); at++)
        named = at[length] == '/';
    return named ? EK_UNKNOWN : EK_NO;
}

static bool at_old_place(const struct ek_observing *o, size_t i)
{
    return ek_member_certificates(o->state, i)->old_files_configured == EK_YES;
}

/* With provider local, a password; else a certificate, which tells whose the files are by its name:
 * another deployment's may lie there as well. */
static void look_at_old_files(struct ek_observing *o, size_t i)
{
    struct ek_world *world = o->world;
    struct ek_observing_member *found = &o->members[i];
    bool certificates = world->old_paths[i].certificates[0];
    const struct ek_file_question question = {
        certificates ? world->old_paths[i].server : found->tls.old_password_path, OLD_FILE_MAX};
    struct ek_certificate_state certificate = {0};
    EK_FILE file = {0};
    if (!found->tls.tls.mode)
        return;
    int result = world->hosts->read_file(&world->host[i], &question, o->deadline, &file, NULL);
    ek_observe_result(o, result);
    if (result == 0 && certificates && !at_old_place(o, i)) {
        look_at_certificate(o, ek_buffer_text(&file.content), file.content.length, &certificate);
        memcpy(found->old_name, certificate.name, sizeof found->old_name);
        found->told_by_name = true;
        found->old_files = EK_YES;
    } else if (result == 0 || result == EK_NOT_FOUND) {
        found->old_files = result == 0 ? EK_YES : EK_NO;
    }
}

static enum ek_tri running_at_old_place(const struct ek_observing *o, size_t i)
{
    const struct ek_mongodb_seen *seen = &o->members[i].seen;
    const char *old = o->world->old_paths[i].certificates;
    if (!old[0] || ek_member(o->state, i)->process == EK_NO)
        return EK_NO;
    if (!seen->answered || !seen->options_known)
        return EK_UNKNOWN;
    return lies_in(old, seen->certificate_key_file) || lies_in(old, seen->ca_file) ? EK_YES : EK_NO;
}

static void judge_old_files(struct ek_observing *o, size_t i)
{
    struct ek_member_certificates *certificates = ek_member_certificates(o->state, i);
    const struct ek_observing_member *found = &o->members[i];
    const char *label = ek_transport(o->state)->domain_label;
    char name[EK_DOMAIN_NAME_SIZE];
    certificates->old_files_running = running_at_old_place(o, i);
    certificates->old_files = found->old_files;
    if (!found->told_by_name || found->old_files != EK_YES)
        return;
    if (!ek_domain_name(o->world->spec, label, i, name, sizeof name) ||
        strcmp(name, found->old_name) != 0)
        certificates->old_files = EK_NO;
}

/* ---- files ---- */

static void look_at_certificate_file(struct ek_observing *o, size_t i)
{
    struct ek_certificate_state *certificate =
        &ek_member_certificates(o->state, i)->certificate_installed;
    EK_FILE file = {0};
    const struct ek_buffer *pem = &file.content;
    int result = ek_observe_file(
        o, i, at_old_place(o, i) ? o->world->old_paths[i].server : o->world->paths[i].server,
        &file);
    if (result == EK_NOT_FOUND)
        certificate->present = EK_NO;
    if (result != 0)
        return;
    look_at_certificate(o, ek_buffer_text(pem), pem->length, certificate);
    if (certificate->present != EK_YES) {
        certificate->present = EK_NO; /* a file that holds no certificate is as good as none */
        return;
    }
    certificate->key_sealed =
        ek_certificate_key_is_sealed(ek_buffer_text(pem), pem->length) ? EK_YES : EK_NO;
}

/* Whether the process was there before the file was written, by the host's clock. A file of the
 * future was written before that clock was set back; it is taken for old, since a restart would
 * not make it any older. */
static bool began_before(const struct ek_member *member, int64_t modified_ms)
{
    bool same_clock = llabs(member->clock_ahead_ms) < 2 * boot_time_slack_ms;
    int64_t started_ms = member->started_ms - (same_clock ? member->clock_ahead_ms : 0);
    int64_t slack_ms = same_clock ? start_time_slack_ms : boot_time_slack_ms;
    int64_t now_ms = same_clock ? ek_wall_ms() : started_ms + member->age_ms;
    return modified_ms > started_ms + slack_ms && modified_ms <= now_ms + slack_ms;
}

static void look_at_trust_file(struct ek_observing *o, size_t i)
{
    struct ek_member *member = ek_member(o->state, i);
    struct ek_member_certificates *certificates = ek_member_certificates(o->state, i);
    struct ek_trust_state *trust = &certificates->trust_installed;
    EK_FILE file = {0};
    int result = ek_observe_file(
        o, i, at_old_place(o, i) ? o->world->old_paths[i].trust : o->world->paths[i].trust, &file);
    if (result == EK_NOT_FOUND)
        trust->present = EK_NO;
    if (result != 0)
        return;
    trust->present = EK_YES;
    struct ek_fingerprints found = {trust->sha256, sizeof trust->sha256 / sizeof *trust->sha256, 0};
    ek_observe_result(
        o, ek_certificate_bundle(ek_buffer_text(&file.content), file.content.length, &found, NULL));
    trust->count = found.count;
    /* The server reads the file when it starts. One that began before the file was written
     * trusts something else. */
    if (member->process == EK_YES && !began_before(member, file.modified_ms))
        certificates->trust_running = *trust;
    else if (member->process == EK_YES)
        certificates->trust_running.present = EK_YES;
}

/* A host that was started anew has lost what was in its memory: a server whose key needs a
 * password can't come back there by itself, so bringing it back is ours. */
static void look_for_lost_password(struct ek_observing *o, size_t i, const char *path)
{
    struct ek_world *world = o->world;
    struct ek_member *member = ek_member(o->state, i);
    struct ek_member_transport *transport = ek_member_transport(o->state, i);
    const struct ek_file_question question = {path, EK_WAITING_PASSWORD_MAX};
    EK_FILE file = {0};
    if (member->process != EK_NO || member->data != EK_YES ||
        transport->mode_configured <= EK_SSL_DISABLED)
        return;
    int result = world->hosts->read_file(&world->host[i], &question, o->deadline, &file, NULL);
    ek_observe_result(o, result);
    if (result == EK_NOT_FOUND)
        member->restart_begun = EK_YES;
}

/* Whether it opens is not looked at here: what is sealed but does not open is not lost. */
static void look_for_sealed_password(struct ek_observing *o, size_t i)
{
    struct ek_world *world = o->world;
    struct ek_error cause = {0};
    char name[EK_SECRET_NAME_SIZE];
    ek_world_secret_name(world, (int)i, EK_KEY_PASSWORD, name, sizeof name);
    int result = world->secrets->find(&world->store, name, &cause);
    ek_observe_result(o, result);
    if (result != 0 && result != EK_NOT_FOUND) {
        ek_observe_problem(o, i, "%s", cause.sentence);
        return;
    }
    ek_member_certificates(o->state, i)->key_password = result == 0 ? EK_YES : EK_NO;
}

/* Where nothing of Evenkeel's lies and another file is named, somebody else set up this TLS. */
static void judge_foreign(struct ek_observing *o, size_t i)
{
    struct ek_member_certificates *certificates = ek_member_certificates(o->state, i);
    const char *named = o->members[i].parsed.certificate_key_file;
    bool another = named && strcmp(named, o->world->paths[i].server) != 0 &&
                   certificates->old_files_configured == EK_NO;
    if (ek_member(o->state, i)->configuration == EK_YES && another &&
        certificates->certificate_installed.present == EK_NO)
        ek_observe_text(o, i, &certificates->foreign, named);
}

static void look_at_host(struct ek_observing *o, size_t i)
{
    const struct ek_world_tls *tls = &o->members[i].tls;
    ek_member_certificates(o->state, i)->old_files_configured = configured_at_old_place(o, i);
    look_at_certificate_file(o, i);
    judge_foreign(o, i);
    look_at_trust_file(o, i);
    look_for_sealed_password(o, i);
    look_at_old_files(o, i);
    if (tls->tls.mode)
        look_for_lost_password(o, i,
                               at_old_place(o, i) ? tls->old_password_path : tls->password_path);
}

/* ---- the servers ---- */

static void take_tls(struct ek_observing *o, size_t i)
{
    struct ek_member_transport *transport = ek_member_transport(o->state, i);
    struct ek_member_certificates *certificates = ek_member_certificates(o->state, i);
    const struct ek_mongodb_seen *seen = &o->members[i].seen;
    if (transport->mode_running == EK_SSL_DISABLED || seen->handshake.tls == EK_ANSWER_NO) {
        certificates->certificate_running.present = EK_NO;
        certificates->trust_running = (struct ek_trust_state){.present = EK_NO};
        return;
    }
    if (seen->handshake.certificate_pem)
        look_at_certificate(o, seen->handshake.certificate_pem,
                            strlen(seen->handshake.certificate_pem),
                            &certificates->certificate_running);
}

static void take_answers(struct ek_observing *o)
{
    for (size_t i = 0; i < o->state->member_count; i++) {
        if (ek_member(o->state, i)->process != EK_NO && o->members[i].seen.answered)
            take_tls(o, i);
        judge_old_files(o, i);
    }
}

extern const struct ek_observer ek_certificate_observer;
const struct ek_observer ek_certificate_observer = {
    .controller = look_at_authority, .host = look_at_host, .set = take_answers};
