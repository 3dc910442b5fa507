#include "drivers/forge/request.h"

#include <curl/curl.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/forge/refusal.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"

enum { CONNECT_MS = 10000, REDIRECTS_MAX = 3, BACK_OFF_MS = 500, BACK_OFF_MOST_MS = 10000 };

/* A list of a hundred comments of the greatest length is smaller. */
#define ANSWER_MAX ((size_t)128 << 20)

void ek_forge_answer_done(struct ek_forge_answer *answer)
{
    ek_buffer_done(&answer->body);
}

/* ---- headers ----------------------------------------------------------------------------- */

/* The list holds the token: it is wiped. */
static void headers_free(struct curl_slist **headers)
{
    for (struct curl_slist *at = *headers; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(*headers);
}

/* One that could not be added makes the list NULL, and there are no further ones. */
static void add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = *headers ? curl_slist_append(*headers, line) : NULL;
    if (!longer)
        curl_slist_free_all(*headers);
    *headers = longer;
}

/* NULL without memory. */
static struct curl_slist *make_headers(const struct ek_forge *forge, bool has_body)
{
    EK_SECRET_BUFFER token = {0};
    ek_buffer_printf(&token, "%s%s", forge->driver->token_header, ek_secret_reveal(forge->token));
    struct curl_slist *headers = token.failed ? NULL : curl_slist_append(NULL, token.bytes);
    for (size_t i = 0; forge->driver->headers[i]; i++)
        add_header(&headers, forge->driver->headers[i]);
    add_header(&headers, "Expect:");
    if (has_body)
        add_header(&headers, "Content-Type: application/json");
    return headers;
}

static const char *header_of(const struct ek_forge *forge, const char *name)
{
    struct curl_header *header = NULL;
    return curl_easy_header(forge->handle, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
               ? header->value
               : "";
}

/* The address behind rel="next": <https://…>; rel="next", <…>; rel="last" */
static void read_next(const struct ek_forge *forge, struct ek_forge_answer *answer)
{
    const char *at = header_of(forge, "Link");
    while ((at = strchr(at, '<'))) {
        size_t length = strcspn(at + 1, ">");
        const char *end = at + 1 + length;
        size_t rest = strcspn(end, "<");
        if (memmem(end, rest, "rel=\"next\"", 10) && length < sizeof answer->next)
            snprintf(answer->next, sizeof answer->next, "%.*s", (int)length, at + 1);
        at = end;
    }
}

/* ---- one exchange ------------------------------------------------------------------------ */

static size_t on_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct ek_buffer *body = context;
    (void)one;
    if (body->length + count > ANSWER_MAX)
        return 0;
    ek_buffer_add(body, bytes, count);
    return count;
}

/* Whom we talk to and how, whatever is asked. */
static void set_manners(const struct ek_forge *forge)
{
    CURL *curl = forge->handle;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (forge->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, forge->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)forge->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "evenkeel/" EK_VERSION);
}

/* What is asked. `body` may be NULL; all is borrowed until the exchange is over. */
static void set_question(CURL *curl, const char *method, const char *url, const char *body)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static int exchange(const struct ek_forge *forge, const struct ek_forge_request *request,
                    const char *url, struct ek_forge_answer *answer, struct ek_error *err)
{
    char problem[CURL_ERROR_SIZE] = "";
    EK_CLEANUP(headers_free) struct curl_slist *headers = make_headers(forge, request->body);
    EK_BUFFER body = {0};
    if (request->body)
        ek_json_print(json_incref((json_t *)(uintptr_t)request->body), JSON_COMPACT, &body);
    if (!headers || body.failed)
        return ek_no_memory(err);
    ek_forge_answer_done(answer);
    answer->next[0] = 0;
    set_manners(forge);
    set_question(forge->handle, request->method, url, request->body ? ek_buffer_text(&body) : NULL);
    curl_easy_setopt(forge->handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(forge->handle, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(forge->handle, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(forge->handle, CURLOPT_ERRORBUFFER, problem);
    CURLcode code = curl_easy_perform(forge->handle);
    curl_easy_setopt(forge->handle, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(forge->handle, CURLOPT_HTTPHEADER, NULL);
    if (ek_buffer_check(&answer->body, err) != 0)
        return EK_NO_MEMORY;
    if (code != CURLE_OK)
        return ek_forge_unheard(forge, (int)code, problem, err);
    curl_easy_getinfo(forge->handle, CURLINFO_RESPONSE_CODE, &answer->status);
    read_next(forge, answer);
    return 0;
}

/* ---- redirects and repetitions ----------------------------------------------------------- */

/* Whether `url` leads to the host (and port) of the forge's own URL. */
static bool same_host(const struct ek_forge *forge, const char *url)
{
    static const char scheme[] = "https://";
    const size_t start = sizeof scheme - 1;
    size_t length = start + strcspn(forge->url + start, "/?#");
    return strncasecmp(url, forge->url, length) == 0 && strchr("/?#", url[length]);
}

static bool is_redirect(const struct ek_forge_request *request, long status)
{
    if (status == 307 || status == 308)
        return true;
    return (status == 301 || status == 302) && strcmp(request->method, "GET") == 0;
}

static int follow(const struct ek_forge *forge, struct ek_buffer *url, struct ek_error *err)
{
    char *location = NULL;
    curl_easy_getinfo(forge->handle, CURLINFO_REDIRECT_URL, &location);
    if (!location || !same_host(forge, location)) {
        ek_fail(err, EK_DENIED, "EK-1213", "%s leads elsewhere: %.200s", forge->driver->title,
                location ? location : "(nowhere)");
        return ek_hint(err,
                       "the token is sent to %.200s alone; if that has moved, give its new "
                       "address with --forge-url",
                       forge->url);
    }
    char *target = strdup(location);
    ek_buffer_done(url);
    ek_buffer_text_add(url, target);
    free(target);
    return ek_buffer_check(url, err);
}

static bool is_busy(long status)
{
    return status == 429 || status == 502 || status == 503;
}

/* A wait of half to all of the back-off, or what the host asks for. */
static int64_t wait_ms(const struct ek_forge *forge, int attempt)
{
    const char *after = header_of(forge, "Retry-After");
    char *end = NULL;
    long seconds = strtol(after, &end, 10);
    if (end != after && seconds >= 0)
        return seconds > 1000000 ? INT64_MAX / 2 : (int64_t)seconds * 1000;
    uint16_t dice = 0;
    RAND_bytes((unsigned char *)&dice, sizeof dice);
    int64_t most = (int64_t)BACK_OFF_MS << (attempt < 8 ? attempt : 8);
    most = most > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : most;
    return most / 2 + most / 2 * dice / UINT16_MAX;
}

int ek_forge_send(struct ek_forge *forge, const struct ek_forge_request *request,
                  struct ek_forge_answer *ret_answer, struct ek_error *err)
{
    int64_t deadline = ek_monotonic_ms() + forge->patience_ms;
    EK_FORGE_ANSWER answer = {0};
    EK_BUFFER url = {0};
    int redirects = 0;
    if (request->path[0] == '/')
        ek_buffer_text_add(&url, forge->url);
    ek_buffer_text_add(&url, request->path);
    if (ek_buffer_check(&url, err) != 0)
        return EK_NO_MEMORY;
    if (!same_host(forge, ek_buffer_text(&url)))
        return ek_fail(err, EK_DENIED, "EK-1213", "%s leads elsewhere: %.200s",
                       forge->driver->title, ek_buffer_text(&url));
    for (int attempt = 0;; attempt++) {
        int result = exchange(forge, request, ek_buffer_text(&url), &answer, err);
        if (result != 0)
            return result;
        if (is_redirect(request, answer.status) && redirects++ < REDIRECTS_MAX) {
            result = follow(forge, &url, err);
            if (result != 0)
                return result;
            continue;
        }
        if (!is_busy(answer.status))
            break;
        if (request->once && answer.status != 429)
            return ek_forge_doubtful(forge, answer.status, err);
        int64_t wait = wait_ms(forge, attempt);
        if (wait >= ek_time_left_ms(deadline))
            return ek_forge_refused(forge, &answer, wait, err);
        ek_sleep_ms(wait);
    }
    if (answer.status < 200 || answer.status > 299)
        return ek_forge_refused(forge, &answer, 0, err);
    *ret_answer = answer;
    answer = (struct ek_forge_answer){0};
    return 0;
}
