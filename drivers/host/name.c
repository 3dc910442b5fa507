/* What a member's directories are called on its host. */
#include <stdio.h>

#include "drivers/host/host.h"

void ek_host_name(const struct ek_host *host, char ret_name[static EK_HOST_NAME_SIZE])
{
    snprintf(ret_name, EK_HOST_NAME_SIZE, "%s.%s.%s", host->account, host->deployment,
             host->member);
}

void ek_host_old_name(const struct ek_host *host, char ret_name[static EK_HOST_NAME_SIZE])
{
    snprintf(ret_name, EK_HOST_NAME_SIZE, "%s-%s", host->deployment, host->member);
}
