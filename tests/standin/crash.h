/* Crashing on demand, as a machine that loses its power: used by tests/crashes only. */
#ifndef STANDIN_CRASH_H
#define STANDIN_CRASH_H

#include <stdbool.h>

/* With STANDIN_CRASH=N the process dies at the Nth place that it passes. What no sync has put on
 * the disk by then is lost, or some of it. Not to be called by a thread that another one with the
 * node's lock waits for. `locked`: the caller holds that lock. */
void crash_point(bool locked);

/* STANDIN_BREAK, for showing that the tests notice: =majority: writes are acknowledged before a
 * majority has them; =votes, =terms: the vote, or the term, is forgotten at a restart; =sync: what
 * was written counts as safe before it is on the disk; =stale: members vote for those who have
 * less than they have. */
bool broken_on_purpose(const char *what);

#endif
