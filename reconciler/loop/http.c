#include "reconciler/loop/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/thread.h"
#include "reconciler/loop/http_listen.h"
#include "reconciler/loop/http_patience.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/webhook.h"

/* A body that is somewhat too large is read to its end and dropped: who still sends when the
 * connection is closed does not see the answer. */
enum { THREADS = 2, HEAD_MAX = 32 * 1024, REASON_MAX = 512, DROPPED_MAX = 4 * EK_HTTP_BODY_MAX };

struct ek_http {
    struct ek_http_setup setup;
    struct MHD_Daemon *daemon;
    struct ek_patience *patience;
    char address[128];
};

/* One request, from its head to its answer. */
struct request {
    struct ek_buffer body;
    size_t length; /* of what came, more than the body when that is too large */
};

struct answer {
    unsigned status;
    const char *type;
    const char *allow; /* or NULL */
    struct ek_buffer body;
};

/* ---- answers ------------------------------------------------------------------------------ */

/* `reason` is ours or made of bounded, escaped text; still, nothing of it may end the string. */
static void say(struct answer *answer, unsigned status, const char *reason)
{
    answer->status = status;
    answer->type = "application/json; charset=utf-8";
    ek_buffer_printf(&answer->body, "{\"status\":\"%s\",\"reason\":\"",
                     status < 400 ? "ok" : "failed");
    for (const char *at = reason; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            ek_buffer_printf(&answer->body, "\\%c", byte);
        else if (byte < 0x20 || byte >= 0x7f)
            ek_buffer_text_add(&answer->body, "?");
        else
            ek_buffer_add(&answer->body, at, 1);
    }
    ek_buffer_text_add(&answer->body, "\"}\n");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    size_t length = answer->body.length;
    char *body = ek_buffer_take(&answer->body);
    struct MHD_Response *response =
        body ? MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response) { /* the connection is closed, and the other side tries again */
        free(body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (answer->status == MHD_HTTP_CONTENT_TOO_LARGE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- what is served ----------------------------------------------------------------------- */

struct context {
    struct ek_http *http;
    struct MHD_Connection *connection;
    const char *path;
    const struct request *request;
};

static const char *header(const void *connection, const char *name)
{
    return MHD_lookup_connection_value((struct MHD_Connection *)(uintptr_t)connection,
                                       MHD_HEADER_KIND, name);
}

static void serve_metrics(const struct context *context, struct answer *answer)
{
    bool openmetrics =
        ek_metrics_wants_openmetrics(header(context->connection, MHD_HTTP_HEADER_ACCEPT));
    ek_metrics_write(context->http->setup.metrics, openmetrics, &answer->body);
    answer->status = MHD_HTTP_OK;
    answer->type = ek_metrics_type(openmetrics);
}

static void serve_state(bool (*asked)(void *, char *, size_t), void *context, struct answer *answer)
{
    char reason[REASON_MAX] = "";
    bool good = asked(context, reason, sizeof reason);
    say(answer, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, reason);
}

static void serve_health(const struct context *context, struct answer *answer)
{
    serve_state(context->http->setup.healthy, context->http->setup.context, answer);
}

static void serve_ready(const struct context *context, struct answer *answer)
{
    serve_state(context->http->setup.ready, context->http->setup.context, answer);
}

static void serve_webhook(const struct context *context, struct answer *answer)
{
    char reason[REASON_MAX] = "";
    const char *name = context->path + strlen("/webhook");
    const struct ek_webhook_request request = {
        .hook = *name == '/' ? name + 1 : name,
        .body = ek_buffer_text(&context->request->body),
        .length = context->request->body.length,
        .header = header,
        .context = context->connection,
    };
    int status = ek_webhooks_serve(context->http->setup.webhooks, &request, reason, sizeof reason);
    say(answer, (unsigned)status, reason);
}

static const struct route {
    const char *path;
    bool named; /* a name may follow */
    const char *methods[2];
    const char *allow;
    void (*serve)(const struct context *context, struct answer *answer);
} routes[] = {
    {"/metrics", false, {"GET", "HEAD"}, "GET, HEAD", serve_metrics},
    {"/healthz", false, {"GET", "HEAD"}, "GET, HEAD", serve_health},
    {"/readyz", false, {"GET", "HEAD"}, "GET, HEAD", serve_ready},
    {"/webhook", true, {"POST"}, "POST", serve_webhook},
};

static const struct route *route_of(const struct ek_http *http, const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t length = strlen(routes[i].path);
        if (strncmp(path, routes[i].path, length) != 0)
            continue;
        if (routes[i].serve == serve_webhook && !http->setup.webhooks)
            continue;
        if (path[length] == 0 || (routes[i].named && path[length] == '/' && path[length + 1]))
            return &routes[i];
    }
    return NULL;
}

static bool allowed(const struct route *route, const char *method)
{
    for (size_t i = 0; i < 2; i++)
        if (route->methods[i] && strcmp(route->methods[i], method) == 0)
            return true;
    return false;
}

/* ---- requests ----------------------------------------------------------------------------- */

static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length && strtoull(length, NULL, 10) > DROPPED_MAX;
}

static const char too_large[] = "a body has one MiB at most";

/* A piece of the body. False: enough of it. */
static bool take(struct request *request, const char *piece, size_t length)
{
    request->length += length;
    if (request->length > DROPPED_MAX)
        return false;
    if (request->length > EK_HTTP_BODY_MAX)
        ek_buffer_done(&request->body);
    else
        ek_buffer_add(&request->body, piece, length);
    return true;
}

/* What can be said before the body came; false: go on. */
static bool refuse(const struct context *context, const struct route *route, const char *method,
                   struct answer *answer)
{
    if (!route)
        say(answer, MHD_HTTP_NOT_FOUND, "there is nothing here");
    else if (!allowed(route, method)) {
        answer->allow = route->allow;
        say(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method");
    } else if (announces_too_much(context->connection))
        say(answer, MHD_HTTP_CONTENT_TOO_LARGE, too_large);
    else
        return false;
    return true;
}

static enum MHD_Result finish(const struct context *context, const struct route *route,
                              struct answer *answer)
{
    char status[16];
    snprintf(status, sizeof status, "%u", answer->status);
    ek_metrics_add(context->http->setup.metrics, EK_METRIC_HTTP_REQUESTS,
                   EK_LABELS(route ? route->path : "other", status), 1);
    enum MHD_Result result = send_answer(context->connection, answer);
    ek_buffer_done(&answer->body);
    return result;
}

/* Called once with the head, then with each piece of the body, then at its end. */
static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *piece, size_t *length, void **kept)
{
    (void)version;
    struct request *request = *kept;
    const struct context context = {closure, connection, path, request};
    const struct route *route = route_of(context.http, path);
    struct answer answer = {0};
    if (!request) {
        if (refuse(&context, route, method, &answer))
            return finish(&context, route, &answer);
        request = calloc(1, sizeof *request);
        if (!request)
            return MHD_NO;
        *kept = request;
        return MHD_YES;
    }
    if (*length) {
        if (!take(request, piece, *length))
            return MHD_NO;
        *length = 0;
        return MHD_YES;
    }
    if (request->length > EK_HTTP_BODY_MAX)
        say(&answer, MHD_HTTP_CONTENT_TOO_LARGE, too_large);
    else
        route->serve(&context, &answer);
    return finish(&context, route, &answer);
}

static void on_completed(void *closure, struct MHD_Connection *connection, void **kept,
                         enum MHD_RequestTerminationCode code)
{
    struct ek_http *http = closure;
    struct request *request = *kept;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (request)
        ek_buffer_done(&request->body);
    free(request);
    *kept = NULL;
    if (info && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        ek_patience_answered(http->patience, info->socket_context);
}

static void on_connection(void *closure, struct MHD_Connection *connection, void **kept,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ek_http *http = closure;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED)
        ek_patience_forget(http->patience, *kept);
    else
        *kept = info ? ek_patience_begin(http->patience, info->connect_fd) : NULL;
}

/* ---- starting and stopping ---------------------------------------------------------------- */

static void say_nothing(void *closure, const char *format, va_list arguments)
{
    (void)closure;
    (void)format;
    (void)arguments;
}

static struct MHD_Daemon *start_daemon(struct ek_http *http, int listener)
{
    sigset_t before;
    ek_signals_hold(&before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)EK_HTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)EK_HTTP_CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)EK_HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
    ek_signals_release(&before);
    return daemon;
}

int ek_http_start(const struct ek_http_setup *setup, struct ek_http **ret_http,
                  struct ek_error *err)
{
    int listener = -1;
    struct ek_http *http = calloc(1, sizeof *http);
    if (!http)
        return ek_no_memory(err);
    http->setup = *setup;
    if (http->setup.request_ms == 0)
        http->setup.request_ms = EK_HTTP_REQUEST_MS;
    int result = ek_patience_new(http->setup.request_ms, &http->patience, err);
    if (result == 0)
        result = ek_http_listen(setup->listen, &listener, http->address, sizeof http->address, err);
    if (result == 0 && !(http->daemon = start_daemon(http, listener))) {
        close(listener);
        result =
            ek_fail(err, EK_SYSTEM, "EK-1351", "%s: the HTTP server did not start", setup->listen);
    }
    if (result != 0) {
        ek_patience_free(http->patience);
        free(http);
        return result;
    }
    *ret_http = http;
    return 0;
}

const char *ek_http_address(const struct ek_http *http)
{
    return http->address;
}

void ek_http_stop(struct ek_http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon);
    ek_patience_free(http->patience);
    free(http);
}
