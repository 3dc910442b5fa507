/* Phases about certificates: the authority, whom members trust, what they present. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/certificate/questions.h"
#include "reconciler/aspects/certificate/validity.h"
#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/questions.h"
#include "reconciler/base/sizes.h"

enum { CLOCKS_APART_MS = 300000 };

/* Who is brought back needs a certificate where it comes back with TLS. */
static bool uses_tls(const struct ek_question *q, size_t i)
{
    if (ek_wants_tls(q))
        return true;
    if (ek_ours_to_start(q, i))
        return ek_file_mode(q, i) > EK_SSL_DISABLED;
    return ek_member(q->state, i)->process != EK_NO &&
           ek_member_transport(q->state, i)->mode_running != EK_SSL_DISABLED;
}

/* Certificates are valid by the clock of whoever looks at them: one that is made by a wrong clock
 * keeps a server from starting. */
static bool clock_differs(const struct ek_question *q, size_t i)
{
    const struct ek_member *member = ek_member(q->state, i);
    long long ahead_s = (long long)(member->clock_ahead_ms / 1000);
    const char *where = ahead_s > 0 ? "ahead of" : "behind";
    if (member->clock_ahead_ms == EK_CLOCK_UNKNOWN ||
        llabs(member->clock_ahead_ms) <= CLOCKS_APART_MS || !uses_tls(q, i))
        return false;
    return ek_block(q,
                    ek_passing("EK-0130", (int)i, "set the clocks right, by NTP on both machines"),
                    "the clock of member %s's host is %lld s %s that of Evenkeel's machine",
                    member->name, llabs(ahead_s), where);
}

bool ek_phase_clocks_agree(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if (clock_differs(q, m))
            return true;
    return false;
}

bool ek_phase_tls_of_others(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        const char *file = ek_state_text(q->state, ek_member_certificates(q->state, m)->foreign);
        if (!file[0] || ek_member_transport(q->state, m)->mode_configured <= EK_SSL_DISABLED)
            continue;
        return ek_block(
            q,
            ek_lasting("EK-0140", (int)m, "leave its TLS to whoever looks after that certificate"),
            "member %s has TLS by a certificate that is not Evenkeel's (%s): that "
            "can't be taken over yet",
            ek_member(q->state, m)->name, file);
    }
    return false;
}

bool ek_phase_prepare_authority(const struct ek_question *q)
{
    if (!ek_wants_tls(q) || ek_certificates(q->state)->authority == EK_YES)
        return false;
    if (ek_certificates(q->state)->authority == EK_UNKNOWN)
        return ek_block(
            q, ek_lasting("EK-0126", -1, "see the cause; restore the authority's files"),
            "the certificate authority %s could not be read", q->spec->certificates.authority);
    ek_propose(q, &ek_step_create_authority, -1, "%s does not exist yet",
               q->spec->certificates.authority);
    return true;
}

bool ek_phase_prepare_trust(const struct ek_question *q)
{
    if (!ek_wants_tls(q))
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_trust_state *trust = &ek_member_certificates(q->state, m)->trust_installed;
        if (trust->present == EK_YES && trust->count == 1 &&
            memcmp(trust->sha256[0], ek_certificates(q->state)->authority_sha256, 32) == 0)
            continue;
        ek_propose(q, &ek_step_install_trust, (int)m, "does not trust %s yet%s",
                   q->spec->certificates.authority, ek_with_old_files(q, m));
        return true;
    }
    return false;
}

static const char why_password_lost[] = "the password of the installed one's key is lost";

static bool certificate_due(const struct ek_question *q, size_t m, const char **ret_why)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    const struct ek_certificate_state *certificate = &certificates->certificate_installed;
    char name[EK_DOMAIN_NAME_SIZE];
    *ret_why = NULL;
    if (certificate->present != EK_YES)
        *ret_why = "has none yet";
    else if (certificate->issued_by_authority != EK_YES)
        *ret_why = "the installed one is by another authority";
    else if (certificates->key_password == EK_NO)
        *ret_why = why_password_lost;
    else if (certificate->key_sealed != EK_YES)
        *ret_why = "the key of the installed one is not encrypted";
    else if (!ek_domain_name(q->spec, ek_transport(q->state)->domain_label, m, name, sizeof name) ||
             strcmp(certificate->name, name) != 0 || certificate->sole_name != EK_YES)
        *ret_why = "the installed one is for another name";
    else if (ek_certificate_renewable(EK_SITUATION(q->spec, q->state, q->policy), certificate))
        *ret_why = "the installed one ends soon";
    else if (ek_certificate_has_other_key(q->spec, certificate))
        *ret_why = "the key of the installed one is of another algorithm";
    return *ret_why != NULL;
}

static bool issue(const struct ek_question *q, size_t m, const char *why)
{
    int64_t end_s = ek_certificates(q->state)->authority_not_after_s;
    if (end_s != 0 && end_s <= q->policy->now_s)
        return ek_block(q,
                        ek_lasting("EK-0134", (int)m,
                                   "renew the authority; until then nothing new can be signed"),
                        "member %s needs a certificate, and the certificate authority %s has ended",
                        ek_member(q->state, m)->name, q->spec->certificates.authority);
    struct ek_step *step =
        ek_propose(q, &ek_step_issue_certificate, (int)m, "%s%s", why, ek_with_old_files(q, m));
    snprintf(ek_label_argument(step)->label, EK_LABEL_SIZE, "%s",
             ek_transport(q->state)->domain_label);
    if (ek_authority_ends_first(EK_SITUATION(q->spec, q->state, q->policy)))
        ek_issue_arguments(step)->authority_ends_s = end_s;
    return true;
}

static bool propose_certificate(const struct ek_question *q, size_t m)
{
    const char *why;
    return certificate_due(q, m, &why) && issue(q, m, why);
}

bool ek_phase_prepare_certificates(const struct ek_question *q)
{
    if (!ek_wants_tls(q))
        return false;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (propose_certificate(q, m))
            return true;
    return false;
}

/* What the server needs of them is at its new place by then: whoever writes files of a member
 * brings them there. */
bool ek_phase_remove_old_files(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
        if (certificates->old_files != EK_YES || certificates->old_files_configured != EK_NO ||
            certificates->old_files_running != EK_NO)
            continue;
        ek_propose(q, &ek_step_remove_old_files, (int)m,
                   "an earlier version kept them there; nothing names them any more");
        return true;
    }
    return false;
}

/* ---- what restarts are asked ---- */

static bool serves_other_certificate(const struct ek_member_certificates *certificates)
{
    return certificates->certificate_installed.present == EK_YES &&
           memcmp(certificates->certificate_running.sha256,
                  certificates->certificate_installed.sha256, 32) != 0;
}

static bool runs_other_trust(const struct ek_member_certificates *certificates)
{
    const struct ek_trust_state *running = &certificates->trust_running;
    const struct ek_trust_state *installed = &certificates->trust_installed;
    return running->present == EK_YES && installed->present == EK_YES &&
           (running->count != installed->count ||
            memcmp(running->sha256[0], installed->sha256[0], 32) != 0);
}

static bool needs_restart(const struct ek_question *q, size_t m, const char **ret_why)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    if (!ek_wants_tls(q) || ek_member_transport(q->state, m)->mode_running == EK_SSL_DISABLED)
        return false;
    if (serves_other_certificate(certificates))
        *ret_why = "serves another certificate than the installed one";
    else if (!runs_other_trust(certificates))
        return false;
    else if (certificates->trust_running.count == 0)
        *ret_why = "began before its trusted authorities were installed";
    else
        *ret_why = "trusts other authorities than the installed ones";
    return true;
}

static bool restart_helps(const struct ek_question *q, size_t m)
{
    return ek_member_transport(q->state, m)->mode_running <= q->spec->ssl_mode;
}

static bool unread_file(const struct ek_question *q, size_t m, const char *what)
{
    return ek_block(
        q, ek_lasting("EK-0132", (int)m, "see the cause; what is not known is not replaced"),
        "member %s: %s could not be read", ek_member(q->state, m)->name, what);
}

static bool unread(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    bool uses_tls = member->process == EK_YES && transport->mode_running >= EK_SSL_ALLOW;
    if (!ek_wants_tls(q) && !uses_tls && transport->mode_configured < EK_SSL_ALLOW)
        return false;
    if (certificates->trust_installed.present == EK_UNKNOWN)
        return unread_file(q, m, "the file of trusted authorities");
    if (certificates->certificate_installed.present == EK_UNKNOWN)
        return unread_file(q, m, "the certificate file");
    if (certificates->key_password == EK_UNKNOWN)
        return unread_file(q, m, "the sealed password of the key");
    if (!ek_wants_tls(q) || !uses_tls || ek_set(q->state)->initiated != EK_YES ||
        certificates->certificate_running.present == EK_YES)
        return false;
    return ek_block(
        q, ek_passing("EK-0132", (int)m, "see the cause; what is not known is not replaced"),
        "member %s: the certificate that is presented could not be read", member->name);
}

/* Connections that exist outlive a certificate; none is made anew with one that has ended. */
static bool cut_off(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    for (size_t p = 0; p < q->state->member_count; p++) {
        const struct ek_member *peer = ek_member(q->state, p);
        const struct ek_member_transport *peer_transport = ek_member_transport(q->state, p);
        if (p == m || !ek_certificate_lapsed(q, p) ||
            (mode < EK_SSL_PREFER && peer_transport->mode_running < EK_SSL_PREFER))
            continue;
        return ek_block(
            q, ek_lasting("EK-0131", (int)m, "evenkeel explain EK-0131 tells what is left"),
            "the certificate that member %s runs with has ended: restarted now, member "
            "%s would be cut off from it",
            peer->name, ek_member(q->state, m)->name);
    }
    return false;
}

/* On the way down nobody's certificate is renewed but the one without which, or without whose
 * password, a member, coming back in a mode that still has TLS, would not start. */
static bool issue_to_start(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    enum { STARTS_WITHIN_S = 3600 };
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    int64_t end_s = certificates->certificate_installed.not_after_s;
    bool ends = end_s - q->policy->now_s < STARTS_WITHIN_S &&
                ek_certificate_end(EK_SITUATION(q->spec, q->state, q->policy)) > end_s;
    bool lost = certificates->key_password == EK_NO;
    char name[EK_DOMAIN_NAME_SIZE];
    if (mode == EK_SSL_DISABLED || (!ends && !lost) ||
        ek_certificates(q->state)->authority != EK_YES ||
        !ek_domain_name(q->spec, ek_transport(q->state)->domain_label, m, name, sizeof name))
        return false;
    return issue(q, m, lost ? why_password_lost : "without a valid one it would not start");
}

/* What a start with TLS can't do without, be it by the file that is there or the one that will be.
 */
static bool before_start(const struct ek_question *q, size_t m)
{
    const struct ek_certificate_state *certificate =
        &ek_member_certificates(q->state, m)->certificate_installed;
    enum ek_ssl_mode written = ek_member_transport(q->state, m)->mode_configured;
    enum ek_ssl_mode mode = ek_ours_to_start(q, m) ? ek_file_mode(q, m) : written;
    if (!ek_wants_tls(q))
        return ek_ours_to_start(q, m) && issue_to_start(q, m, mode);
    if (written <= EK_SSL_DISABLED && mode <= EK_SSL_DISABLED)
        return false;
    if (ek_certificates(q->state)->authority == EK_YES)
        return propose_certificate(q, m);
    return (certificate->present != EK_YES || certificate->not_after_s <= q->policy->now_s) &&
           ek_phase_prepare_authority(q);
}

static bool before_restart(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode after = ek_mode_after_restart(q, m);
    return cut_off(q, m, after) || issue_to_start(q, m, after);
}

static void run_from_files(struct ek_state *state, size_t m)
{
    struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    ek_old_files_left(certificates); /* the file is written anew before each start */
    certificates->old_files_running = certificates->old_files_configured;
    if (ek_member_transport(state, m)->mode_configured == EK_SSL_DISABLED) {
        certificates->certificate_running = (struct ek_certificate_state){.present = EK_NO};
        certificates->trust_running = (struct ek_trust_state){.present = EK_NO};
    } else {
        certificates->certificate_running = certificates->certificate_installed;
        certificates->trust_running = certificates->trust_installed;
    }
}

const struct ek_restart_rules ek_certificate_restarts = {
    .needs_restart = needs_restart,
    .restart_helps = restart_helps,
    .unread = unread,
    .before_start = before_start,
    .before_restart = before_restart,
    .run_from_files = run_from_files,
};
