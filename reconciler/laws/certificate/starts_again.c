/* Law 1, at a start: a server finds what its file tells it to use. */
#include <string.h>

#include "reconciler/laws/law.h"

/* Servers refuse some options without TLS, or before they dial by it. */
static const char *refused_option(const char *keys, enum ek_ssl_mode mode)
{
    char value[32];
    bool disabled = mode == EK_SSL_DISABLED;
    ek_option_value(keys, "security.clusterAuthMode", value, sizeof value);
    if ((mode < EK_SSL_PREFER && (strcmp(value, "x509") == 0 || strcmp(value, "sendX509") == 0)) ||
        (disabled && strcmp(value, "sendKeyFile") == 0))
        return "security.clusterAuthMode";
    bool ciphers = ek_option_value(keys, "setParameter.opensslCipherConfig", value, sizeof value);
    return disabled && ciphers ? "setParameter.opensslCipherConfig" : NULL;
}

static bool is_broken(const struct ek_law_question *q)
{
    const struct ek_member *member = ek_law_subject(q);
    bool starts = ek_law_touches(q, &ek_field_process);
    enum ek_ssl_mode mode = ek_law_mode(q, &ek_field_mode_configured);
    if (!member)
        return ek_broken(q, "what the servers would start with is not known");
    const struct ek_member_certificates *certificates =
        ek_member_certificates(q->state, (size_t)q->step->member);
    if (starts)
        mode = ek_member_transport(q->state, (size_t)q->step->member)->mode_configured;
    if (mode == EK_SSL_UNKNOWN)
        return ek_broken(q, "what member %s would start with is not known", member->name);
    const struct ek_member_transport *transport =
        ek_member_transport(q->state, (size_t)q->step->member);
    const struct ek_options_state *options =
        starts ? &transport->options_configured : &transport->options_wanted;
    const char *refused = refused_option(ek_state_text(q->state, options->keys), mode);
    if (refused)
        return ek_broken(q, "member %s would not start: sslMode %s goes with no %s", member->name,
                         ek_ssl_mode_name(mode), refused);
    if (mode == EK_SSL_DISABLED)
        return false;
    const struct ek_certificate_state *certificate = &certificates->certificate_installed;
    if (certificate->present != EK_YES || certificate->not_after_s <= q->policy->now_s)
        return ek_broken(q, "member %s would not start: it has no certificate that is valid now",
                         member->name);
    if (certificates->key_password == EK_NO)
        return ek_broken(q, "member %s would not start: the password of its key is lost",
                         member->name);
    if (certificates->trust_installed.present != EK_YES)
        return ek_broken(q, "member %s would not start: it has no authority to trust",
                         member->name);
    return false;
}

const struct ek_law ek_law_starts_again = {
    .id = "EK-0202",
    .guards = EK_FIELDS(&ek_field_mode_configured, &ek_field_process),
    .is_broken = is_broken,
};
