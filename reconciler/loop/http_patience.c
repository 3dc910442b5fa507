#include "reconciler/loop/http_patience.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/thread.h"

struct ek_patient {
    struct ek_patient *next;
    struct ek_patient **link; /* what points here */
    int socket;
    int64_t since_ms; /* monotonic: it began, or was last answered */
};

struct ek_patience {
    int64_t ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ek_patient *first;
    bool over;
};

/* The library closes what was shut down, and only then is the socket another's: see
 * ek_patience_forget. */
static void end_the_slow(struct ek_patience *patience)
{
    int64_t now_ms = ek_monotonic_ms();
    for (struct ek_patient *at = patience->first; at; at = at->next)
        if (now_ms - at->since_ms > patience->ms)
            shutdown(at->socket, SHUT_RDWR);
}

static void *watch(void *context)
{
    struct ek_patience *patience = context;
    pthread_mutex_lock(&patience->lock);
    while (!patience->over) {
        struct timespec until;
        int64_t pause_ms = patience->ms / 4 + 1;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += pause_ms / 1000;
        until.tv_nsec += (long)(pause_ms % 1000) * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        pthread_cond_timedwait(&patience->changed, &patience->lock, &until);
        end_the_slow(patience);
    }
    pthread_mutex_unlock(&patience->lock);
    return NULL;
}

int ek_patience_new(int64_t ms, struct ek_patience **ret_patience, struct ek_error *err)
{
    struct ek_patience *patience = calloc(1, sizeof *patience);
    if (!patience)
        return ek_no_memory(err);
    patience->ms = ms;
    pthread_mutex_init(&patience->lock, NULL);
    ek_condition_init(&patience->changed);
    if (ek_thread_start(&patience->thread, NULL, watch, patience) != 0) {
        free(patience);
        return ek_fail(err, EK_SYSTEM, "EK-1351", "no thread could be started");
    }
    *ret_patience = patience;
    return 0;
}

void ek_patience_free(struct ek_patience *patience)
{
    if (!patience)
        return;
    pthread_mutex_lock(&patience->lock);
    patience->over = true;
    pthread_cond_signal(&patience->changed);
    pthread_mutex_unlock(&patience->lock);
    pthread_join(patience->thread, NULL);
    pthread_cond_destroy(&patience->changed);
    pthread_mutex_destroy(&patience->lock);
    free(patience);
}

struct ek_patient *ek_patience_begin(struct ek_patience *patience, int socket)
{
    struct ek_patient *patient = calloc(1, sizeof *patient);
    if (!patient)
        return NULL;
    patient->socket = socket;
    patient->since_ms = ek_monotonic_ms();
    pthread_mutex_lock(&patience->lock);
    patient->next = patience->first;
    patient->link = &patience->first;
    if (patient->next)
        patient->next->link = &patient->next;
    patience->first = patient;
    pthread_mutex_unlock(&patience->lock);
    return patient;
}

void ek_patience_answered(struct ek_patience *patience, struct ek_patient *patient)
{
    if (!patient)
        return;
    pthread_mutex_lock(&patience->lock);
    patient->since_ms = ek_monotonic_ms();
    pthread_mutex_unlock(&patience->lock);
}

void ek_patience_forget(struct ek_patience *patience, struct ek_patient *patient)
{
    if (!patient)
        return;
    pthread_mutex_lock(&patience->lock);
    *patient->link = patient->next;
    if (patient->next)
        patient->next->link = patient->link;
    pthread_mutex_unlock(&patience->lock);
    free(patient);
}
