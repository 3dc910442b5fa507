/* How the toy's step is done. */
#include <stdio.h>

#include "reconciler/aspects/toy/rows.h"
#include "reconciler/execute/action.h"

int ek_act_hang_badge(const struct ek_action *a, struct ek_error *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s.badge", a->world->paths[a->step->member].key_file);
    const struct ek_file_content content = {
        .path = path, .bytes = "badge\n", .length = 6, .mode = 0644};
    return a->world->hosts->write_file(ek_action_host(a), &content, a->deadline, err);
}
