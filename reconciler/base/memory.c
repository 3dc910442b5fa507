#include "reconciler/base/memory.h"

void ek_report_no_memory(struct ek_error *err)
{
    ek_fail(err, EK_NO_MEMORY, "EK-0599", "out of memory");
    ek_hint(err, "run it again: it goes on from where the fleet is");
}
