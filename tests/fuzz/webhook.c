/* Webhooks as anybody may send them: `make fuzz TARGET=webhook`. Headers, an empty line, a body. A
 * header's value SIGNED stands for the right signature, so that what follows it is reached; without
 * one nothing is read. Whatever was read is text that a log and a URL comparison can take. */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reconciler/loop/journal.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/webhook.h"

enum { HEADERS_MAX = 8, VALUE_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct webhook_headers {
    size_t count;
    struct {
        char name[64];
        char value[VALUE_MAX];
    } at[HEADERS_MAX];
};

static void must(int good)
{
    if (!good)
        abort();
}

static const char *value_of(const void *context, const char *name)
{
    const struct webhook_headers *headers = context;
    for (size_t i = 0; i < headers->count; i++)
        if (strcasecmp(headers->at[i].name, name) == 0)
            return headers->at[i].value;
    return NULL;
}

/* Where the body begins. */
static size_t read_headers(const char *text, size_t size, struct webhook_headers *headers)
{
    size_t at = 0;
    while (at < size && text[at] != '\n') {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        const char *colon = memchr(text + at, ':', length);
        if (colon && headers->count < HEADERS_MAX) {
            size_t name = (size_t)(colon - text) - at;
            size_t rest = length - name - 1;
            const char *value = colon + 1;
            if (rest && *value == ' ') {
                value++;
                rest--;
            }
            snprintf(headers->at[headers->count].name, 64, "%.*s", (int)name, text + at);
            snprintf(headers->at[headers->count].value, VALUE_MAX, "%.*s", (int)rest, value);
            headers->count++;
        }
        at += length + (end != NULL);
    }
    return at < size ? at + 1 : size;
}

/* Put the right signature where SIGNED stands; whether any header now proves the secret. */
static int sign_them(struct webhook_headers *headers, const struct ek_secret *secret,
                     const char *body, size_t length)
{
    static const char *const names[] = {"X-Forgejo-Signature", "X-Gitea-Signature",
                                        "X-Hub-Signature-256", "X-Gitlab-Token"};
    unsigned char digest[32];
    int any = 0;
    HMAC(EVP_sha256(), ek_secret_reveal(secret), (int)ek_secret_length(secret),
         (const unsigned char *)body, length, digest, NULL);
    for (size_t i = 0; i < headers->count; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            char *value = headers->at[i].value;
            if (strcmp(value, "SIGNED") != 0 || strcasecmp(headers->at[i].name, names[k]) != 0)
                continue;
            if (k == 3) {
                snprintf(value, VALUE_MAX, "%s", ek_secret_reveal(secret));
            } else {
                int used = snprintf(value, VALUE_MAX, "%s", k == 2 ? "sha256=" : "");
                for (size_t d = 0; d < sizeof digest; d++)
                    used += snprintf(value + used, (size_t)(VALUE_MAX - used), "%02x", digest[d]);
            }
            any = 1;
        }
    return any;
}

static void use(const struct ek_push *push)
{
    EK_BUFFER line = {0};
    const struct ek_journal_entry entry = {.event = EK_JOURNAL_WEBHOOK,
                                           .repository = push->repository,
                                           .commit = push->commit,
                                           .message = push->ref};
    must(push->ref[0] && (push->repository[0] || push->http_url[0] || push->ssh_url[0]));
    ek_journal_line(&entry, EK_JOURNAL_JSON, &line);
    json_t *json = json_loadb(line.bytes, line.length, 0, NULL);
    must(json != NULL && strchr(line.bytes, '\n') == line.bytes + line.length - 1);
    json_decref(json);
    const char *own = push->http_url[0] ? push->http_url : push->repository;
    int concerns = ek_push_concerns(push, own, push->ref);
    must(concerns == ek_push_concerns(push, own, NULL));
    must(!ek_push_concerns(push, "https://git.example.net/somebody/else", NULL) ||
         strcasestr(push->repository, "somebody/else") ||
         strcasestr(push->http_url, "somebody/else") || strcasestr(push->ssh_url, "somebody/else"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct webhook_headers headers;
    struct ek_push push = {.host = "untouched"};
    struct ek_error err = {0};
    EK_SECRET *secret = ek_secret_new("a secret of many letters", 24);
    headers.count = 0;
    size_t begin = read_headers((const char *)data, size, &headers);
    const char *body = (const char *)data + begin;
    int is_signed = sign_them(&headers, secret, body, size - begin);
    const struct ek_webhook_request request = {
        .hook = "", .body = body, .length = size - begin, .header = value_of, .context = &headers};
    int result = ek_webhook_read(&request, secret, &push, &err);
    must(is_signed || result == EK_DENIED);
    if (result == 0)
        use(&push);
    else
        must(strcmp(push.host, "untouched") == 0 && err.id[0]);
    (void)ek_metrics_wants_openmetrics(value_of(&headers, "Accept"));
    return 0;
}
