#include "scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const EVP_MD *digest(enum scram_kind kind)
{
    return kind == SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static size_t digest_len(enum scram_kind kind)
{
    return kind == SCRAM_SHA_1 ? 20 : 32;
}

const char *scram_name(enum scram_kind kind)
{
    return kind == SCRAM_SHA_1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256";
}

bool scram_kind_from(const char *name, enum scram_kind *ret_kind)
{
    if (strcmp(name, "SCRAM-SHA-1") == 0)
        *ret_kind = SCRAM_SHA_1;
    else if (strcmp(name, "SCRAM-SHA-256") == 0)
        *ret_kind = SCRAM_SHA_256;
    else
        return false;
    return true;
}

static char *base64(const uint8_t *data, size_t n)
{
    char *out = xalloc((n + 2) / 3 * 4 + 1);

    EVP_EncodeBlock((unsigned char *)out, data, (int)n);
    return out;
}

/* Decodes at most `size` bytes; -1 when it isn't base64 or is longer. */
static int unbase64(const char *text, size_t len, uint8_t *to, size_t size)
{
    uint8_t buf[512];
    int n, pad = 0;

    if (len % 4 != 0 || len > sizeof buf)
        return -1;
    n = EVP_DecodeBlock(buf, (const unsigned char *)text, (int)len);
    while (pad < 2 && (size_t)pad < len && text[len - 1 - (size_t)pad] == '=')
        pad++;
    n -= pad;
    if (n < 0 || (size_t)n > size)
        return -1;
    memcpy(to, buf, (size_t)n);
    return n;
}

static void hmac(enum scram_kind kind, const uint8_t *key, const char *text, uint8_t *out)
{
    unsigned int n;

    HMAC(digest(kind), key, (int)digest_len(kind), (const unsigned char *)text, strlen(text), out,
         &n);
}

static void hash(enum scram_kind kind, const uint8_t *data, uint8_t *out)
{
    unsigned int n;

    EVP_Digest(data, digest_len(kind), out, &n, digest(kind), NULL);
}

/* SCRAM-SHA-1 here takes the old digest of user and password, not the password. Without a user
 * (NULL) the password is that digest. */
static void salted(enum scram_kind kind, const char *user, const char *password,
                   const struct scram_keys *k, uint8_t *out)
{
    char hex[33];

    if (kind == SCRAM_SHA_1 && user != NULL) {
        char *text = xprintf("%s:mongo:%s", user, password);
        uint8_t md[EVP_MAX_MD_SIZE];
        unsigned int n;

        EVP_Digest(text, strlen(text), md, &n, EVP_md5(), NULL);
        free(text);
        for (int i = 0; i < 16; i++)
            put(hex + 2 * i, 3, "%02x", md[i]);
        password = hex;
    }
    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), k->salt, (int)k->salt_len, k->iterations,
                      digest(kind), (int)digest_len(kind), out);
}

void scram_make(enum scram_kind kind, const char *user, const char *password,
                struct scram_keys *ret_keys)
{
    struct scram_keys k = {.iterations = kind == SCRAM_SHA_1 ? 10000 : 15000,
                           .salt_len = kind == SCRAM_SHA_1 ? 16 : 28,
                           .len = digest_len(kind)};

    random_bytes(k.salt, k.salt_len);
    scram_derive(kind, user, password, &k);
    *ret_keys = k;
}

void scram_derive(enum scram_kind kind, const char *user, const char *password,
                  struct scram_keys *k)
{
    uint8_t salted_password[32], client[32];

    salted(kind, user, password, k, salted_password);
    hmac(kind, salted_password, "Client Key", client);
    hash(kind, client, k->stored);
    hmac(kind, salted_password, "Server Key", k->server);
}

static void add_base64(bson_t *to, const char *key, const uint8_t *data, size_t n)
{
    char *text = base64(data, n);

    add_str(to, key, text);
    free(text);
}

void scram_to_doc(bson_t *to, enum scram_kind kind, const struct scram_keys *k)
{
    bson_t sub;

    bson_append_document_begin(to, scram_name(kind), -1, &sub);
    add_int(&sub, "iterationCount", k->iterations);
    add_base64(&sub, "salt", k->salt, k->salt_len);
    add_base64(&sub, "storedKey", k->stored, k->len);
    add_base64(&sub, "serverKey", k->server, k->len);
    bson_append_document_end(to, &sub);
}

static int from_base64(const bson_t *doc, const char *key, uint8_t *to, size_t size)
{
    const char *text = doc_str(doc, key, "");

    return unbase64(text, strlen(text), to, size);
}

bool scram_from_doc(const bson_t *credentials, enum scram_kind kind, struct scram_keys *ret_keys)
{
    struct scram_keys k = {.len = digest_len(kind)};
    bson_t sub;
    int salt;

    if (!doc_sub(credentials, scram_name(kind), &sub))
        return false;
    k.iterations = (int32_t)doc_int(&sub, "iterationCount", 0);
    salt = from_base64(&sub, "salt", k.salt, sizeof k.salt);
    if (salt < 0 || from_base64(&sub, "storedKey", k.stored, 32) < 0 ||
        from_base64(&sub, "serverKey", k.server, 32) < 0)
        return false;
    k.salt_len = (size_t)salt;
    *ret_keys = k;
    return true;
}

/* The value of `x=` in a comma separated message; length in *n. */
static const char *attribute(const char *message, char name, size_t *n)
{
    for (const char *p = message; p != NULL && *p != '\0'; p = strchr(p, ',')) {
        if (*p == ',')
            p++;
        if (p[0] == name && p[1] == '=') {
            *n = strcspn(p + 2, ",");
            return p + 2;
        }
    }
    return NULL;
}

static char *new_nonce(void)
{
    uint8_t raw[24];

    random_bytes(raw, sizeof raw);
    return base64(raw, sizeof raw);
}

bool scram_server_begin(struct scram_server *s, const char *message)
{
    const char *bare = strstr(message, ",,"), *user, *nonce;
    size_t user_len, nonce_len, to = 0;
    char *mine;

    if (bare == NULL || message[0] != 'n')
        return false;
    bare += 2;
    user = attribute(bare, 'n', &user_len);
    nonce = attribute(bare, 'r', &nonce_len);
    if (user == NULL || nonce == NULL || user_len >= sizeof s->user)
        return false;
    for (size_t i = 0; i < user_len; i++) {
        char c = user[i];

        if (c == '=' && strncmp(user + i, "=2C", 3) == 0)
            c = ',', i += 2;
        else if (c == '=' && strncmp(user + i, "=3D", 3) == 0)
            i += 2;
        s->user[to++] = c;
    }
    s->user[to] = '\0';
    mine = new_nonce();
    s->client_bare = xstrdup(bare);
    s->nonce = xprintf("%.*s%s", (int)nonce_len, nonce, mine);
    free(mine);
    return true;
}

char *scram_server_first(struct scram_server *s)
{
    char *salt = base64(s->keys[0].salt, s->keys[0].salt_len);

    s->first = xprintf("r=%s,s=%s,i=%d", s->nonce, salt, s->keys[0].iterations);
    free(salt);
    return xstrdup(s->first);
}

static bool proof_is_good(const struct scram_server *s, const struct scram_keys *k,
                          const char *auth, const uint8_t *proof)
{
    uint8_t signature[32], client[32], stored[32];

    hmac(s->kind, k->stored, auth, signature);
    for (size_t i = 0; i < k->len; i++)
        client[i] = proof[i] ^ signature[i];
    hash(s->kind, client, stored);
    return memcmp(stored, k->stored, k->len) == 0;
}

char *scram_server_final(struct scram_server *s, const char *message)
{
    const char *proof_text = strstr(message, ",p="), *nonce;
    size_t nonce_len;
    uint8_t proof[32], signature[32];
    char *auth, *out = NULL;

    nonce = attribute(message, 'r', &nonce_len);
    if (proof_text == NULL || nonce == NULL || nonce_len != strlen(s->nonce) ||
        strncmp(nonce, s->nonce, nonce_len) != 0)
        return NULL;
    if (unbase64(proof_text + 3, strcspn(proof_text + 3, ","), proof, sizeof proof) !=
        (int)digest_len(s->kind))
        return NULL;
    auth = xprintf("%s,%s,%.*s", s->client_bare, s->first, (int)(proof_text - message), message);
    for (int i = 0; i < s->n_keys && out == NULL; i++) {
        char *text;

        if (!proof_is_good(s, &s->keys[i], auth, proof))
            continue;
        hmac(s->kind, s->keys[i].server, auth, signature);
        text = base64(signature, s->keys[i].len);
        out = xprintf("v=%s", text);
        free(text);
    }
    free(auth);
    return out;
}

void scram_server_done(struct scram_server *s)
{
    free(s->client_bare);
    free(s->first);
    free(s->nonce);
    memset(s, 0, sizeof *s);
}

char *scram_client_first(struct scram_client *c)
{
    c->nonce = new_nonce();
    c->bare = xprintf("n=%s,r=%s", c->user, c->nonce);
    return xprintf("n,,%s", c->bare);
}

/* Deriving a key takes milliseconds and members log in to each other often: the last results are
 * kept. */
static void salted_cached(const struct scram_client *c, const struct scram_keys *k, uint8_t *out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct {
        uint8_t salt[28], result[32];
        char *password;
        int32_t iterations;
    } cache[16];
    static unsigned int next;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < COUNT_OF(cache); i++) {
        if (cache[i].password != NULL && cache[i].iterations == k->iterations &&
            memcmp(cache[i].salt, k->salt, 28) == 0 &&
            strcmp(cache[i].password, c->password) == 0) {
            memcpy(out, cache[i].result, 32);
            pthread_mutex_unlock(&lock);
            return;
        }
    }
    pthread_mutex_unlock(&lock);
    memset(out, 0, 32);
    salted(c->kind, c->user, c->password, k, out);
    pthread_mutex_lock(&lock);
    free(cache[next].password);
    cache[next].password = xstrdup(c->password);
    cache[next].iterations = k->iterations;
    memcpy(cache[next].salt, k->salt, 28);
    memcpy(cache[next].result, out, 32);
    next = (next + 1) % COUNT_OF(cache);
    pthread_mutex_unlock(&lock);
}

char *scram_client_final(struct scram_client *c, const char *server_first)
{
    struct scram_keys k = {.len = digest_len(c->kind)};
    const char *nonce, *salt, *count;
    size_t nonce_len, salt_len, count_len;
    uint8_t sp[32], client[32], stored[32], signature[32], server[32];
    char *without, *auth, *proof, *out;
    int n;

    nonce = attribute(server_first, 'r', &nonce_len);
    salt = attribute(server_first, 's', &salt_len);
    count = attribute(server_first, 'i', &count_len);
    if (nonce == NULL || salt == NULL || count == NULL ||
        strncmp(nonce, c->nonce, strlen(c->nonce)) != 0)
        return NULL;
    n = unbase64(salt, salt_len, k.salt, sizeof k.salt);
    if (n < 0)
        return NULL;
    k.salt_len = (size_t)n;
    k.iterations = (int32_t)strtol(count, NULL, 10);
    salted_cached(c, &k, sp);
    hmac(c->kind, sp, "Client Key", client);
    hash(c->kind, client, stored);
    without = xprintf("c=biws,r=%.*s", (int)nonce_len, nonce);
    auth = xprintf("%s,%s,%s", c->bare, server_first, without);
    hmac(c->kind, stored, auth, signature);
    for (size_t i = 0; i < k.len; i++)
        client[i] ^= signature[i];
    hmac(c->kind, sp, "Server Key", server);
    hmac(c->kind, server, auth, c->expected);
    proof = base64(client, k.len);
    out = xprintf("%s,p=%s", without, proof);
    free(proof);
    free(auth);
    free(without);
    return out;
}

bool scram_client_check(struct scram_client *c, const char *server_final)
{
    size_t n;
    const char *v = attribute(server_final, 'v', &n);
    uint8_t got[32];

    return v != NULL && unbase64(v, n, got, sizeof got) == (int)digest_len(c->kind) &&
           memcmp(got, c->expected, digest_len(c->kind)) == 0;
}

void scram_client_done(struct scram_client *c)
{
    free(c->bare);
    free(c->nonce);
}
