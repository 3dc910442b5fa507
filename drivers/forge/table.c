#include <string.h>

#include "drivers/forge/drivers.h"

const struct ek_forge_driver *const ek_forge_drivers[] = {
    &ek_forge_github,
    &ek_forge_gitlab,
    &ek_forge_gitea,
    NULL,
};

const struct ek_forge_driver *ek_forge_driver_find(const char *name)
{
    for (size_t i = 0; ek_forge_drivers[i]; i++)
        if (strcmp(ek_forge_drivers[i]->name, name) == 0)
            return ek_forge_drivers[i];
    return NULL;
}
