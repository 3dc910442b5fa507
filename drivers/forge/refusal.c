#include "drivers/forge/refusal.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/json.h"
#include "specs/text.h"

int ek_forge_unheard(const struct ek_forge *forge, int code, const char *words,
                     struct ek_error *err)
{
    static const struct {
        CURLcode curl;
        enum ek_code code;
        const char *id;
        const char *what;
    } table[] = {
        {CURLE_PEER_FAILED_VERIFICATION, EK_DENIED, "EK-1207", "its certificate is not trusted"},
        {CURLE_SSL_CACERT_BADFILE, EK_INVALID, "EK-1207", "the authorities can't be read"},
        {CURLE_SSL_CONNECT_ERROR, EK_DENIED, "EK-1207", "no TLS connection comes about"},
        {CURLE_COULDNT_RESOLVE_HOST, EK_UNREACHABLE, "EK-1206", "its name does not resolve"},
        {CURLE_COULDNT_RESOLVE_PROXY, EK_UNREACHABLE, "EK-1206",
         "the proxy's name does not resolve"},
        {CURLE_OPERATION_TIMEDOUT, EK_TIMEOUT, "EK-1206", "it does not answer in time"},
        {CURLE_OUT_OF_MEMORY, EK_NO_MEMORY, "EK-0599", "out of memory"},
        {CURLE_WRITE_ERROR, EK_INVALID, "EK-1214", "its answer is far too long"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if ((int)table[i].curl == code) {
            ek_fail(err, table[i].code, table[i].id, "%s at %.200s can't be used: %s",
                    forge->driver->title, forge->url, table[i].what);
            return ek_cause(err, "%s", words[0] ? words : curl_easy_strerror((CURLcode)code));
        }
    ek_fail(err, EK_UNREACHABLE, "EK-1206", "%s at %.200s can't be reached", forge->driver->title,
            forge->url);
    return ek_cause(err, "%s", words[0] ? words : curl_easy_strerror((CURLcode)code));
}

int ek_forge_doubtful(const struct ek_forge *forge, long status, struct ek_error *err)
{
    return ek_fail(err, EK_CONFLICT, "EK-1206",
                   "%s answered with status %ld: whether the comment was made is not known",
                   forge->driver->title, status);
}

int ek_forge_senseless(const struct ek_forge *forge, const char *what, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-1214", "%s answered something that makes no sense: %s",
            forge->driver->title, what);
    return ek_hint(err, "look whether %.200s is the address of its REST interface", forge->url);
}

/* The host's own words; whatever an answer may repeat, the token is not shown. */
static void own_words(const struct ek_forge *forge, const struct ek_buffer *body,
                      struct ek_buffer *words)
{
    enum { SHOWN = 300 };
    static const char *const keys[] = {"message", "error", "errors"};
    json_t *json = NULL;
    (void)ek_json_read(ek_buffer_text(body), body->length, 0, &json, NULL);
    EK_BUFFER plain = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(json, keys[i]);
        char *dump = value && !json_is_string(value)
                         ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)
                         : NULL;
        const char *text = json_is_string(value) ? json_string_value(value) : dump;
        if (text)
            ek_buffer_printf(&plain, "%s%s", plain.length ? ": " : "", text);
        free(dump);
    }
    json_decref(json);
    const char *token = ek_secret_reveal(forge->token);
    size_t length = ek_secret_length(forge->token);
    for (char *found; plain.length && (found = strstr(plain.bytes, token));)
        memset(found, '*', length);
    size_t shown = plain.length > SHOWN ? SHOWN : plain.length;
    ek_text_show(words, ek_buffer_text(&plain), shown);
    ek_buffer_fail_with(words, &plain);
}

static long header_number(const struct ek_forge *forge, const char *name, long otherwise)
{
    struct curl_header *header = NULL;
    char *end = NULL;
    if (curl_easy_header(forge->handle, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return otherwise;
    long number = strtol(header->value, &end, 10);
    return end == header->value ? otherwise : number;
}

/* GitHub says 403 when too much was asked: with nothing left, or with a time to wait. */
static bool is_rate_limit(const struct ek_forge *forge, long status)
{
    return status == 429 ||
           (status == 403 && (header_number(forge, "x-ratelimit-remaining", -1) == 0 ||
                              header_number(forge, "retry-after", -1) >= 0));
}

static int rate_limit(const struct ek_forge *forge, int64_t wait_ms, struct ek_error *err)
{
    long reset = header_number(forge, "x-ratelimit-reset", 0);
    long after = header_number(forge, "retry-after", -1);
    int64_t wait_s = after >= 0 ? after : reset ? reset - ek_wall_ms() / 1000 : wait_ms / 1000;
    ek_fail(err, EK_TIMEOUT, "EK-1212", "%s wants no more requests for now", forge->driver->title);
    if (wait_s > 0)
        return ek_hint(err, "again in %lld seconds", (long long)wait_s);
    return ek_hint(err, "again later");
}

struct refusal {
    long status;
    enum ek_code code;
    const char *id;
    const char *sentence; /* behind the name of the host */
    const char *hint;
};

static const struct refusal refusals[] = {
    {401, EK_DENIED, "EK-1208", "does not know the token",
     "it may have ended or been revoked; make a new one"},
    {403, EK_DENIED, "EK-1209", "does not let the token do this",
     "GitHub: pull-requests: write and statuses: write. GitLab: scope api, role Developer. Gitea: "
     "write:issue and write:repository. Pull requests from forks get tokens that may only read"},
    {404, EK_NOT_FOUND, "EK-1210",
     "knows no such repository, pull request or commit, or hides it from the token",
     "look at repository, number and commit; the token must be allowed to read the repository"},
    {400, EK_INVALID, "EK-1211", "refuses what was sent", NULL},
    {409, EK_INVALID, "EK-1211", "refuses what was sent", NULL},
    {410, EK_INVALID, "EK-1211", "refuses what was sent", NULL},
    {413, EK_INVALID, "EK-1211", "refuses what was sent: it is too long", NULL},
    {422, EK_INVALID, "EK-1211", "refuses what was sent", NULL},
};

int ek_forge_refused(const struct ek_forge *forge, const struct ek_forge_answer *answer,
                     int64_t wait_ms, struct ek_error *err)
{
    EK_BUFFER words = {0};
    const char *title = forge->driver->title;
    const struct refusal *refusal = NULL;
    own_words(forge, &answer->body, &words);
    bool missing = answer->status == 500 && forge->driver->missing_words &&
                   strstr(ek_buffer_text(&words), forge->driver->missing_words);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].status == (missing ? 404 : answer->status))
            refusal = &refusals[i];
    if (is_rate_limit(forge, answer->status)) {
        rate_limit(forge, wait_ms, err);
    } else if (refusal) {
        ek_fail(err, refusal->code, refusal->id, "%s %s", title, refusal->sentence);
        if (refusal->hint)
            ek_hint(err, "%s", refusal->hint);
    } else if (answer->status > 300 && answer->status < 309 && answer->status != 304) {
        ek_fail(err, EK_DENIED, "EK-1213", "%s says that this has moved", title);
        ek_hint(err, "look at --forge-url and --repository: a request that changes something is "
                     "not sent elsewhere, and none more than three times");
    } else if (answer->status >= 500) {
        ek_fail(err, EK_UNREACHABLE, "EK-1206", "%s failed with status %ld", title, answer->status);
        ek_hint(err, "this is on its side; try again later");
    } else {
        ek_forge_senseless(forge, "an unexpected status", err);
    }
    return words.length ? ek_cause(err, "status %ld: %s", answer->status, words.bytes)
                        : ek_cause(err, "status %ld", answer->status);
}
