/* The loop's HTTP server: GET /metrics, /healthz, /readyz; POST /webhook[/NAME]. Nothing else.
 *
 * Plain HTTP: what is served is no secret, but names the fleet; for the world there is a proxy
 * with TLS in front. Everything but /metrics is answered with one JSON object:
 * {"status": "ok" | "failed", "reason": "…"}. */
#ifndef EK_LOOP_HTTP_H
#define EK_LOOP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/error.h"

struct ek_metrics;
struct ek_webhooks;
struct ek_http; /* opaque */

enum {
    EK_HTTP_BODY_MAX = 1024 * 1024,
    EK_HTTP_CONNECTIONS_MAX = 128,
    EK_HTTP_CONNECTIONS_PER_ADDRESS = 32,
    EK_HTTP_IDLE_S = 10,
    EK_HTTP_REQUEST_MS = 30000, /* for a whole request and its answer */
};

/* What is behind the server; borrowed until ek_http_stop. The functions are called from the
 * server's threads and must not wait. */
struct ek_http_setup {
    const char *listen;           /* "127.0.0.1:9464", "[::1]:0", "localhost:9464" */
    struct ek_metrics *metrics;   /* also counts the requests */
    struct ek_webhooks *webhooks; /* NULL: there is no /webhook */
    /* The loop gets on. False: 503; the reason is always written. */
    bool (*healthy)(void *context, char *ret_reason, size_t size);
    /* First fetch and first round are done, the store can be reached. */
    bool (*ready)(void *context, char *ret_reason, size_t size);
    void *context;
    int64_t request_ms; /* 0: EK_HTTP_REQUEST_MS */
};

/* Listen and serve from threads of its own, in which all signals are blocked. EK_INVALID
 * (EK-1350): not an address and a port; EK-1351: can't listen there. */
int ek_http_start(const struct ek_http_setup *setup, struct ek_http **ret_http,
                  struct ek_error *err);

/* "127.0.0.1:43210": where it really listens. Borrowed. */
const char *ek_http_address(const struct ek_http *http);

/* Answer what is under way, then end. NULL is fine. */
void ek_http_stop(struct ek_http *http);

#endif
