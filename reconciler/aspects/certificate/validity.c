#include "reconciler/aspects/certificate/validity.h"

#include <string.h>

bool ek_authority_ends_first(const struct ek_situation *situation)
{
    int64_t end_s = ek_certificates(situation->state)->authority_not_after_s;
    return end_s != 0 &&
           end_s - situation->policy->now_s < situation->spec->certificates.validity_s;
}

int64_t ek_certificate_end(const struct ek_situation *situation)
{
    return ek_authority_ends_first(situation)
               ? ek_certificates(situation->state)->authority_not_after_s
               : situation->policy->now_s + situation->spec->certificates.validity_s;
}

bool ek_certificate_renewable(const struct ek_situation *situation,
                              const struct ek_certificate_state *certificate)
{
    int64_t left_s = certificate->not_after_s - situation->policy->now_s;
    return left_s < situation->spec->certificates.renew_before_s &&
           (left_s <= 0 || ek_certificate_end(situation) > certificate->not_after_s);
}

const char *ek_certificate_key_wanted(const struct ek_deployment_spec *spec)
{
    return spec->certificates.algorithm == EK_KEY_P256 ? "P-256" : "RSA-3072";
}

bool ek_certificate_has_other_key(const struct ek_deployment_spec *spec,
                                  const struct ek_certificate_state *certificate)
{
    return certificate->key[0] && strcmp(certificate->key, ek_certificate_key_wanted(spec)) != 0;
}
