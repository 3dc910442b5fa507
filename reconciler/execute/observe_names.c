/* The SSL domain: chosen once, recognised afterwards from what is there. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/base/clock.h"
#include "reconciler/execute/observe.h"

/* For one name: a resolver that is late must not use up the time to look at the rest. */
enum { LOOK_UP_MS = 5000 };

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

/* What nobody could tell is not known, which is not the same as no. */
static enum ek_tri has_address(struct ek_look *look, size_t i, const char *name,
                               struct ek_dns_address *ret_address)
{
    const struct ek_world *world = look->world;
    struct ek_error err = {0};
    int64_t soon = ek_monotonic_ms() + LOOK_UP_MS;
    int result = world->dns->look_up(
        &world->zone, name, soon < look->deadline ? soon : look->deadline, ret_address, &err);
    if (result == 0)
        return EK_YES;
    if (result == EK_NOT_FOUND)
        return EK_NO;
    ek_look_problem(look, i, "%s%s%s", err.sentence, err.cause[0] ? ": " : "", err.cause);
    return EK_UNKNOWN;
}

static enum ek_tri name_bound(struct ek_look *look, size_t i)
{
    struct ek_world *world = look->world;
    const struct ek_state *state = &look->observation->state;
    char name[256];
    char wanted[64];
    struct ek_dns_address found;
    struct ek_error err = {0};
    if (!ek_domain_name(world->spec, state->domain_label, i, name, sizeof name))
        return EK_NO;
    if (ek_world_address(world, i, wanted, sizeof wanted, &err) != 0) {
        ek_look_problem(look, i, "%s", err.sentence);
        return EK_UNKNOWN;
    }
    enum ek_tri there = has_address(look, i, name, &found);
    return there == EK_YES && strcmp(found.text, wanted) != 0 ? EK_NO : there;
}

void ek_look_at_names(struct ek_look *look)
{
    struct ek_world *world = look->world;
    struct ek_state *state = &look->observation->state;
    struct ek_error err = {0};
    struct ek_dns_records found = {look->records, sizeof look->records / sizeof *look->records, 0};
    if (world->dns->list(&world->zone, world->mark, &found, &err) != 0)
        ek_look_problem(look, state->member_count, "%s", err.sentence);
    look->record_count = found.count < found.max ? found.count : found.max;
    if (!label_of_certificates(look))
        label_of_records(look);
    for (size_t i = 0; i < state->member_count; i++) {
        struct ek_dns_address address;
        struct ek_member_observed *member = &state->members[i];
        member->domain_name_bound = name_bound(look, i);
        member->spec_host_resolves = has_address(look, i, world->spec->members[i].host, &address);
    }
}
