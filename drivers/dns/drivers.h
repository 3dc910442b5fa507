/* The dns drivers, for the table alone. */
#ifndef EK_DRIVERS_DNS_DRIVERS_H
#define EK_DRIVERS_DNS_DRIVERS_H

#include "drivers/dns/dns.h"

extern const struct ek_dns_driver ek_dns_hosts_file;

#endif
