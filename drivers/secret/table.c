/* Every secret driver there is. */
#include <string.h>

#include "drivers/secret/drivers.h"

static const struct ek_secret_driver *const drivers[] = {&ek_secret_sealed_files};

const struct ek_secret_driver *ek_secret_driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}
