/* How long certificates last, and of which keys they are, for phases, effects and facts. Pure; the
 * laws never include this. */
#ifndef EK_ASPECTS_CERTIFICATE_VALIDITY_H
#define EK_ASPECTS_CERTIFICATE_VALIDITY_H

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/kernel/situation.h"

/* Whether a certificate that is issued now would end by its authority's end, before its validity
 * does. */
bool ek_authority_ends_first(const struct ek_situation *situation);

/* When a certificate that is issued now would end (epoch, in seconds). */
int64_t ek_certificate_end(const struct ek_situation *situation);

/* Whether the certificate has ended, or ends soon and another would last longer. */
bool ek_certificate_renewable(const struct ek_situation *situation,
                              const struct ek_certificate_state *certificate);

/* The algorithm of the members' keys that the specs ask for, as certificates tell it. */
const char *ek_certificate_key_wanted(const struct ek_deployment_spec *spec);

/* Whether the certificate is of a key of another algorithm; one that is not known is none. */
bool ek_certificate_has_other_key(const struct ek_deployment_spec *spec,
                                  const struct ek_certificate_state *certificate);

#endif
