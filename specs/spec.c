#include "specs/spec.h"

#include <string.h>

#include "specs/arena.h"
#include "specs/diagnostic.h"

void ek_specs_free(struct ek_specs *specs)
{
    if (specs->warnings)
        ek_diagnostics_done(specs->warnings);
    ek_arena_free(specs->memory);
    *specs = (struct ek_specs){0};
}

const struct ek_deployment_spec *ek_specs_deployment(const struct ek_specs *specs, const char *name)
{
    const struct ek_deployment_spec *found = NULL;
    const char *slash = strchr(name, '/');
    const char *own = slash ? slash + 1 : name;
    for (size_t i = 0; i < specs->deployment_count; i++) {
        const struct ek_deployment_spec *deployment = &specs->deployments[i];
        size_t length = strlen(deployment->account);
        bool account = !slash || (length == (size_t)(slash - name) &&
                                  memcmp(deployment->account, name, length) == 0);
        if (!account || strcmp(deployment->name, own) != 0)
            continue;
        if (found)
            return NULL;
        found = deployment;
    }
    return found;
}

const struct ek_authority_spec *ek_specs_authority(const struct ek_specs *specs,
                                                   const char *account, const char *name)
{
    for (size_t i = 0; i < specs->authority_count; i++)
        if (strcmp(specs->authorities[i].account, account) == 0 &&
            strcmp(specs->authorities[i].name, name) == 0)
            return &specs->authorities[i];
    return NULL;
}
