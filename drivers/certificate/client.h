/* A certificate of Evenkeel's own, for servers that let nobody in without one. */
#ifndef EK_DRIVERS_CERTIFICATE_CLIENT_H
#define EK_DRIVERS_CERTIFICATE_CLIENT_H

#include "drivers/certificate/certificate.h"

/* A certificate that is to be made. Borrowed. */
struct ek_client_order {
    const struct ek_certificate_driver *driver;
    const struct ek_authority *authority;
    const char *name; /* a DNS name */
    int64_t now_s;    /* epoch */
};

/* Make a P-256 key and have the authority sign a certificate for it that is valid for a week. Both
 * are in memory only: a file without a name, certificate first, as clients take it by
 * "/proc/self/fd/N". The descriptor is the caller's. EK-0717 and what the driver's sign fails
 * with. */
int ek_certificate_for_client(const struct ek_client_order *order, int *ret_fd,
                              struct ek_error *err);

#endif
