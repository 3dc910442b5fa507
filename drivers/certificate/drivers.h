/* The certificate drivers, for the table alone. */
#ifndef EK_DRIVERS_CERTIFICATE_DRIVERS_H
#define EK_DRIVERS_CERTIFICATE_DRIVERS_H

#include "drivers/certificate/certificate.h"

extern const struct ek_certificate_driver ek_certificate_built_in;

#endif
