#include "reconciler/aspects/transport/state.h"

#include <stdio.h>

static bool fits(int used, size_t size)
{
    return used > 0 && (size_t)used < size;
}

bool ek_domain_name(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size)
{
    if (!spec->ssl_domain.base || !label[0])
        return false;
    return fits(
        snprintf(buffer, size, "%s.%s.%s", spec->members[index].name, label, spec->ssl_domain.base),
        size);
}

bool ek_wanted_host(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size)
{
    const struct ek_member_spec *member = &spec->members[index];
    char name[256];
    if (spec->ssl_mode == EK_SSL_DISABLED)
        return fits(snprintf(buffer, size, "%s:%d", member->host, member->port), size);
    if (!ek_domain_name(spec, label, index, name, sizeof name))
        return false;
    return fits(snprintf(buffer, size, "%s:%d", name, member->port), size);
}
