/* Every dns driver there is. */
#include <string.h>

#include "drivers/dns/drivers.h"

static const struct ek_dns_driver *const drivers[] = {&ek_dns_hosts_file};

const struct ek_dns_driver *ek_dns_driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
