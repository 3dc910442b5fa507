#include "drivers/host/fence_mark.h"

#include <string.h>

bool ek_fence_passes(const struct ek_fence_mark *seen, const struct ek_fence_mark *mine)
{
    return seen->token < mine->token ||
           (seen->token == mine->token && strcmp(seen->id, mine->id) == 0);
}
