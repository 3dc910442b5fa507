/* What is said when there is no memory left: one sentence and one id, wherever it happens.
 *
 * Library code returns it like any other failure and undoes what it had begun; progress is stored
 * nowhere, so the same command, run again, goes on from where the fleet is. */
#ifndef EK_BASE_MEMORY_H
#define EK_BASE_MEMORY_H

#include "reconciler/base/error.h"

/* Set *err (when not NULL) to EK-0599. */
void ek_report_no_memory(struct ek_error *err);

/* The same; returns EK_NO_MEMORY, which whoever reads the caller can see. */
static inline int ek_no_memory(struct ek_error *err)
{
    ek_report_no_memory(err);
    return EK_NO_MEMORY;
}

#endif
