/* Whether a host that specs name is the machine that we run on. */
#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/host/files.h"
#include "reconciler/base/resolve.h"

/* Only an address of this machine can be bound. */
static bool is_ours(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ours = fd >= 0 && bind(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (fd >= 0)
        close(fd);
    return ours;
}

int ek_host_is_here(const char *name, int64_t deadline, struct ek_error *err)
{
    struct addrinfo *addresses = NULL;
    int result = ek_resolve(name, 0, deadline, &addresses, err);
    if (result != 0)
        return result;
    bool ours = false;
    for (const struct addrinfo *at = addresses; at && !ours; at = at->ai_next)
        ours = is_ours(at);
    freeaddrinfo(addresses);
    if (ours)
        return 0;
    ek_fail(err, EK_DENIED, "EK-0474", "%s is not this machine, though provider.reach is local",
            name);
    return ek_hint(err, "leave provider.reach out: it is reached by SSH then");
}
