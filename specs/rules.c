/* The rules of one document that more than one key takes part in. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "specs/check.h"

#define DEPLOYMENT(subject) ((const struct ek_deployment_spec *)(subject)->value)

/* S15: SSL is for dedicated plans. */
static void ssl_needs_dedicated_plan(const struct ek_subject *subject)
{
    const struct ek_deployment_spec *deployment = DEPLOYMENT(subject);
    static const char *const names[] = {
        [EK_PLAN_SHARED] = "shared", [EK_PLAN_SANDBOX] = "sandbox", [EK_PLAN_DEDICATED] = ""};
    if (deployment->ssl_mode <= EK_SSL_DISABLED || deployment->plan == EK_PLAN_DEDICATED ||
        !ek_subject_sound(subject, "spec.plan") || !ek_subject_sound(subject, "spec.sslMode"))
        return;
    ek_subject_report(subject, "spec.sslMode", "EK-0341",
                      "SSL is for the dedicated plan only: on the %s plan the servers, and so "
                      "their certificates, are not the deployment's own",
                      names[deployment->plan]);
    ek_subject_hint(subject, "write plan: dedicated, or sslMode: disabled");
}

static void ssl_needs_domain_and_authority(const struct ek_subject *subject)
{
    static const struct {
        const char *parent;
        const char *path;
        const char *hint;
    } needs[] = {
        {"spec.sslDomain", "spec.sslDomain.base",
         "the domain under which the members get names, for example sslDomain: { base: "
         "fleet.example.net }"},
        {"spec.certificates", "spec.certificates.authority",
         "the CertificateAuthority that signs, for example certificates: { authority: acme-ca }"},
    };
    const struct ek_deployment_spec *deployment = DEPLOYMENT(subject);
    if (deployment->ssl_mode <= EK_SSL_DISABLED || !ek_subject_sound(subject, "spec.sslMode"))
        return;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        const struct ek_node *parent = ek_subject_node(subject, needs[i].parent);
        bool readable = !parent || parent->kind == EK_NODE_MAP;
        if (!readable || ek_subject_node(subject, needs[i].path))
            continue;
        struct ek_place at = ek_subject_place(subject, "spec.sslMode");
        ek_diagnostics_add(subject->check->diagnostics,
                           EK_WHERE(subject->document->file, at, needs[i].path), "EK-0340",
                           "sslMode needs %s", needs[i].path + strlen("spec."));
        ek_subject_hint(subject, "%s", needs[i].hint);
    }
}

static void renewal_before_end(const struct ek_subject *subject)
{
    const struct ek_deployment_spec *deployment = DEPLOYMENT(subject);
    const char *renew = "spec.certificates.renewBefore";
    const char *validity = "spec.certificates.validity";
    if (deployment->certificates.renew_before_s < deployment->certificates.validity_s ||
        !ek_subject_sound(subject, renew) || !ek_subject_sound(subject, validity))
        return;
    bool written = ek_subject_node(subject, renew);
    ek_subject_report(subject, written ? renew : validity, "EK-0342",
                      "renewBefore%s must be shorter than validity: a certificate would be due for "
                      "renewal as soon as it is made",
                      written ? "" : ", 45d when it is not given,");
}

static void keys_fit_provider(const struct ek_subject *subject)
{
    static const struct {
        const char *key;
        bool of_member;
        enum ek_provider provider;
    } keys[] = {
        {"spec.provider.directory", false, EK_PROVIDER_LOCAL},
        {"spec.provider.server", false, EK_PROVIDER_LOCAL},
        {"spec.provider.user", false, EK_PROVIDER_HOSTS},
        {"networkNamespace", true, EK_PROVIDER_LOCAL},
        {"directory", true, EK_PROVIDER_LOCAL},
        {"unit", true, EK_PROVIDER_HOSTS},
    };
    static const char *const names[] = {
        [EK_PROVIDER_LOCAL] = "local", [EK_PROVIDER_HOSTS] = "hosts"};
    const struct ek_deployment_spec *deployment = DEPLOYMENT(subject);
    if (!ek_subject_node(subject, "spec.provider.name") ||
        !ek_subject_sound(subject, "spec.provider.name"))
        return;
    if (deployment->provider == EK_PROVIDER_LOCAL &&
        !ek_subject_node(subject, "spec.provider.directory")) {
        ek_subject_report(subject, "spec.provider.directory", "EK-0343",
                          "provider local needs a directory");
        ek_subject_hint(subject,
                        "the absolute path of the directory that holds the members' directories");
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t count = keys[i].of_member ? deployment->member_count : 1;
        for (size_t member = 0; member < count && keys[i].provider != deployment->provider;
             member++) {
            char path[96];
            if (keys[i].of_member)
                snprintf(path, sizeof path, "spec.replicaSet.members[%zu].%s", member, keys[i].key);
            else
                snprintf(path, sizeof path, "%s", keys[i].key);
            if (!ek_subject_node(subject, path))
                continue;
            ek_subject_report(subject, path, "EK-0344", "%s has no meaning with provider %s",
                              strrchr(path, '.') + 1, names[deployment->provider]);
            ek_subject_hint(subject, "it belongs to provider %s; take it out",
                            names[keys[i].provider]);
        }
    }
}

static void authority_name_fits(const struct ek_subject *subject)
{
    const struct ek_authority_spec *authority = subject->value;
    if (!authority->common_name || strlen(authority->common_name) <= 64 ||
        ek_subject_node(subject, "spec.commonName"))
        return;
    ek_subject_report(subject, "metadata.name", "EK-0330",
                      "account and name together are too long for a certificate's common name");
    ek_subject_hint(subject, "give the authority a spec.commonName of at most 64 characters");
}

static void floor_needs_keys(const struct ek_subject *subject)
{
    const struct ek_controller_spec *controller = subject->value;
    if (controller->maintenance.approval != EK_APPROVAL_SIGNED ||
        controller->maintenance.approvers.plan_key_count > 0 ||
        !ek_subject_sound(subject, "spec.approval"))
        return;
    ek_subject_report(subject, "spec.approval.floor", "EK-1112",
                      "floor: signed needs keys whose signatures count");
    ek_subject_hint(subject, "name them in approval.planKeys; evenkeel key new makes one");
}

struct rule {
    enum ek_kind_index kind;
    void (*check)(const struct ek_subject *subject);
};

static const struct rule rules[] = {
    {EK_KIND_AUTHORITY, authority_name_fits},
    {EK_KIND_DEPLOYMENT, ssl_needs_dedicated_plan},
    {EK_KIND_DEPLOYMENT, ssl_needs_domain_and_authority},
    {EK_KIND_DEPLOYMENT, renewal_before_end},
    {EK_KIND_DEPLOYMENT, keys_fit_provider},
    {EK_KIND_DEPLOYMENT, ek_check_members},
    {EK_KIND_CONTROLLER, floor_needs_keys},
};

void ek_check_rules(const struct ek_subject *subject)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (&ek_kinds[rules[i].kind] == subject->kind)
            rules[i].check(subject);
}
