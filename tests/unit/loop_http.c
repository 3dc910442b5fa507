#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/loop/http.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/webhook.h"

struct served {
    struct ek_metrics *metrics;
    struct ek_webhooks *webhooks;
    struct ek_http *http;
    bool healthy;
    bool ready;
    int pushes;
    char directory[64];
    char secret_file[96];
};

static bool healthy(void *context, char *ret_reason, size_t size)
{
    const struct served *served = context;
    snprintf(ret_reason, size, "%s", served->healthy ? "gets on" : "\"stuck\" since\n12 s");
    return served->healthy;
}

static bool ready(void *context, char *ret_reason, size_t size)
{
    const struct served *served = context;
    snprintf(ret_reason, size, "%s", served->ready ? "ready" : "the first fetch is not done");
    return served->ready;
}

static void on_push(void *context, const char *hook, const struct ek_push *push)
{
    struct served *served = context;
    assert_string_equal(hook, "specs");
    assert_string_equal(push->ref, "refs/heads/main");
    __atomic_add_fetch(&served->pushes, 1, __ATOMIC_SEQ_CST);
}

static int setup(void **state)
{
    struct served *served = calloc(1, sizeof *served);
    struct ek_error err = {0};
    snprintf(served->directory, sizeof served->directory, "/tmp/ek-loop-http.XXXXXX");
    assert_non_null(mkdtemp(served->directory));
    snprintf(served->secret_file, sizeof served->secret_file, "%s/secret", served->directory);
    FILE *file = fopen(served->secret_file, "w");
    fputs("It's a Secret to Everybody\n", file);
    fclose(file);
    chmod(served->secret_file, 0600);
    served->metrics = ek_metrics_new();
    const struct ek_webhooks_setup hooks = {
        .metrics = served->metrics, .on_push = on_push, .context = served};
    const struct ek_hook hook = {"specs", served->secret_file};
    served->webhooks = ek_webhooks_new(&hooks);
    assert_int_equal(ek_webhooks_set(served->webhooks, &hook, 1, NULL), 0);
    const struct ek_http_setup http = {.listen = "127.0.0.1:0",
                                       .metrics = served->metrics,
                                       .webhooks = served->webhooks,
                                       .healthy = healthy,
                                       .ready = ready,
                                       .context = served};
    assert_int_equal(ek_http_start(&http, &served->http, &err), 0);
    *state = served;
    return 0;
}

static int teardown(void **state)
{
    struct served *served = *state;
    ek_http_stop(served->http);
    ek_webhooks_free(served->webhooks);
    ek_metrics_free(served->metrics);
    unlink(served->secret_file);
    rmdir(served->directory);
    free(served);
    return 0;
}

/* ---- a real client ------------------------------------------------------------------------ */

struct reply {
    long status;
    struct ek_buffer head;
    struct ek_buffer body;
};

static size_t keep(char *bytes, size_t one, size_t count, void *into)
{
    ek_buffer_add(into, bytes, one * count);
    return one * count;
}

static void reply_done(struct reply *reply)
{
    ek_buffer_done(&reply->head);
    ek_buffer_done(&reply->body);
}

#define REPLY EK_CLEANUP(reply_done) struct reply

struct asked {
    const char *method; /* NULL: GET, or POST when there is a body */
    const char *path;
    const char *headers[4];
    const char *body;
    size_t length;
};

static CURLcode ask(const struct served *served, const struct asked *asked, struct reply *reply)
{
    char url[256];
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    snprintf(url, sizeof url, "http://%s%s", ek_http_address(served->http), asked->path);
    for (size_t i = 0; i < 4 && asked->headers[i]; i++)
        headers = curl_slist_append(headers, asked->headers[i]);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply->head);
    if (asked->body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, asked->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)asked->length);
    }
    if (asked->method && strcmp(asked->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (asked->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, asked->method);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code;
}

static const char body[] =
    "{\"ref\":\"refs/heads/main\",\"after\":\"0123456789012345678901234567890123456789\","
    "\"repository\":{\"full_name\":\"acme/specs\"}}";

/* By GitLab's token; loop_webhook.c has the other signatures. */

static const struct asked push = {
    .path = "/webhook/specs",
    .headers = {"X-Gitlab-Token: It's a Secret to Everybody", "X-Gitlab-Event: Push Hook"},
    .body = body,
    .length = sizeof body - 1};

static void metrics_in_both_formats(void **state)
{
    REPLY plain = {0};
    REPLY open = {0};
    assert_int_equal(ask(*state, &(struct asked){.path = "/metrics"}, &plain), CURLE_OK);
    assert_int_equal(plain.status, 200);
    assert_non_null(strstr(ek_buffer_text(&plain.head), "text/plain; version=0.0.4"));
    assert_non_null(strstr(ek_buffer_text(&plain.body), "evenkeel_build_info{version=\""));
    const struct asked wanted = {
        .path = "/metrics",
        .headers = {"Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"}};
    assert_int_equal(ask(*state, &wanted, &open), CURLE_OK);
    assert_non_null(strstr(ek_buffer_text(&open.head), "application/openmetrics-text"));
    assert_non_null(strstr(ek_buffer_text(&open.body), "# EOF\n"));
    assert_non_null(strstr(ek_buffer_text(&open.body),
                           "evenkeel_http_requests_total{path=\"/metrics\",status=\"200\"} 1\n"));
}

static void health_and_readiness_say_why(void **state)
{
    struct served *served = *state;
    REPLY sick = {0};
    REPLY well = {0};
    REPLY unready = {0};
    REPLY head = {0};
    assert_int_equal(ask(served, &(struct asked){.path = "/healthz"}, &sick), CURLE_OK);
    assert_int_equal(sick.status, 503);
    assert_string_equal(ek_buffer_text(&sick.body),
                        "{\"status\":\"failed\",\"reason\":\"\\\"stuck\\\" since?12 s\"}\n");
    served->healthy = true;
    assert_int_equal(ask(served, &(struct asked){.path = "/healthz"}, &well), CURLE_OK);
    assert_int_equal(well.status, 200);
    assert_string_equal(ek_buffer_text(&well.body), "{\"status\":\"ok\",\"reason\":\"gets on\"}\n");
    assert_int_equal(ask(served, &(struct asked){.path = "/readyz"}, &unready), CURLE_OK);
    assert_int_equal(unready.status, 503);
    assert_int_equal(ask(served, &(struct asked){.path = "/healthz", .method = "HEAD"}, &head),
                     CURLE_OK);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.body.length, 0);
}

static void a_signed_push_is_told_and_again_when_repeated(void **state)
{
    struct served *served = *state;
    REPLY first = {0};
    REPLY second = {0};
    assert_int_equal(ask(served, &push, &first), CURLE_OK);
    assert_int_equal(first.status, 202);
    assert_int_equal(ask(served, &push, &second), CURLE_OK);
    assert_int_equal(second.status, 202);
    assert_int_equal(served->pushes, 2);
}

static void a_wrong_signature_does_nothing(void **state)
{
    struct served *served = *state;
    REPLY reply = {0};
    struct asked wrong = push;
    wrong.headers[0] = "X-Gitlab-Token: it's a secret to everybody";
    assert_int_equal(ask(served, &wrong, &reply), CURLE_OK);
    assert_int_equal(reply.status, 401);
    assert_non_null(strstr(ek_buffer_text(&reply.body), "EK-1352"));
    assert_int_equal(served->pushes, 0);
    assert_true(
        ek_metrics_value(served->metrics, EK_METRIC_WEBHOOKS, EK_LABELS("specs", "denied")) == 1);
}

static void what_is_not_served(void **state)
{
    static const struct {
        struct asked asked;
        long status;
    } rows[] = {
        {{.path = "/"}, 404},
        {{.path = "/metricsx"}, 404},
        {{.path = "/metrics/"}, 404},
        {{.path = "/webhook/"}, 404},
        {{.path = "/metrics", .method = "POST", .body = "x", .length = 1}, 405},
        {{.path = "/healthz", .method = "DELETE"}, 405},
        {{.path = "/webhook/specs"}, 405},
        {{.path = "/webhook/specs", .method = "PUT", .body = "x", .length = 1}, 405},
        {{.path = "/webhook", .body = body, .length = sizeof body - 1}, 404},
        {{.path = "/webhook/other", .body = body, .length = sizeof body - 1}, 404},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        REPLY reply = {0};
        assert_int_equal(ask(*state, &rows[i].asked, &reply), CURLE_OK);
        assert_int_equal(reply.status, rows[i].status);
        assert_int_equal(rows[i].status == 405,
                         strstr(ek_buffer_text(&reply.head), "Allow:") != NULL);
    }
}

static void a_body_too_large_is_refused(void **state)
{
    static const size_t endless = 5 * (size_t)EK_HTTP_BODY_MAX;
    struct served *served = *state;
    char *large = malloc(endless);
    memset(large, ' ', endless);
    memcpy(large, body, sizeof body - 1);
    struct asked asked = push;
    REPLY fits = {0};
    REPLY too_large = {0};
    REPLY in_pieces = {0};
    REPLY cut_off = {0};
    asked.body = large;
    asked.length = EK_HTTP_BODY_MAX;
    assert_int_equal(ask(served, &asked, &fits), CURLE_OK);
    assert_int_equal(fits.status, 202);
    asked.length = EK_HTTP_BODY_MAX + 1;
    assert_int_equal(ask(served, &asked, &too_large), CURLE_OK);
    assert_int_equal(too_large.status, 413);
    asked.headers[2] = "Transfer-Encoding: chunked";
    assert_int_equal(ask(served, &asked, &in_pieces), CURLE_OK);
    assert_int_equal(in_pieces.status, 413);
    asked.length = endless; /* that is not read to its end */
    assert_int_not_equal(ask(served, &asked, &cut_off), CURLE_OK);
    assert_int_equal(cut_off.status, 0);
    assert_int_equal(served->pushes, 1);
    free(large);
}

/* ---- what is no proper client ------------------------------------------------------------- */

static int dial(const struct served *served)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *port = strrchr(ek_http_address(served->http), ':') + 1;
    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void many_idle_connections_leave_room(void **state)
{
    struct served *served = *state;
    int fds[EK_HTTP_CONNECTIONS_PER_ADDRESS + 20];
    const size_t count = sizeof fds / sizeof *fds;
    size_t closed = 0;
    for (size_t i = 0; i < count; i++)
        fds[i] = dial(served);
    for (size_t i = 0; i < count; i++) { /* those beyond the limit are closed at once */
        struct timeval wait = {.tv_usec = i + 20 < count ? 1000 : 500000};
        char byte;
        setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        closed += recv(fds[i], &byte, 1, 0) >= 0;
    }
    assert_true(closed >= 20);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    served->healthy = true;
    REPLY reply = {0};
    for (int tries = 0; tries < 1000 && reply.status != 200; tries++) { /* until they are gone */
        reply_done(&reply);
        ask(served, &(struct asked){.path = "/healthz"}, &reply);
        usleep(10000);
    }
    assert_int_equal(reply.status, 200);
}

/* A byte now and then keeps a connection from being silent, but not from being too slow; one that
 * asks and is answered again and again stays. */
static void who_is_slow_is_cut_off(void **state)
{
    struct served *served = *state;
    struct ek_http *kept = served->http;
    struct ek_error err = {0};
    const struct ek_http_setup hasty = {.listen = "127.0.0.1:0",
                                        .metrics = served->metrics,
                                        .webhooks = served->webhooks,
                                        .healthy = healthy,
                                        .ready = ready,
                                        .context = served,
                                        .request_ms = 400};
    assert_int_equal(ek_http_start(&hasty, &served->http, &err), 0);
    static const char head[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    static const char posted[] =
        "POST /webhook/specs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    static const char whole[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    int slow[] = {dial(served), dial(served)};
    int brisk = dial(served);
    char answer[2048];
    assert_true(send(slow[0], head, sizeof head - 1, MSG_NOSIGNAL) > 0);
    assert_true(send(slow[1], posted, sizeof posted - 1, MSG_NOSIGNAL) > 0);
    bool ended[2] = {false, false};
    int asked = 0;
    int answered = 0;
    for (int i = 0; i < 300 && !(ended[0] && ended[1]); i++) {
        for (size_t k = 0; k < 2; k++) {
            send(slow[k], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            ssize_t got = recv(slow[k], answer, sizeof answer, MSG_DONTWAIT);
            ended[k] |= got == 0 || (got < 0 && errno == ECONNRESET);
        }
        asked += send(brisk, whole, sizeof whole - 1, MSG_NOSIGNAL) > 0;
        answered += recv(brisk, answer, sizeof answer, 0) > 0;
        usleep(20000);
    }
    assert_true(ended[0] && ended[1]);
    assert_true(asked > 0); /* for all that time */
    assert_int_equal(answered, asked);
    assert_true(send(brisk, whole, sizeof whole - 1, MSG_NOSIGNAL) > 0);
    assert_true(recv(brisk, answer, sizeof answer, 0) > 0);
    close(slow[0]);
    close(slow[1]);
    close(brisk);
    ek_http_stop(served->http);
    served->http = kept;
}

static void rubbish_is_no_request(void **state)
{
    static const char *const rubbish[] = {
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET\r\n\r\n",
        "POST /webhook/specs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /webhook/specs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n"};
    struct served *served = *state;
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        char answer[512] = "";
        int fd = dial(served);
        assert_true(send(fd, rubbish[i], strlen(rubbish[i]), MSG_NOSIGNAL) > 0);
        shutdown(fd, SHUT_WR);
        ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
        assert_true(got <= 0 || strncmp(answer, "HTTP/1.1 2", 10) != 0);
        close(fd);
    }
    served->healthy = true;
    REPLY reply = {0};
    assert_int_equal(ask(served, &(struct asked){.path = "/healthz"}, &reply), CURLE_OK);
    assert_int_equal(reply.status, 200);
    assert_int_equal(served->pushes, 0);
}

/* ---- where it listens --------------------------------------------------------------------- */

static void addresses_that_are_none(void **state)
{
    static const char *const wrong[] = {"",        "9321",     ":9321",          "::1:9321",
                                        "[::1]",   "[]:1",     "127.0.0.1:",     "127.0.0.1:x",
                                        "a b:100", "[::1:932", "127.0.0.1:99999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ek_http_setup setup_of = {.listen = wrong[i], .healthy = healthy, .ready = ready};
        struct ek_http *http = NULL;
        struct ek_error err = {0};
        setup_of.metrics = ((struct served *)*state)->metrics;
        assert_int_equal(ek_http_start(&setup_of, &http, &err), EK_INVALID);
        assert_string_equal(err.id, "EK-1350");
        assert_null(http);
    }
}

static void a_port_that_is_taken(void **state)
{
    const struct served *served = *state;
    struct ek_http *http = NULL;
    struct ek_error err = {0};
    const struct ek_http_setup again = {.listen = ek_http_address(served->http),
                                        .metrics = served->metrics,
                                        .healthy = healthy,
                                        .ready = ready};
    assert_int_not_equal(ek_http_start(&again, &http, &err), 0);
    assert_string_equal(err.id, "EK-1351");
    assert_non_null(strstr(err.sentence, "in use"));
}

static void ipv6_and_its_port(void **state)
{
    struct served *served = *state;
    struct ek_error err = {0};
    struct ek_http *kept = served->http;
    const struct ek_http_setup six = {.listen = "[::1]:0",
                                      .metrics = served->metrics,
                                      .healthy = healthy,
                                      .ready = ready,
                                      .context = served};
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool usable = probe >= 0 && bind(probe, (struct sockaddr *)&address, sizeof address) == 0;
    if (probe >= 0)
        close(probe);
    if (!usable)
        skip();
    assert_int_equal(ek_http_start(&six, &served->http, &err), 0);
    assert_memory_equal(ek_http_address(served->http), "[::1]:", 6);
    assert_string_not_equal(ek_http_address(served->http), "[::1]:0");
    served->healthy = true;
    REPLY reply = {0};
    assert_int_equal(ask(served, &(struct asked){.path = "/healthz"}, &reply), CURLE_OK);
    assert_int_equal(reply.status, 200);
    REPLY none = {0}; /* this one has no webhooks */
    assert_int_equal(ask(served, &push, &none), CURLE_OK);
    assert_int_equal(none.status, 404);
    ek_http_stop(served->http);
    served->http = kept;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(metrics_in_both_formats),
        TEST(health_and_readiness_say_why),
        TEST(a_signed_push_is_told_and_again_when_repeated),
        TEST(a_wrong_signature_does_nothing),
        TEST(what_is_not_served),
        TEST(a_body_too_large_is_refused),
        TEST(many_idle_connections_leave_room),
        TEST(who_is_slow_is_cut_off),
        TEST(rubbish_is_no_request),
        TEST(addresses_that_are_none),
        TEST(a_port_that_is_taken),
        TEST(ipv6_and_its_port),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
