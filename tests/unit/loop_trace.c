#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/trace.h"
#include "tests/unit/patience.h"

/* A collector: it takes one request after the other and answers each with `status`, or never. */
struct collector {
    int listener;
    char endpoint[64];
    const char *status; /* NULL: no answer */
    pthread_t thread;
    pthread_mutex_t lock;
    json_t *received; /* array of documents */
    char path[64];
    struct ek_metrics *metrics;
};

static void take_request(struct collector *collector, int fd)
{
    EK_BUFFER text = {0};
    char chunk[4096];
    ssize_t got;
    size_t wanted = SIZE_MAX;
    while (text.length < wanted && (got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        ek_buffer_add(&text, chunk, (size_t)got);
        const char *end = strstr(ek_buffer_text(&text), "\r\n\r\n");
        const char *length = strstr(ek_buffer_text(&text), "Content-Length: ");
        if (end && length)
            wanted = (size_t)(end + 4 - text.bytes) + strtoul(length + 16, NULL, 10);
    }
    if (text.length < wanted)
        return;
    const char *body = strstr(text.bytes, "\r\n\r\n") + 4;
    pthread_mutex_lock(&collector->lock);
    json_array_append_new(collector->received, json_loads(body, 0, NULL));
    snprintf(collector->path, sizeof collector->path, "%.*s", (int)strcspn(text.bytes, "\r"),
             text.bytes);
    pthread_mutex_unlock(&collector->lock);
    if (collector->status) {
        char answer[128];
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                 collector->status);
        send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    }
}

static void *collect(void *context)
{
    struct collector *collector = context;
    int held[64];
    size_t count = 0;
    for (int fd; count < 64 && (fd = accept(collector->listener, NULL, NULL)) >= 0;) {
        take_request(collector, fd);
        if (collector->status)
            close(fd);
        else
            held[count++] = fd;
    }
    while (count)
        close(held[--count]);
    return NULL;
}

static struct collector *begin(const char *status)
{
    struct collector *collector = calloc(1, sizeof *collector);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    collector->status = status;
    collector->received = json_array();
    collector->metrics = ek_metrics_new();
    pthread_mutex_init(&collector->lock, NULL);
    collector->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(collector->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(collector->listener, 64), 0);
    getsockname(collector->listener, (struct sockaddr *)&address, &length);
    snprintf(collector->endpoint, sizeof collector->endpoint, "http://127.0.0.1:%d/",
             ntohs(address.sin_port));
    assert_int_equal(pthread_create(&collector->thread, NULL, collect, collector), 0);
    return collector;
}

static void end(struct collector *collector)
{
    shutdown(collector->listener, SHUT_RDWR);
    pthread_join(collector->thread, NULL);
    close(collector->listener);
    json_decref(collector->received);
    ek_metrics_free(collector->metrics);
    free(collector);
}

static double counted(const struct collector *collector, const char *result)
{
    double value = ek_metrics_value(collector->metrics, EK_METRIC_TRACES, EK_LABELS(result));
    return isnan(value) ? 0 : value;
}

static const struct ek_trace_about about = {
    .account = "acme", .deployment = "orders", .commit = "6113728f", .plan = ""};

static const char *text_at(const json_t *span, const char *key)
{
    return json_string_value(json_object_get(span, key));
}

static const char *attribute(const json_t *span, const char *key)
{
    const json_t *all = json_object_get(span, "attributes");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        if (strcmp(text_at(one, "key"), key) == 0)
            return text_at(json_object_get(one, "value"), "stringValue");
    }
    return NULL;
}

static void check_id(const char *id, size_t digits)
{
    assert_int_equal(strlen(id), digits);
    assert_int_equal(strspn(id, "0123456789abcdef"), digits);
    assert_true(strspn(id, "0") < digits);
}

static json_int_t status_of(const json_t *span)
{
    return json_integer_value(json_object_get(json_object_get(span, "status"), "code"));
}

static void a_trace_arrives_as_the_protocol_wants_it(void **state)
{
    (void)state;
    struct collector *collector = begin("200 OK");
    struct ek_traces *traces = NULL;
    struct ek_error err = {0};
    struct ek_error failure = {0};
    ek_fail(&failure, EK_TIMEOUT, "EK-0127", "its effect was not seen");
    assert_int_equal(ek_traces_new(collector->endpoint, collector->metrics, &traces, &err), 0);
    struct ek_trace *trace = ek_trace_begin(traces, &about, 1767322984000);
    ek_trace_step(trace, &(struct ek_traced_step){"write-configuration", "a", 1767322984100,
                                                  1767322984200, NULL});
    ek_trace_step(trace,
                  &(struct ek_traced_step){"restart", "a", 1767322984200, 1767322986000, &failure});
    ek_trace_end(trace, 1767322986001, &failure);
    ek_traces_free(traces); /* sends what waits */
    assert_true(counted(collector, "sent") == 1);
    assert_string_equal(collector->path, "POST /v1/traces HTTP/1.1");
    assert_int_equal(json_array_size(collector->received), 1);
    const json_t *resource =
        json_array_get(json_object_get(json_array_get(collector->received, 0), "resourceSpans"), 0);
    assert_string_equal(attribute(json_object_get(resource, "resource"), "service.name"),
                        "evenkeel");
    const json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);
    const json_t *spans = json_object_get(scope, "spans");
    assert_int_equal(json_array_size(spans), 3);
    const json_t *write = json_array_get(spans, 0);
    const json_t *restart = json_array_get(spans, 1);
    const json_t *root = json_array_get(spans, 2);
    check_id(text_at(root, "traceId"), 32);
    check_id(text_at(root, "spanId"), 16);
    check_id(text_at(write, "spanId"), 16);
    assert_string_not_equal(text_at(write, "spanId"), text_at(restart, "spanId"));
    assert_null(json_object_get(root, "parentSpanId"));
    assert_string_equal(text_at(write, "parentSpanId"), text_at(root, "spanId"));
    assert_string_equal(text_at(restart, "traceId"), text_at(root, "traceId"));
    assert_string_equal(text_at(root, "name"), "reconcile");
    assert_string_equal(text_at(root, "startTimeUnixNano"), "1767322984000000000");
    assert_string_equal(text_at(root, "endTimeUnixNano"), "1767322986001000000");
    assert_string_equal(attribute(root, "evenkeel.deployment"), "orders");
    assert_null(attribute(root, "evenkeel.plan"));
    assert_string_equal(attribute(restart, "evenkeel.member"), "a");
    assert_string_equal(attribute(restart, "evenkeel.error.id"), "EK-0127");
    assert_int_equal(status_of(write), 1);
    assert_int_equal(status_of(restart), 2);
    assert_int_equal(status_of(root), 2);
    end(collector);
}

static void a_collector_that_refuses_is_counted(void **state)
{
    (void)state;
    struct collector *collector = begin("503 Service Unavailable");
    struct ek_traces *traces = NULL;
    struct ek_error err = {0};
    assert_int_equal(ek_traces_new(collector->endpoint, collector->metrics, &traces, &err), 0);
    for (int i = 0; i < 3; i++)
        ek_trace_end(ek_trace_begin(traces, &about, 1), 2, NULL);
    ek_traces_free(traces);
    assert_true(counted(collector, "failed") == 3);
    assert_true(counted(collector, "sent") == 0);
    end(collector);
}

static void a_collector_that_never_answers_stops_nothing(void **state)
{
    (void)state;
    enum { MANY = 400 };
    struct collector *collector = begin(NULL);
    struct ek_traces *traces = NULL;
    struct ek_error err = {0};
    assert_int_equal(ek_traces_new(collector->endpoint, collector->metrics, &traces, &err), 0);
    int64_t begun = ek_monotonic_ms();
    for (int i = 0; i < MANY; i++)
        ek_trace_end(ek_trace_begin(traces, &about, 1), 2, NULL);
    assert_true(ek_monotonic_ms() - begun < patient_ms(2000));
    ek_traces_free(traces);
    assert_true(ek_monotonic_ms() - begun < patient_ms(8000));
    assert_true(counted(collector, "dropped") + counted(collector, "failed") == MANY);
    assert_true(counted(collector, "dropped") >= MANY - 257);
    end(collector);
}

static void endpoints_that_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "127.0.0.1:4318",
                                        "ftp://127.0.0.1",
                                        "file:///etc/passwd",
                                        "http://user:password@127.0.0.1:4318",
                                        "http://a b",
                                        "http://a/?x=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ek_traces *traces = NULL;
        struct ek_error err = {0};
        assert_int_equal(ek_traces_new(wrong[i], NULL, &traces, &err), EK_INVALID);
        assert_string_equal(err.id, "EK-1360");
        assert_null(traces);
    }
}

static void without_a_collector_nothing_is_kept(void **state)
{
    (void)state;
    struct ek_trace *trace = ek_trace_begin(NULL, &about, 1);
    assert_null(trace);
    ek_trace_step(trace, &(struct ek_traced_step){"restart", "a", 1, 2, NULL});
    ek_trace_end(trace, 3, NULL);
    ek_traces_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_arrives_as_the_protocol_wants_it),
        cmocka_unit_test(a_collector_that_refuses_is_counted),
        cmocka_unit_test(a_collector_that_never_answers_stops_nothing),
        cmocka_unit_test(endpoints_that_are_none),
        cmocka_unit_test(without_a_collector_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
