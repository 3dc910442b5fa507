/* Every certificate driver there is. */
#include <string.h>

#include "drivers/certificate/drivers.h"

static const struct ek_certificate_driver *const drivers[] = {&ek_certificate_built_in};

const struct ek_certificate_driver *ek_certificate_driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
