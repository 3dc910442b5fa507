/* The SSL domain: chosen once, recognised afterwards from what is there. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/execute/observe.h"

/* The label in "<member>.<label>.<base>", when `name` has that form. */
static bool label_in(const struct ek_deployment_spec *spec, size_t i, const char *name,
                     char *ret_label, size_t size)
{
    const char *member = spec->members[i].name;
    size_t length = strlen(member);
    if (!spec->ssl_domain.base || strncasecmp(name, member, length) != 0 || name[length] != '.')
        return false;
    const char *label = name + length + 1;
    const char *dot = strchr(label, '.');
    if (!dot || dot == label || strcasecmp(dot + 1, spec->ssl_domain.base) != 0)
        return false;
    size_t used = (size_t)(dot - label);
    if (used >= size)
        return false;
    memcpy(ret_label, label, used);
    ret_label[used] = 0;
    return true;
}

static bool label_of_certificates(struct ek_look *look)
{
    struct ek_state *state = &look->observation->state;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_certificate_state *certificate = &state->members[i].certificate_installed;
        if (certificate->present == EK_YES &&
            label_in(look->world->spec, i, certificate->name, state->domain_label,
                     sizeof state->domain_label))
            return true;
    }
    return false;
}

static bool label_of_records(struct ek_look *look)
{
    struct ek_state *state = &look->observation->state;
    for (size_t r = 0; r < look->record_count; r++)
        for (size_t i = 0; i < state->member_count; i++)
            if (label_in(look->world->spec, i, look->records[r].name, state->domain_label,
                         sizeof state->domain_label))
                return true;
    return false;
}

static enum ek_tri name_bound(struct ek_look *look, size_t i)
{
    struct ek_world *world = look->world;
    const struct ek_state *state = &look->observation->state;
    char name[256];
    char wanted[64];
    char found[64];
    struct ek_error err = {0};
    if (!ek_domain_name(world->spec, state->domain_label, i, name, sizeof name))
        return EK_NO;
    if (ek_world_address(world, i, wanted, sizeof wanted, &err) != 0) {
        ek_look_failed(look, i, &err);
        return EK_UNKNOWN;
    }
    if (world->dns->look_up(&world->zone, name, found, sizeof found, NULL) != 0)
        return EK_NO;
    return strcmp(found, wanted) == 0 ? EK_YES : EK_NO;
}

void ek_look_at_names(struct ek_look *look)
{
    struct ek_world *world = look->world;
    struct ek_state *state = &look->observation->state;
    struct ek_error err = {0};
    size_t count = 0;
    size_t max = sizeof look->records / sizeof *look->records;
    if (world->dns->list(&world->zone, world->mark, look->records, max, &count, &err) != 0)
        ek_look_failed(look, state->member_count, &err);
    look->record_count = count < max ? count : max;
    if (!label_of_certificates(look))
        label_of_records(look);
    for (size_t i = 0; i < state->member_count; i++) {
        char address[64];
        struct ek_member_observed *member = &state->members[i];
        member->domain_name_bound = name_bound(look, i);
        member->spec_host_resolves = world->dns->look_up(&world->zone, world->spec->members[i].host,
                                                         address, sizeof address, NULL) == 0
                                         ? EK_YES
                                         : EK_NO;
    }
}
