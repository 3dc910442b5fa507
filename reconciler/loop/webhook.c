#include "reconciler/loop/webhook.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/secret_file.h"

enum { DIGEST = SHA256_DIGEST_LENGTH, SECRET_MAX = 4096, SECRET_LEAST = 16 };

/* ---- is it signed with this secret? ------------------------------------------------------- */

struct check {
    const struct ek_webhook_request *request;
    const struct ek_secret *secret;
    const char *value; /* of the header */
};

static const char *header(const struct ek_webhook_request *request, const char *name)
{
    return request->header(request->context, name);
}

static bool hmac_of_body(const struct check *check, const char *hex)
{
    uint8_t sent[DIGEST];
    uint8_t right[DIGEST];
    if (strlen(hex) != 2 * sizeof sent || !ek_hex_read(hex, sizeof sent, sent) ||
        !HMAC(EVP_sha256(), ek_secret_reveal(check->secret), (int)ek_secret_length(check->secret),
              (const unsigned char *)check->request->body, check->request->length, right, NULL))
        return false;
    return CRYPTO_memcmp(sent, right, DIGEST) == 0;
}

/* GitHub: "sha256=" and hex. */
static bool prefixed_hmac(const struct check *check)
{
    static const char prefix[] = "sha256=";
    return strncmp(check->value, prefix, sizeof prefix - 1) == 0 &&
           hmac_of_body(check, check->value + sizeof prefix - 1);
}

/* Gitea, Forgejo: hex. */
static bool plain_hmac(const struct check *check)
{
    return hmac_of_body(check, check->value);
}

/* GitLab: the secret itself. Digests are compared, so that time tells nothing of the length. */
static bool token(const struct check *check)
{
    uint8_t sent[DIGEST];
    uint8_t right[DIGEST];
    ek_sha256(check->value, strlen(check->value), sent);
    ek_sha256(ek_secret_reveal(check->secret), ek_secret_length(check->secret), right);
    return CRYPTO_memcmp(sent, right, DIGEST) == 0;
}

/* The key of a Standard Webhooks secret: what "whsec_" stands before, decoded; else the bytes. */
static size_t signing_key(const struct ek_secret *secret, unsigned char ret_key[SECRET_MAX])
{
    static const char prefix[] = "whsec_";
    const char *text = ek_secret_reveal(secret);
    size_t length = ek_secret_length(secret);
    if (length > sizeof prefix - 1 && strncmp(text, prefix, sizeof prefix - 1) == 0) {
        const char *encoded = text + sizeof prefix - 1;
        size_t letters = length - (sizeof prefix - 1);
        int bytes = letters % 4 == 0 && letters / 4 * 3 <= SECRET_MAX
                        ? EVP_DecodeBlock(ret_key, (const unsigned char *)encoded, (int)letters)
                        : -1;
        for (size_t i = letters; bytes > 0 && i > 0 && encoded[i - 1] == '='; i--)
            bytes--;
        if (bytes > 0)
            return (size_t)bytes;
    }
    memcpy(ret_key, text, length);
    return length;
}

/* GitLab's signing token, as Standard Webhooks say: over id, time and body, several signatures
 * "v1,<base64>" with blanks between. The time is not held against our clock: see the header. */
static bool standard(const struct check *check)
{
    const char *id = header(check->request, "webhook-id");
    const char *at = header(check->request, "webhook-timestamp");
    unsigned char key[SECRET_MAX];
    uint8_t right[DIGEST];
    char encoded[64];
    bool good = false;
    if (!id || !at)
        return false;
    EK_BUFFER message = {0};
    ek_buffer_printf(&message, "%s.%s.", id, at);
    ek_buffer_add(&message, check->request->body, check->request->length);
    size_t length = signing_key(check->secret, key);
    bool made = !message.failed &&
                HMAC(EVP_sha256(), key, (int)length, (const unsigned char *)message.bytes,
                     message.length, right, NULL) != NULL;
    OPENSSL_cleanse(key, sizeof key);
    if (!made)
        return false;
    size_t wanted = (size_t)EVP_EncodeBlock((unsigned char *)encoded, right, DIGEST);
    for (const char *one = check->value; *one;) {
        size_t letters = strcspn(one, " ");
        if (letters == wanted + 3 && strncmp(one, "v1,", 3) == 0)
            good |= CRYPTO_memcmp(one + 3, encoded, wanted) == 0;
        one += letters + (one[letters] == ' ');
    }
    return good;
}

/* A host that speaks several dialects (Forgejo sends GitHub's headers, too) stands first. */
static const struct host {
    const char *name;
    const char *signature; /* header */
    bool (*check)(const struct check *check);
    const char *event; /* header */
    const char *pushes[2];
} hosts[] = {
    {"forgejo", "X-Forgejo-Signature", plain_hmac, "X-Forgejo-Event", {"push"}},
    {"gitea", "X-Gitea-Signature", plain_hmac, "X-Gitea-Event", {"push"}},
    {"github", "X-Hub-Signature-256", prefixed_hmac, "X-GitHub-Event", {"push"}},
    {"gitlab", "webhook-signature", standard, "X-Gitlab-Event", {"Push Hook", "Tag Push Hook"}},
    {"gitlab", "X-Gitlab-Token", token, "X-Gitlab-Event", {"Push Hook", "Tag Push Hook"}},
};

enum { HOSTS = sizeof hosts / sizeof *hosts };

/* The host whose signature is right: each proves that the sender knows the secret. */
static int authenticate(const struct ek_webhook_request *request, const struct ek_secret *secret,
                        const struct host **ret_host, struct ek_error *err)
{
    bool any = false;
    for (size_t i = 0; i < HOSTS; i++) {
        const struct check check = {request, secret, header(request, hosts[i].signature)};
        any |= check.value != NULL;
        if (check.value && hosts[i].check(&check)) {
            *ret_host = &hosts[i];
            return 0;
        }
    }
    ek_fail(err, EK_DENIED, "EK-1352",
            any ? "the webhook's signature was not made with this hook's secret"
                : "the webhook has no signature");
    return ek_hint(err, "give the git host the secret that the hook's secret file holds");
}

/* ---- what was pushed? --------------------------------------------------------------------- */

/* The first of the paths ("repository.clone_url") that leads to a text, into `text` when it fits.
 */
static void take(const json_t *root, const char *const *paths, char *text, size_t size)
{
    for (; *paths; paths++) {
        const json_t *at = root;
        for (const char *word = *paths; *word && at;) {
            char key[32];
            size_t length = strcspn(word, ".");
            snprintf(key, sizeof key, "%.*s", (int)length, word);
            at = json_object_get(at, key);
            word += length + (word[length] == '.');
        }
        if (json_is_string(at) && json_string_length(at) < size) {
            snprintf(text, size, "%s", json_string_value(at));
            return;
        }
    }
}

#define PATHS(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool all_zero(const char *commit)
{
    return commit[0] && commit[strspn(commit, "0")] == 0;
}

static int read_push(const struct host *host, const json_t *root, struct ek_push *ret_push,
                     struct ek_error *err)
{
    struct ek_push push = {.host = host->name};
    take(root, PATHS("ref"), push.ref, sizeof push.ref);
    take(root, PATHS("after", "checkout_sha"), push.commit, sizeof push.commit);
    take(root, PATHS("repository.full_name", "project.path_with_namespace"), push.repository,
         sizeof push.repository);
    take(root, PATHS("repository.clone_url", "project.git_http_url", "repository.git_http_url"),
         push.http_url, sizeof push.http_url);
    take(root, PATHS("repository.ssh_url", "project.git_ssh_url", "repository.git_ssh_url"),
         push.ssh_url, sizeof push.ssh_url);
    push.deleted = json_is_true(json_object_get(root, "deleted")) || all_zero(push.commit);
    if (!push.ref[0] || (!push.repository[0] && !push.http_url[0] && !push.ssh_url[0]))
        return ek_fail(err, EK_INVALID, "EK-1353",
                       "the webhook's body names no ref and repository as a push of %s does",
                       host->name);
    *ret_push = push;
    return 0;
}

static bool is_push(const struct host *host, const char *event)
{
    for (size_t i = 0; i < 2; i++)
        if (event && host->pushes[i] && strcmp(event, host->pushes[i]) == 0)
            return true;
    return false;
}

int ek_webhook_read(const struct ek_webhook_request *request, const struct ek_secret *secret,
                    struct ek_push *ret_push, struct ek_error *err)
{
    const struct host *host = NULL;
    int result = authenticate(request, secret, &host, err);
    if (result != 0)
        return result;
    const char *event = header(request, host->event);
    if (!is_push(host, event))
        return ek_fail(err, EK_UNSUPPORTED, "EK-1355", "\"%.64s\" is not a push; ignored",
                       event ? event : "an event without a name");
    json_t *root = NULL;
    if (ek_json_read(request->body, request->length, JSON_REJECT_DUPLICATES, &root, NULL) ==
        EK_NO_MEMORY)
        return ek_no_memory(err);
    if (!json_is_object(root)) {
        json_decref(root);
        ek_fail(err, EK_INVALID, "EK-1353", "the webhook's body is not a JSON object");
        return ek_hint(err, "choose the content type application/json at the git host");
    }
    result = read_push(host, root, ret_push, err);
    json_decref(root);
    return result;
}

int ek_webhook_secret(const char *path, struct ek_secret **ret_secret, struct ek_error *err)
{
    EK_SECRET_BUFFER content = {0};
    const struct ek_secret_file file = {path, SECRET_MAX, "EK-0501", "EK-1354"};
    int result = ek_secret_file_read(&file, &content, err);
    if (result != 0)
        return result;
    while (content.length > 0 && strchr("\r\n", content.bytes[content.length - 1]))
        content.length--;
    if (content.length < SECRET_LEAST)
        return ek_fail(err, EK_INVALID, "EK-1354",
                       "%s: a webhook's secret has at least %d characters", path, SECRET_LEAST);
    return ek_secret_make(content.bytes, content.length, ret_secret, err);
}

/* ---- whose push is it? -------------------------------------------------------------------- */

/* "acme/specs" of https://user@host:3000/acme/specs.git/, of git@host:acme/specs.git and of
 * ssh://git@host/acme/specs. */
static size_t path_of(const char *url, const char **ret_path)
{
    const char *scheme = strstr(url, "://");
    const char *at = scheme ? scheme + 3 : url;
    const char *slash = strchr(at, '/');
    const char *colon = strchr(at, ':');
    if (scheme)
        at = slash ? slash : at + strlen(at);
    else if (colon && (!slash || colon < slash))
        at = colon + 1;
    while (*at == '/')
        at++;
    size_t length = strlen(at);
    while (length && at[length - 1] == '/')
        length--;
    if (length > 4 && strncmp(at + length - 4, ".git", 4) == 0)
        length -= 4;
    *ret_path = at;
    return length;
}

static bool same_path(const char *one, const char *other)
{
    const char *a = NULL;
    const char *b = NULL;
    size_t length = path_of(one, &a);
    return length && length == path_of(other, &b) && strncasecmp(a, b, length) == 0;
}

static bool same_ref(const char *ref, const char *revision)
{
    static const char *const prefixes[] = {"refs/heads/", "refs/tags/"};
    if (!revision || strcmp(ref, revision) == 0)
        return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(ref, prefixes[i], length) == 0 && strcmp(ref + length, revision) == 0)
            return true;
    }
    return false;
}

bool ek_push_concerns(const struct ek_push *push, const char *url, const char *revision)
{
    return (same_path(push->http_url, url) || same_path(push->ssh_url, url) ||
            same_path(push->repository, url)) &&
           same_ref(push->ref, revision);
}
