/* The host drivers, for the table alone. */
#ifndef EK_DRIVERS_HOST_DRIVERS_H
#define EK_DRIVERS_HOST_DRIVERS_H

#include "drivers/host/host.h"

extern const struct ek_host_driver ek_host_local;
extern const struct ek_host_driver ek_host_system;
extern const struct ek_host_driver ek_host_ssh;

#endif
