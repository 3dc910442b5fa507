/* Between a trace that ended and the thread that sends it; for trace*.c only. */
#ifndef EK_LOOP_TRACE_EXPORT_H
#define EK_LOOP_TRACE_EXPORT_H

#include "reconciler/loop/trace.h"

/* Take a document (malloc'ed, given away); dropped when too many wait. */
void ek_traces_enqueue(struct ek_traces *traces, char *document);

#endif
