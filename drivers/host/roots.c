#include "drivers/host/roots.h"

#include <stddef.h>
#include <stdlib.h>

static const struct ek_host_roots *overriding;

struct ek_host_roots ek_host_roots(void)
{
    if (overriding)
        return *overriding;
    return (struct ek_host_roots){
        .netns = "/run/netns",
        .run = "/run",
        .user_run = getenv("XDG_RUNTIME_DIR"),
        .shm = "/dev/shm",
        .restarting = "/var/lib/evenkeel/restarting",
        .members = "/var/lib/evenkeel",
        .certificates = "/etc/evenkeel",
        .systemd = "/etc/systemd/system",
        .systemd_runtime = "/run/systemd/system",
    };
}

void ek_host_roots_override(const struct ek_host_roots *roots)
{
    overriding = roots;
}
