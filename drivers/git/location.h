/* Inside drivers/git/: what a URL means. */
#ifndef EK_DRIVERS_GIT_LOCATION_H
#define EK_DRIVERS_GIT_LOCATION_H

#include <stdbool.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_location {
    bool remote;
    struct ek_buffer address; /* path of a local repository, or the URL to fetch from */
};

void ek_location_done(struct ek_location *location);
#define EK_LOCATION EK_CLEANUP(ek_location_done) struct ek_location

/* Local: a path or file:// URL. Remote: https://, ssh:// or host:path. EK-0610 for transports
 * that anyone on the way could change, and for passwords inside a URL. */
int ek_location_parse(const char *url, struct ek_location *ret_location, struct ek_error *err);

#endif
