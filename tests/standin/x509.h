/* Members that prove who they are by their certificates (MONGODB-X509 on $external). */
#ifndef STANDIN_X509_H
#define STANDIN_X509_H

#include "server.h"

/* Whether this member logs in at the others with its certificate, by clusterAuthMode as it is now.
 */
bool x509_sent(void);
/* Whether the others may log in so here. */
bool x509_accepted(void);
/* The command that does it. NULL without TLS. The caller's. */
bson_t *x509_login(const struct stream *s);
/* authenticate */
int x509_authenticate(struct call *c);

#endif
