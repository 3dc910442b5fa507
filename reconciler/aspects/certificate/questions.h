/* What other aspects' phases may ask of certificates. Pure; the laws never include this. */
#ifndef EK_ASPECTS_CERTIFICATE_QUESTIONS_H
#define EK_ASPECTS_CERTIFICATE_QUESTIONS_H

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/certificate/steps.h"
#include "reconciler/kernel/question.h"

/* Whether the certificate that m runs with has ended. */
bool ek_certificate_lapsed(const struct ek_question *q, size_t m);

/* Whether the certificate is by the deployment's authority, for the host of m's name in the
 * replica-set configuration. */
bool ek_certificate_names_host(const struct ek_question *q, size_t m,
                               const struct ek_certificate_state *certificate);

/* Whether the deployment's authority is among those trusted. */
bool ek_trusts_authority(const struct ek_question *q, const struct ek_trust_state *trust);

/* Whether no peer sees secondary m, which runs with a certificate that they can't take: a restart
 * with a good one may bring it back, and takes it from nobody. */
bool ek_lost_by_certificate(const struct ek_question *q, size_t m);

/* What the reason of a step that writes files of m goes on with, where these come to their new
 * place with it; static storage. */
const char *ek_with_old_files(const struct ek_question *q, size_t m);

/* A certificate that m serves ends so soon that it waits for no window, and its successor is
 * installed. */
bool ek_renewal_urgent(const struct ek_question *q, size_t m);

#endif
