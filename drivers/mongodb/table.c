#include <string.h>

#include "drivers/mongodb/link.h"

static const struct ek_mongodb_driver libmongoc = {
    .name = "libmongoc",
    .observe = ek_mongodb_observe,
    .recent_log = ek_mongodb_recent_log,
    .ask = ek_mongodb_ask,
    .session_free = ek_mongodb_session_free,
    .handshake = ek_mongodb_handshake,
    .set_ssl_mode = ek_mongodb_set_ssl_mode,
    .step_down = ek_mongodb_step_down,
    .freeze = ek_mongodb_freeze,
    .step_up = ek_mongodb_step_up,
    .rename_members = ek_mongodb_rename_members,
    .initiate = ek_mongodb_initiate,
    .ensure_user = ek_mongodb_ensure_user,
};

const struct ek_mongodb_driver *ek_mongodb_driver_named(const char *name)
{
    return strcmp(name, libmongoc.name) == 0 ? &libmongoc : NULL;
}
