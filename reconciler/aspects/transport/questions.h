/* What other aspects' phases may ask of transport. Pure; the laws never include this. */
#ifndef EK_ASPECTS_TRANSPORT_QUESTIONS_H
#define EK_ASPECTS_TRANSPORT_QUESTIONS_H

#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/transport/steps.h"
#include "reconciler/kernel/question.h"

/* Whether TLS is wanted. */
bool ek_wants_tls(const struct ek_question *q);

/* The furthest sslMode towards the wanted one that member m's file may name now, so that m
 * and each of its peers go on talking whatever crashes; its current one when it can't move. */
enum ek_ssl_mode ek_file_mode(const struct ek_question *q, size_t m);

/* Whether m may run `mode` beside its peers as they run and as they are configured. */
bool ek_mode_fits(const struct ek_question *q, size_t m, enum ek_ssl_mode mode);

/* What m's file names when it is restarted: outside a window no more than it must. */
enum ek_ssl_mode ek_mode_after_restart(const struct ek_question *q, size_t m);

/* Block when m in `mode` would shut out a client of any member, or one may be there that is not
 * seen now; wait while the members' clients were not watched for long enough. */
bool ek_plaintext_clients_in_the_way(const struct ek_question *q, size_t m, enum ek_ssl_mode mode);

/* `mode`, or less of it for a member of whose clients nothing can be known before it runs so. */
enum ek_ssl_mode ek_mode_for_clients(const struct ek_question *q, size_t m, enum ek_ssl_mode mode);

#endif
