/* Who wears a badge. */
#include <stdio.h>

#include "reconciler/aspects/toy/state.h"
#include "reconciler/execute/observe.h"

static void look_at_host(struct ek_observing *o, size_t i)
{
    char path[512];
    EK_FILE file = {0};
    snprintf(path, sizeof path, "%s.badge", o->world->paths[i].key_file);
    int result = ek_observe_file(o, i, path, &file);
    if (result == 0 || result == EK_NOT_FOUND)
        ek_member_toy(o->state, i)->badge = result == 0 ? EK_YES : EK_NO;
}

extern const struct ek_observer ek_toy_observer;
const struct ek_observer ek_toy_observer = {.host = look_at_host};
