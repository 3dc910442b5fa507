/* Webhooks: a git host says that something was pushed. All that follows is a fetch, so that a
 * request that is sent twice does no harm; a request without the right signature does nothing. */
#ifndef EK_LOOP_WEBHOOK_H
#define EK_LOOP_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/error.h"
#include "reconciler/base/secret_bytes.h"

struct ek_journal;
struct ek_metrics;

/* What came in. Borrowed. */
struct ek_webhook_request {
    const char *hook; /* NAME of /webhook/NAME, "" for /webhook */
    const char *body; /* need not end with NUL */
    size_t length;
    /* The value of a header, or NULL. */
    const char *(*header)(const void *context, const char *name);
    const void *context;
};

/* What a push said of itself; "" where it said nothing. Nothing of it is trusted further than
 * to choose what is fetched. */
struct ek_push {
    const char *host;     /* "github", "gitea", "forgejo", "gitlab"; static */
    char repository[256]; /* "acme/specs" */
    char http_url[512];
    char ssh_url[512];
    char ref[256];   /* "refs/heads/main" */
    char commit[72]; /* what the ref is now */
    bool deleted;    /* the ref is gone */
};

/* Check the signature, then read the push. EK_DENIED (EK-1352): no signature, or not made with
 * this secret. EK_UNSUPPORTED (EK-1355): another kind of event than a push. EK_INVALID (EK-1353):
 * a push that can't be read. */
int ek_webhook_read(const struct ek_webhook_request *request, const struct ek_secret *secret,
                    struct ek_push *ret_push, struct ek_error *err);

/* Read a secret from a file that others can't read, without the newline at its end.
 * EK_DENIED, EK_INVALID (EK-1354), or as ek_file_read. */
int ek_webhook_secret(const char *path, struct ek_secret **ret_secret, struct ek_error *err);

/* Whether a push is about this revision (NULL: any) of a repository: the path of the URL agrees,
 * and so does the ref. Host names are not compared: git hosts have several. */
bool ek_push_concerns(const struct ek_push *push, const char *url, const char *revision);

/* ---- serving them ------------------------------------------------------------------------ */

struct ek_hook {
    const char *name;        /* "" for /webhook */
    const char *secret_file; /* read at each request, so that a new secret counts at once */
};

struct ek_webhooks; /* opaque; used by several threads at once */

struct ek_webhooks_setup {
    struct ek_metrics *metrics; /* or NULL */
    struct ek_journal *journal; /* or NULL */
    /* Called from the server's thread; must not wait. */
    void (*on_push)(void *context, const char *hook, const struct ek_push *push);
    void *context;
};

/* NULL without memory. There are no hooks until ek_webhooks_set. */
struct ek_webhooks *ek_webhooks_new(const struct ek_webhooks_setup *setup);
void ek_webhooks_free(struct ek_webhooks *webhooks);

/* Replace the hooks; the strings are copied. */
int ek_webhooks_set(struct ek_webhooks *webhooks, const struct ek_hook *hooks, size_t count,
                    struct ek_error *err);

/* Answer a request: the HTTP status, and why in a few words. Refusals are counted, and logged
 * once a minute at most. */
int ek_webhooks_serve(struct ek_webhooks *webhooks, const struct ek_webhook_request *request,
                      char *ret_reason, size_t size);

#endif
