#include "reconciler/base/proc.h"

#include <string.h>

/* The fields behind the name in parentheses, which may itself hold spaces and parentheses. */
const char *ek_proc_stat_field(const char *stat, enum ek_proc_stat field)
{
    const char *at = strrchr(stat, ')');
    for (int i = 0; at && i <= (int)field; i++)
        at = strchr(at + 1, ' ');
    return at ? at + 1 : "";
}
