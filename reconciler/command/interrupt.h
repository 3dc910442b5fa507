/* Ctrl-C and the like while servers are changed: the step in hand is done, the next is not begun.
 */
#ifndef EK_COMMAND_INTERRUPT_H
#define EK_COMMAND_INTERRUPT_H

#include <stdatomic.h>

/* From now on SIGINT, SIGTERM and SIGHUP raise the flag and say what happens, on standard error. */
void ek_interrupt_catch(void);

/* Raise the flag without a signal. */
void ek_interrupt(void);

/* Not 0 once it was raised; as ek_execution.cancelled wants it. */
atomic_int *ek_interrupted_flag(void);

#endif
