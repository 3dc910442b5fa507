/* The secret drivers, for the table alone. */
#ifndef EK_DRIVERS_SECRET_DRIVERS_H
#define EK_DRIVERS_SECRET_DRIVERS_H

#include "drivers/secret/secret.h"

extern const struct ek_secret_driver ek_secret_sealed_files;

#endif
