#include "reconciler/aspects/certificate/fields.h"

#include <jansson.h>
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/certificate/validity.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/json.h"

/* ---- the authorities that are trusted ---- */

static void write_trusted(const struct ek_state *state, const struct ek_field *field,
                          const void *value, json_t **object)
{
    (void)state;
    const struct ek_trust_state *trust = value;
    if (!trust->count)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < trust->count && i < EK_TRUSTED_MAX; i++)
        ek_json_append(&list, ek_field_hex(trust->sha256[i]));
    ek_json_set(object, field->key, list);
}

static int read_trusted(const struct ek_field_scope *scope, const struct ek_field *field,
                        const json_t *json, void *ret_value)
{
    struct ek_trust_state *trust = ret_value;
    size_t count = json_array_size(json);
    if (!json_is_array(json) || count > EK_TRUSTED_MAX)
        return ek_field_wrong(scope, field, "a list of at most 4 fingerprints");
    for (size_t i = 0; i < count; i++)
        if (!ek_field_hex_read(json_array_get(json, i), trust->sha256[i]))
            return ek_field_wrong(scope, field, "a list of at most 4 fingerprints");
    trust->count = count;
    return 0;
}

static void say_trusted(const struct ek_state *state, const struct ek_field *field,
                        const void *value, struct ek_buffer *text)
{
    const struct ek_trust_state *trust = value;
    (void)state;
    (void)field;
    ek_buffer_printf(text, "%zu", trust->count);
}

static const struct ek_field_kind ek_trusted_kind = {
    .write = write_trusted, .read = read_trusted, .words = say_trusted};

/* ---- what matters to a plan ---- */

/* Which certificate a member holds matters only by what it is good for: fingerprints of
 * certificates that a plan will issue can't be known beforehand. */
static void say_certificate(const struct ek_situation *situation,
                            const struct ek_certificate_state *certificate, struct ek_buffer *text)
{
    int64_t left_s = certificate->not_after_s - situation->policy->now_s;
    ek_buffer_printf(text, "%s, by the authority %s", certificate->name,
                     ek_tri_word(certificate->issued_by_authority));
    if (ek_certificate_has_other_key(situation->spec, certificate))
        ek_buffer_printf(text, ", of a %s key", certificate->key);
    if (left_s <= 0)
        ek_buffer_text_add(text, ", ended");
    else if (ek_certificate_renewable(situation, certificate))
        ek_buffer_text_add(text, ", due for renewal");
}

/* "none" or "unknown"; false: it is there. */
static bool is_absent(const struct ek_certificate_state *certificate, struct ek_buffer *text)
{
    if (certificate->present != EK_YES)
        ek_buffer_text_add(text, certificate->present == EK_NO ? "none" : "unknown");
    return certificate->present != EK_YES;
}

/* Told with what is installed, so that the plans of fleets without such files keep their names. */
static void say_old_files(const struct ek_member_certificates *certificates, struct ek_buffer *text)
{
    if (certificates->old_files == EK_YES)
        ek_buffer_printf(text, ", files at the old place, configured %s, running %s",
                         ek_tri_word(certificates->old_files_configured),
                         ek_tri_word(certificates->old_files_running));
}

static void installed_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    const struct ek_certificate_state *installed = question->value;
    if (!is_absent(installed, text)) {
        say_certificate(question->situation, installed, text);
        ek_buffer_printf(text, ", sealed %s%s", ek_tri_word(installed->key_sealed),
                         installed->sole_name == EK_YES ? "" : ", with other names");
    }
    const struct ek_member_certificates *certificates =
        ek_member_certificates(question->situation->state, question->member);
    say_old_files(certificates, text);
    const char *another = ek_state_text(question->situation->state, certificates->foreign);
    if (another[0])
        ek_buffer_printf(text, ", configured %s", another);
}

static bool runs_tls(const struct ek_fact_question *question)
{
    return ek_member_transport(question->situation->state, question->member)->mode_running >
           EK_SSL_DISABLED;
}

static void running_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    const struct ek_certificate_state *running = question->value;
    const struct ek_certificate_state *installed =
        &ek_member_certificates(question->situation->state, question->member)
             ->certificate_installed;
    if (!runs_tls(question) || is_absent(running, text))
        return;
    bool same = installed->present == EK_YES &&
                memcmp(running->sha256, installed->sha256, sizeof running->sha256) == 0;
    ek_buffer_text_add(text, same ? "the installed one, " : "another, ");
    say_certificate(question->situation, running, text);
}

static bool has_authority(const struct ek_state *state, const struct ek_trust_state *trust)
{
    for (size_t i = 0; i < trust->count && i < EK_TRUSTED_MAX; i++)
        if (memcmp(trust->sha256[i], ek_certificates(state)->authority_sha256, 32) == 0)
            return true;
    return false;
}

static void say_trust(const struct ek_state *state, const struct ek_trust_state *trust,
                      struct ek_buffer *text)
{
    bool ours = has_authority(state, trust);
    if (trust->present != EK_YES)
        ek_buffer_text_add(text, trust->present == EK_NO ? "none" : "unknown");
    else if (ours && trust->count == 1)
        ek_buffer_text_add(text, "the authority");
    else
        ek_buffer_printf(text, "%zu, the authority %s", trust->count,
                         ours ? "among them" : "not among them");
}

static void trust_installed_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    say_trust(question->situation->state, question->value, text);
}

static void trust_running_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    const struct ek_trust_state *running = question->value;
    const struct ek_trust_state *installed =
        &ek_member_certificates(question->situation->state, question->member)->trust_installed;
    if (!runs_tls(question))
        return;
    if (running->present == installed->present && running->count == installed->count &&
        memcmp(running->sha256[0], installed->sha256[0], 32) == 0)
        ek_buffer_text_add(text, "the installed ones");
    else
        say_trust(question->situation->state, running, text);
}

/* Only an end that comes before that of the certificates it signs is anything to a plan. */
static void authority_end_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    int64_t end_s = ek_certificates(question->situation->state)->authority_not_after_s;
    if (end_s != 0 && end_s <= question->situation->policy->now_s)
        ek_buffer_text_add(text, "ended");
    else if (ek_authority_ends_first(question->situation))
        ek_buffer_text_add(text, "before the certificates would end");
}

/* ---- the rows ---- */

static const struct ek_field certificate_parts[] = {
    {.key = "present", EK_FIELD(struct ek_certificate_state, present, tri)},
    {.key = "sha256", EK_FIELD(struct ek_certificate_state, sha256, digest)},
    {.key = "issued_by_authority", EK_FIELD(struct ek_certificate_state, issued_by_authority, tri)},
    {.key = "key_sealed", EK_FIELD(struct ek_certificate_state, key_sealed, tri)},
    {.key = "sole_name", EK_FIELD(struct ek_certificate_state, sole_name, tri)},
    {.key = "name", EK_FIELD(struct ek_certificate_state, name, text)},
    {.key = "key_algorithm", EK_FIELD(struct ek_certificate_state, key, text)},
    {.key = "not_after_s", EK_FIELD(struct ek_certificate_state, not_after_s, long)},
    {.key = NULL},
};

static const struct ek_field trust_parts[] = {
    {.key = "present", EK_FIELD(struct ek_trust_state, present, tri)},
    {.key = "authorities", .kind = &ek_trusted_kind},
    {.key = NULL},
};

#define WHOLE(member_, kind_)                                                                      \
    .part = EK_PART_certificate, EK_FIELD(struct ek_certificates, member_, kind_)
#define MEMBER(member_, parts_)                                                                    \
    .part = EK_PART_certificate_members, EK_FIELD(struct ek_member_certificates, member_, object), \
    .parts = (parts_)

const struct ek_field ek_field_authority = {.key = "authority",
                                            .label = "authority",
                                            WHOLE(authority, tri),
                                            .role = EK_FIELD_PLANNED,
                                            .drift = EK_DRIFT_CERTIFICATES,
                                            .unread_forbids = true};
static const struct ek_field authority_sha256 = {.key = "authority_sha256",
                                                 .label = "authority's fingerprint",
                                                 WHOLE(authority_sha256, digest),
                                                 .role = EK_FIELD_TOLD, /* see the trust */
                                                 .drift = EK_NO_DRIFT};
static const struct ek_field authority_not_after = {.key = "authority_not_after_s",
                                                    .label = "authority's end",
                                                    WHOLE(authority_not_after_s, long),
                                                    .role = EK_FIELD_PLANNED,
                                                    .drift = EK_NO_DRIFT,
                                                    .fact = authority_end_fact};
const struct ek_field ek_field_certificate_installed = {
    .key = "certificate_installed",
    .label = "certificate installed",
    MEMBER(certificate_installed, certificate_parts),
    .role = EK_FIELD_PLANNED,
    .drift = EK_DRIFT_CERTIFICATES,
    .unread_forbids = true,
    .fact = installed_fact};
const struct ek_field ek_field_key_password = {
    .key = "key_password",
    .label = "password of the key",
    .part = EK_PART_certificate_members,
    EK_FIELD(struct ek_member_certificates, key_password, tri),
    .role = EK_FIELD_PLANNED,
    .drift = EK_DRIFT_CERTIFICATES,
    .unread_forbids = true};
const struct ek_field ek_field_trust_installed = {.key = "trust_installed",
                                                  .label = "trust installed",
                                                  MEMBER(trust_installed, trust_parts),
                                                  .role = EK_FIELD_PLANNED,
                                                  .drift = EK_DRIFT_CERTIFICATES,
                                                  .unread_forbids = true,
                                                  .fact = trust_installed_fact};
static const struct ek_field certificate_running = {.key = "certificate_running",
                                                    .label = "certificate served",
                                                    MEMBER(certificate_running, certificate_parts),
                                                    .role = EK_FIELD_PLANNED,
                                                    .drift = EK_DRIFT_CERTIFICATES,
                                                    .fact = running_fact};
static const struct ek_field trust_running = {.key = "trust_running",
                                              .label = "trust running",
                                              MEMBER(trust_running, trust_parts),
                                              .role = EK_FIELD_PLANNED,
                                              .drift = EK_DRIFT_CERTIFICATES,
                                              .fact = trust_running_fact};

#define OLD(key_, label_)                                                                          \
    .key = #key_, .label = (label_), .part = EK_PART_certificate_members,                          \
    EK_FIELD(struct ek_member_certificates, key_, tri), .role = EK_FIELD_TOLD,                     \
    .drift = EK_NO_DRIFT

const struct ek_field ek_field_old_files = {OLD(old_files, "files at the old place"),
                                            .unread_forbids = true};
const struct ek_field ek_field_old_files_configured = {
    OLD(old_files_configured, "files at the old place configured")};
static const struct ek_field old_files_running = {
    OLD(old_files_running, "files at the old place running")};

static const struct ek_field foreign = {.key = "foreign_certificate",
                                        .label = "certificate of somebody else",
                                        .part = EK_PART_certificate_members,
                                        EK_FIELD(struct ek_member_certificates, foreign, text_ref),
                                        .role = EK_FIELD_TOLD,
                                        .drift = EK_NO_DRIFT};

const struct ek_field *const ek_certificate_fields[] = {&ek_field_authority,
                                                        &authority_sha256,
                                                        &authority_not_after,
                                                        &ek_field_certificate_installed,
                                                        &ek_field_key_password,
                                                        &ek_field_trust_installed,
                                                        &certificate_running,
                                                        &trust_running,
                                                        &ek_field_old_files,
                                                        &ek_field_old_files_configured,
                                                        &old_files_running,
                                                        &foreign,
                                                        NULL};
