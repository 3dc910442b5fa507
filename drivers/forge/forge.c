#include "drivers/forge/forge.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/forge/refusal.h"
#include "reconciler/base/file.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "specs/text.h"

enum { TIMEOUT_MS = 30000, TOKEN_MOST = 8192 };

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- the place --------------------------------------------------------------------------- */

static bool only(const char *text, const char *allowed, size_t longest)
{
    size_t length = strspn(text, allowed);
    return length > 0 && length <= longest && !text[length];
}

static const char digits[] = "0123456789";
static const char hex_digits[] = "0123456789abcdefABCDEF";
static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

static int senseless(const char *what, const char *value, const char *hint, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-1204", "%s can't be \"%.200s\"", what, value);
    return ek_hint(err, "%s", hint);
}

static void encode(const char *text, bool slashes_too, struct ek_buffer *path)
{
    for (; *text; text++)
        if (strchr(plain, *text) || (*text == '/' && !slashes_too))
            ek_buffer_add(path, text, 1);
        else
            ek_buffer_printf(path, "%%%02X", (unsigned char)*text);
}

/* "owner/name"; for GitLab any depth of groups, or a number. */
static bool is_repository(const char *text, bool deep)
{
    size_t slashes = 0;
    bool empty = true;
    for (const char *at = text; *at; at++) {
        if (*at == '/' && empty)
            return false;
        slashes += *at == '/';
        empty = *at == '/';
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    }
    if (empty || strstr(text, "..") || strlen(text) > 1000)
        return false;
    return deep ? slashes > 0 || only(text, digits, 20) : slashes == 1;
}

static int check_url(const char *url, struct ek_error *err)
{
    static const char scheme[] = "https://";
    bool https = strncasecmp(url, scheme, sizeof scheme - 1) == 0;
    const char *host = https ? url + sizeof scheme - 1 : url;
    size_t length = strcspn(host, "/");
    if (!https || length == 0)
        return senseless("the address of the REST interface", url,
                         "it begins with https://: the token is sent nowhere else", err);
    if (memchr(host, '@', length) || strpbrk(host, "?# \t\r\n"))
        return senseless("the address of the REST interface", "(not shown)",
                         "it has no user, password, ? or #: the token comes from a file", err);
    return 0;
}

static int check_place(const struct ek_forge_place *place,
                       const struct ek_forge_driver **ret_driver, struct ek_error *err)
{
    const struct ek_forge_driver *driver = ek_forge_driver_find(place->forge);
    if (!driver)
        return senseless("the forge", place->forge, "it is github, gitlab or gitea", err);
    int result = check_url(place->url, err);
    if (result != 0)
        return result;
    if (!is_repository(place->repository, driver->project_is_number))
        return senseless("the repository", place->repository,
                         driver->project_is_number ? "write group/name, or the project's number"
                                                   : "write owner/name",
                         err);
    if (place->pull_request && !only(place->pull_request, digits, 18))
        return senseless("the pull request", place->pull_request, "give its number", err);
    size_t commit = place->commit ? strlen(place->commit) : 40;
    if (place->commit && (!only(place->commit, hex_digits, 64) || (commit != 40 && commit != 64)))
        return senseless("the commit", place->commit, "give its whole id", err);
    *ret_driver = driver;
    return 0;
}

/* ---- the token --------------------------------------------------------------------------- */

static int read_token(const char *path, struct ek_secret **ret_token, struct ek_error *err)
{
    EK_SECRET_BUFFER token = {0};
    struct ek_error problem = {0};
    if (!path) {
        ek_fail(err, EK_INVALID, "EK-1205", "there is no token");
        return ek_hint(err, "put it into a file and give --token-file");
    }
    if (ek_input_read(path, TOKEN_MOST, &token, &problem) != 0)
        return ek_fail(err, problem.code, "EK-1205", "the token file can't be read: %s",
                       problem.sentence);
    while (token.length && strchr(" \t\r\n", token.bytes[token.length - 1]))
        token.bytes[--token.length] = 0;
    for (size_t i = 0; i < token.length; i++)
        if (token.bytes[i] <= ' ' || token.bytes[i] == 0x7f)
            return ek_fail(err, EK_INVALID, "EK-1205",
                           "the token file %.200s holds more than a token", path);
    if (token.length == 0)
        return ek_fail(err, EK_INVALID, "EK-1205", "the token file %.200s holds no token", path);
    return ek_secret_make(token.bytes, token.length, ret_token, err);
}

/* ---- the handle -------------------------------------------------------------------------- */

/* A copy of a text, or of none; *failed: there was no memory for it. */
static char *copy(const char *text, bool *failed)
{
    char *made = text ? strdup(text) : NULL;
    *failed |= text && !made;
    return made;
}

int ek_forge_open(const struct ek_forge_place *place, const struct ek_forge_login *login,
                  int64_t patience_ms, struct ek_forge **ret_forge, struct ek_error *err)
{
    const struct ek_forge_driver *driver = NULL;
    struct ek_secret *token = NULL;
    EK_BUFFER repository = {0};
    int result = check_place(place, &driver, err);
    if (result == 0)
        result = read_token(login->token_file, &token, err);
    if (result != 0 || !driver)
        return result;
    pthread_once(&started, start);
    bool failed = false;
    struct ek_forge *forge = calloc(1, sizeof *forge);
    CURL *handle = curl_easy_init();
    if (!forge || !handle) {
        free(forge);
        curl_easy_cleanup(handle);
        ek_secret_free(token);
        return ek_no_memory(err);
    }
    encode(place->repository, driver->project_is_number, &repository);
    *forge = (struct ek_forge){
        .driver = driver,
        .url = copy(place->url, &failed),
        .repository = ek_buffer_take(&repository),
        .pull_request = copy(place->pull_request, &failed),
        .commit = copy(place->commit, &failed),
        .ca_file = copy(login->ca_file, &failed),
        .token = token,
        .handle = handle,
        .patience_ms = patience_ms,
        .timeout_ms = patience_ms > 0 && patience_ms < TIMEOUT_MS ? patience_ms : TIMEOUT_MS,
    };
    if (failed || !forge->repository) {
        ek_forge_close(forge);
        return ek_no_memory(err);
    }
    for (size_t end = strlen(forge->url); end && forge->url[end - 1] == '/';)
        forge->url[--end] = 0;
    *ret_forge = forge;
    return 0;
}

void ek_forge_close(struct ek_forge *forge)
{
    if (!forge)
        return;
    curl_easy_cleanup(forge->handle);
    ek_secret_free(forge->token);
    free(forge->url);
    free(forge->repository);
    free(forge->pull_request);
    free(forge->commit);
    free(forge->ca_file);
    free(forge);
}

void ek_forge_cleanup(struct ek_forge **forge)
{
    ek_forge_close(*forge);
}

const char *ek_forge_title(const struct ek_forge *forge)
{
    return forge->driver->title;
}

/* ---- statuses ---------------------------------------------------------------------------- */

/* Cut to `most` characters, the last of which then is an ellipsis. */
static void cut(const char *text, size_t most, struct ek_buffer *line)
{
    size_t length = strlen(text);
    size_t at = 0;
    size_t fits = 0;
    size_t count = 0;
    while (at < length && count <= most) {
        uint32_t character;
        size_t bytes = ek_utf8_decode(text + at, length - at, &character);
        at += bytes ? bytes : 1;
        if (++count < most)
            fits = at;
    }
    ek_buffer_add(line, text, count > most ? fits : length);
    if (count > most)
        ek_buffer_text_add(line, "\xe2\x80\xa6");
}

int ek_forge_status(struct ek_forge *forge, const struct ek_forge_status *status,
                    struct ek_error *err)
{
    const struct ek_forge_driver *driver = forge->driver;
    struct ek_forge_answer answer = {0};
    struct ek_error problem = {0};
    EK_BUFFER path = {0};
    EK_BUFFER description = {0};
    if (!forge->commit)
        return ek_fail(err, EK_INVALID, "EK-1204", "there is no commit to set a status on");
    cut(status->description, driver->description_max, &description);
    driver->status_path(forge->repository, forge->commit, &path);
    json_t *body = json_pack("{s:s, s:o, s:o}", "state", driver->states[status->state],
                             driver->context_key, ek_json_text(status->context), "description",
                             ek_json_text(ek_buffer_text(&description)));
    if (status->target_url)
        ek_json_set(&body, "target_url", ek_json_text(status->target_url));
    if (!body || path.failed || description.failed) {
        json_decref(body);
        return ek_no_memory(err);
    }
    const struct ek_forge_request request = {
        .method = "POST", .path = ek_buffer_text(&path), .body = body};
    int result = ek_forge_send(forge, &request, &answer, &problem);
    ek_forge_answer_done(&answer);
    json_decref(body);
    if (result == EK_INVALID && driver->is_so_already &&
        driver->is_so_already(status, problem.cause))
        return 0;
    if (result != 0 && err)
        *err = problem;
    return result;
}
