/* How our threads are started. */
#ifndef EK_BASE_THREAD_H
#define EK_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Signals are the main thread's: threads that are started between these two never get one, a
 * library's own too. */
void ek_signals_hold(sigset_t *ret_before);
void ek_signals_release(const sigset_t *before);

/* Start such a thread. `attributes` may be NULL. 0 or, as pthread_create, an errno. */
int ek_thread_start(pthread_t *ret_thread, const pthread_attr_t *attributes,
                    void *(*run)(void *argument), void *argument);

/* A condition whose deadlines are of the clock that nobody sets: CLOCK_MONOTONIC. */
void ek_condition_init(pthread_cond_t *ret_condition);

#endif
