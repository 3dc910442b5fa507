/* Every host driver there is. */
#include <string.h>

#include "drivers/host/drivers.h"

static const struct ek_host_driver *const drivers[] = {&ek_host_local, &ek_host_system,
                                                       &ek_host_ssh};

const struct ek_host_driver *ek_host_driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
