#include "reconciler/base/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/thread.h"

/* A question to the resolver, shared by the thread that asks and the one that waits; whoever is
 * last frees it. */
struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool done;
    bool abandoned;
    char *host;
    char service[16];
    int number; /* getaddrinfo's */
    int system_number;
    struct addrinfo *addresses;
};

static void question_free(struct question *question)
{
    if (question->addresses)
        freeaddrinfo(question->addresses);
    pthread_cond_destroy(&question->answered);
    pthread_mutex_destroy(&question->lock);
    free(question->host);
    free(question);
}

static struct question *question_new(const char *host, int port)
{
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return NULL;
    pthread_mutex_init(&question->lock, NULL);
    ek_condition_init(&question->answered);
    question->host = strdup(host);
    snprintf(question->service, sizeof question->service, "%d", port);
    if (question->host)
        return question;
    question_free(question);
    return NULL;
}

static void look_up(struct question *question, int flags)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    question->number = getaddrinfo(question->host, question->service, &hints, &question->addresses);
    question->system_number = errno;
}

static void *ask(void *argument)
{
    struct question *question = argument;
    look_up(question, 0);
    pthread_mutex_lock(&question->lock);
    question->done = true;
    bool abandoned = question->abandoned;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
    if (abandoned)
        question_free(question);
    return NULL;
}

/* False: the deadline came first, and the question is the asking thread's. */
static bool wait_for(struct question *question, int64_t deadline)
{
    const struct timespec until = {deadline / 1000, (deadline % 1000) * 1000000};
    int late = 0;
    pthread_mutex_lock(&question->lock);
    while (!question->done && late == 0)
        late = pthread_cond_timedwait(&question->answered, &question->lock, &until);
    bool done = question->done;
    question->abandoned = !done;
    pthread_mutex_unlock(&question->lock);
    return done;
}

static int no_answer(const char *host, enum ek_code code, const char *words, struct ek_error *err)
{
    ek_fail(err, code, "EK-0424",
            code == EK_NOT_FOUND ? "%s has no address" : "whether %s has an address is not known",
            host);
    return ek_cause(err, "%s", words), code;
}

static int start(struct question *question)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int number = ek_thread_start(&thread, &attributes, ask, question);
    pthread_attr_destroy(&attributes);
    return number;
}

static int take_answer(struct question *question, struct addrinfo **ret_addresses,
                       struct ek_error *err)
{
    int number = question->number;
    char text[128];
    if (number == 0) {
        *ret_addresses = question->addresses;
        question->addresses = NULL;
        return 0;
    }
    if (number == EAI_MEMORY)
        return ek_no_memory(err);
    bool none = number == EAI_NONAME || number == EAI_NODATA || number == EAI_ADDRFAMILY;
    return no_answer(question->host, none ? EK_NOT_FOUND : EK_UNREACHABLE,
                     number == EAI_SYSTEM ? strerror_r(question->system_number, text, sizeof text)
                                          : gai_strerror(number),
                     err);
}

int ek_resolve(const char *host, int port, int64_t deadline, struct addrinfo **ret_addresses,
               struct ek_error *err)
{
    struct question *question = question_new(host, port);
    if (!question)
        return ek_no_memory(err);
    look_up(question, AI_NUMERICHOST); /* an address needs nobody's answer */
    if (question->number != 0) {
        int number = start(question);
        if (number != 0) {
            char text[128];
            int result =
                no_answer(host, EK_UNREACHABLE, strerror_r(number, text, sizeof text), err);
            question_free(question);
            return result;
        }
        if (!wait_for(question, deadline))
            return no_answer(host, EK_TIMEOUT, "the resolver did not answer in time", err);
    }
    int result = take_answer(question, ret_addresses, err);
    question_free(question);
    return result;
}
