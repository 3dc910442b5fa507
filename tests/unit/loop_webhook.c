#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/loop/journal.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/webhook.h"

struct pair {
    const char *name;
    const char *value;
};

static const char *header(const void *context, const char *name)
{
    for (const struct pair *pair = context; pair->name; pair++)
        if (strcasecmp(pair->name, name) == 0)
            return pair->value;
    return NULL;
}

static int read_with(const char *secret_text, const struct pair *headers, const char *body,
                     struct ek_push *push, struct ek_error *err)
{
    EK_SECRET *secret = ek_secret_new(secret_text, strlen(secret_text));
    const struct ek_webhook_request request = {
        .hook = "", .body = body, .length = strlen(body), .header = header, .context = headers};
    return ek_webhook_read(&request, secret, push, err);
}

/* Signed by the library itself: what a git host does. */
static void sign(const char *secret, const char *body, const char *prefix, char signature[128])
{
    unsigned char digest[32];
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)body, strlen(body),
         digest, NULL);
    int used = snprintf(signature, 128, "%s", prefix);
    for (size_t i = 0; i < sizeof digest; i++)
        used += snprintf(signature + used, 128 - (size_t)used, "%02x", digest[i]);
}

static const char secret[] = "It's a Secret to Everybody";

static const char github[] =
    "{\"ref\":\"refs/heads/main\",\"after\":\"6113728f27ae82c7b1a177c8d03f9e96e0adf246\","
    "\"deleted\":false,\"repository\":{\"full_name\":\"acme/specs\",\"clone_url\":"
    "\"https://github.com/acme/specs.git\",\"ssh_url\":\"git@github.com:acme/specs.git\"}}";
static const char gitlab[] =
    "{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"after\":"
    "\"0000000000000000000000000000000000000000\",\"checkout_sha\":null,\"project\":{"
    "\"path_with_namespace\":\"ops/acme/specs\",\"git_http_url\":"
    "\"https://git.example.net/ops/acme/specs.git\",\"git_ssh_url\":"
    "\"git@git.example.net:ops/acme/specs.git\"}}";

/* ---- the secret's file --------------------------------------------------------------------- */

static void a_secret_that_others_may_read_is_refused(void **state)
{
    static const mode_t open_modes[] = {0640, 0604, 0660, 0610, 0644};
    char path[] = "/tmp/evenkeel-hook-XXXXXX";
    int fd = mkstemp(path);
    EK_SECRET *found = NULL;
    struct ek_error err = {0};
    (void)state;
    assert_int_equal(write(fd, "0123456789abcdef\n", 17), 17);
    close(fd);
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        assert_int_equal(ek_webhook_secret(path, &found, &err), EK_DENIED);
        assert_string_equal(err.id, "EK-1354");
        assert_non_null(strstr(err.hint, "chmod 0600 "));
    }
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(ek_webhook_secret(path, &found, &err), 0);
    assert_int_equal(ek_secret_length(found), 16);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    EK_SECRET *none = NULL;
    assert_int_equal(ek_webhook_secret(path, &none, &err), EK_INVALID);
    assert_int_equal(unlink(path), 0);
}

/* ---- signatures --------------------------------------------------------------------------- */

/* The pair that GitHub's documentation gives to test an implementation with. */
static void githubs_own_example(void **state)
{
    (void)state;
    struct pair headers[] = {
        {"X-Hub-Signature-256",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        {"X-GitHub-Event", "push"},
        {NULL, NULL}};
    struct ek_push push;
    struct ek_error err = {0};
    assert_int_equal(read_with(secret, headers, "Hello, World!", &push, &err), EK_INVALID);
    assert_string_equal(err.id, "EK-1353"); /* right signature, no push */
    assert_int_equal(read_with(secret, headers, "Hello, World?", &push, &err), EK_DENIED);
    assert_int_equal(read_with("It's a Secret to Nobody", headers, "Hello, World!", &push, &err),
                     EK_DENIED);
    headers[0].value = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_int_equal(read_with(secret, headers, "Hello, World!", &push, &err), EK_DENIED);
    headers[0].value = "sha1=757107ea0eb2509fc211221cce984b8a37570b6d";
    assert_int_equal(read_with(secret, headers, "Hello, World!", &push, &err), EK_DENIED);
    assert_string_equal(err.id, "EK-1352");
}

/* The example of the Standard Webhooks specification, which GitLab's signing tokens follow. */
static void the_example_of_standard_webhooks(void **state)
{
    (void)state;
    static const char body[] = "{\"test\": 2432232314}";
    static const char key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    struct pair headers[] = {
        {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
        {"webhook-timestamp", "1614265330"},
        {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"X-Gitlab-Event", "Push Hook"},
        {NULL, NULL}};
    struct ek_push push;
    struct ek_error err = {0};
    assert_int_equal(read_with(key, headers, body, &push, &err), EK_INVALID);
    headers[2].value = "v2,abc v1,AAAM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                       "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_int_equal(read_with(key, headers, body, &push, &err), EK_INVALID);
    headers[2].value = "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_int_equal(read_with(key, headers, body, &push, &err), EK_DENIED);
    headers[2].value = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    headers[1].value = "1614265331";
    assert_int_equal(read_with(key, headers, body, &push, &err), EK_DENIED);
    headers[1] = (struct pair){"x", "y"};
    assert_int_equal(read_with(key, headers, body, &push, &err), EK_DENIED);
}

static void gitea_and_forgejo_send_plain_hex(void **state)
{
    (void)state;
    static const char *const hosts[][3] = {{"X-Gitea-Signature", "X-Gitea-Event", "gitea"},
                                           {"X-Forgejo-Signature", "X-Forgejo-Event", "forgejo"}};
    for (size_t i = 0; i < 2; i++) {
        char signature[128];
        sign(secret, github, "", signature);
        const struct pair headers[] = {
            {hosts[i][0], signature}, {hosts[i][1], "push"}, {NULL, NULL}};
        struct ek_push push;
        struct ek_error err = {0};
        assert_int_equal(read_with(secret, headers, github, &push, &err), 0);
        assert_string_equal(push.host, hosts[i][2]);
        assert_string_equal(push.repository, "acme/specs");
        signature[0] = signature[0] == '0' ? '1' : '0';
        assert_int_equal(read_with(secret, headers, github, &push, &err), EK_DENIED);
        signature[20] = 0;
        assert_int_equal(read_with(secret, headers, github, &push, &err), EK_DENIED);
    }
}

static void gitlab_sends_its_token(void **state)
{
    (void)state;
    struct pair headers[] = {
        {"X-Gitlab-Token", secret}, {"X-Gitlab-Event", "Push Hook"}, {NULL, NULL}};
    struct ek_push push;
    struct ek_error err = {0};
    assert_int_equal(read_with(secret, headers, gitlab, &push, &err), 0);
    assert_string_equal(push.host, "gitlab");
    assert_string_equal(push.repository, "ops/acme/specs");
    assert_string_equal(push.http_url, "https://git.example.net/ops/acme/specs.git");
    assert_true(push.deleted);
    headers[0].value = "It's a Secret to Everybod";
    assert_int_equal(read_with(secret, headers, gitlab, &push, &err), EK_DENIED);
    headers[0].value = "";
    assert_int_equal(read_with(secret, headers, gitlab, &push, &err), EK_DENIED);
    headers[0].name = "X-Other";
    assert_int_equal(read_with(secret, headers, gitlab, &push, &err), EK_DENIED);
    assert_non_null(strstr(err.sentence, "no signature"));
}

/* ---- what is pushed ----------------------------------------------------------------------- */

static int read_signed(const char *event, const char *body, struct ek_push *push,
                       struct ek_error *err)
{
    char signature[128];
    sign(secret, body, "sha256=", signature);
    const struct pair headers[] = {
        {"X-Hub-Signature-256", signature}, {"X-GitHub-Event", event}, {NULL, NULL}};
    return read_with(secret, headers, body, push, err);
}

static void a_push_is_read(void **state)
{
    (void)state;
    struct ek_push push;
    struct ek_error err = {0};
    assert_int_equal(read_signed("push", github, &push, &err), 0);
    assert_string_equal(push.host, "github");
    assert_string_equal(push.ref, "refs/heads/main");
    assert_string_equal(push.commit, "6113728f27ae82c7b1a177c8d03f9e96e0adf246");
    assert_string_equal(push.http_url, "https://github.com/acme/specs.git");
    assert_string_equal(push.ssh_url, "git@github.com:acme/specs.git");
    assert_false(push.deleted);
}

static void other_events_are_no_pushes(void **state)
{
    (void)state;
    static const char *const others[] = {"ping", "pull_request", "Push", "", "push\n", NULL};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct ek_push push;
        struct ek_error err = {0};
        assert_int_equal(read_signed(others[i], github, &push, &err), EK_UNSUPPORTED);
        assert_string_equal(err.id, "EK-1355");
    }
}

static void bodies_that_are_no_push(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "\"x\"",
        "{\"ref\":\"refs/heads/main\"}",
        "payload=%7B%7D",
        "{\"ref\":7,\"repository\":{\"full_name\":\"a/b\"}}",
        "{\"ref\":\"refs/heads/main\",\"repository\":\"a/b\"}",
        "{\"ref\":\"r\",\"ref\":\"s\",\"repository\":{\"full_name\":\"a/b\"}}",
        "{\"ref\":\"a\\u0000b\",\"repository\":{\"full_name\":\"a/b\"}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct ek_push push = {.host = "untouched"};
        struct ek_error err = {0};
        assert_int_equal(read_signed("push", bodies[i], &push, &err), EK_INVALID);
        assert_string_equal(err.id, "EK-1353");
        assert_string_equal(push.host, "untouched");
    }
}

static void whose_push_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *revision;
        bool concerns;
    } rows[] = {
        {"https://github.com/acme/specs.git", "main", true},
        {"https://github.com/acme/specs", "main", true},
        {"https://token@github.com/Acme/Specs.git/", NULL, true},
        {"git@github.com:acme/specs.git", "refs/heads/main", true},
        {"ssh://git@git.internal:2222/acme/specs.git", "main", true},
        {"https://github.com/acme/specs.git", "production", false},
        {"https://github.com/acme/specs.git", "mai", false},
        {"https://github.com/acme/specs2.git", "main", false},
        {"https://github.com/acme", "main", false},
        {"https://github.com", "main", false},
        {"", NULL, false},
    };
    struct ek_push push;
    struct ek_error err = {0};
    assert_int_equal(read_signed("push", github, &push, &err), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ek_push_concerns(&push, rows[i].url, rows[i].revision), rows[i].concerns);
    snprintf(push.ref, sizeof push.ref, "refs/tags/v1");
    assert_true(ek_push_concerns(&push, rows[0].url, "v1"));
}

/* ---- serving ------------------------------------------------------------------------------ */

struct serving {
    char directory[64];
    char path[96];
    struct ek_metrics *metrics;
    struct ek_journal *journal;
    struct ek_webhooks *webhooks;
    int log[2];
    int pushes;
};

static void on_push(void *context, const char *hook, const struct ek_push *push)
{
    struct serving *serving = context;
    assert_string_equal(hook, "specs");
    assert_string_equal(push->repository, "acme/specs");
    serving->pushes++;
}

static void write_secret(const struct serving *serving, const char *text, mode_t mode)
{
    FILE *file = fopen(serving->path, "w");
    fputs(text, file);
    fclose(file);
    chmod(serving->path, mode);
}

static int setup(void **state)
{
    struct serving *serving = calloc(1, sizeof *serving);
    snprintf(serving->directory, sizeof serving->directory, "/tmp/ek-webhook.XXXXXX");
    assert_non_null(mkdtemp(serving->directory));
    snprintf(serving->path, sizeof serving->path, "%s/secret", serving->directory);
    assert_int_equal(pipe(serving->log), 0);
    serving->metrics = ek_metrics_new();
    serving->journal = ek_journal_new(serving->log[1], EK_JOURNAL_JSON, EK_LEVEL_INFO);
    const struct ek_webhooks_setup setup_of = {.metrics = serving->metrics,
                                               .journal = serving->journal,
                                               .on_push = on_push,
                                               .context = serving};
    serving->webhooks = ek_webhooks_new(&setup_of);
    const struct ek_hook hook = {"specs", serving->path};
    assert_int_equal(ek_webhooks_set(serving->webhooks, &hook, 1, NULL), 0);
    write_secret(serving, "It's a Secret to Everybody\n", 0600);
    *state = serving;
    return 0;
}

static int teardown(void **state)
{
    struct serving *serving = *state;
    ek_webhooks_free(serving->webhooks);
    ek_journal_free(serving->journal);
    ek_metrics_free(serving->metrics);
    close(serving->log[0]);
    close(serving->log[1]);
    unlink(serving->path);
    rmdir(serving->directory);
    free(serving);
    return 0;
}

static int serve(struct serving *serving, const char *hook, const char *token_sent, char *reason)
{
    const struct pair headers[] = {
        {"X-Gitlab-Token", token_sent}, {"X-Gitlab-Event", "Push Hook"}, {NULL, NULL}};
    const struct ek_webhook_request request = {.hook = hook,
                                               .body = github,
                                               .length = strlen(github),
                                               .header = header,
                                               .context = headers};
    return ek_webhooks_serve(serving->webhooks, &request, reason, 256);
}

static size_t lines_logged(const struct serving *serving, char *text, size_t size)
{
    close(serving->log[1]);
    ssize_t got = read(serving->log[0], text, size - 1);
    size_t lines = 0;
    text[got > 0 ? got : 0] = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    return lines;
}

static void refusals_are_all_counted_and_logged_once(void **state)
{
    struct serving *serving = *state;
    char reason[256];
    char text[4096];
    for (int i = 0; i < 100; i++)
        assert_int_equal(serve(serving, "specs", "wrong", reason), 401);
    assert_true(ek_metrics_value(serving->metrics, EK_METRIC_WEBHOOKS,
                                 EK_LABELS("specs", "denied")) == 100);
    assert_true(ek_metrics_value(serving->metrics, EK_METRIC_ERRORS, EK_LABELS("EK-1352")) == 100);
    assert_int_equal(serving->pushes, 0);
    assert_int_equal(lines_logged(serving, text, sizeof text), 1);
    assert_non_null(strstr(text, "\"event\":\"webhook-refused\""));
    assert_non_null(strstr(text, "\"id\":\"EK-1352\""));
    assert_null(strstr(text, "Everybody"));
}

static void a_new_secret_counts_at_once(void **state)
{
    struct serving *serving = *state;
    char reason[256];
    assert_int_equal(serve(serving, "specs", secret, reason), 202);
    write_secret(serving, "another secret of theirs", 0600);
    assert_int_equal(serve(serving, "specs", secret, reason), 401);
    assert_int_equal(serve(serving, "specs", "another secret of theirs", reason), 202);
    assert_int_equal(serving->pushes, 2);
}

static void a_secret_that_is_none_lets_nobody_in(void **state)
{
    struct serving *serving = *state;
    char reason[256];
    write_secret(serving, "It's a Secret to Everybody\n", 0644);
    assert_int_equal(serve(serving, "specs", secret, reason), 503);
    assert_null(strstr(reason, serving->directory));
    write_secret(serving, "\n", 0600);
    assert_int_equal(serve(serving, "specs", "", reason), 503);
    write_secret(serving, "short\n", 0600);
    assert_int_equal(serve(serving, "specs", "short", reason), 503);
    unlink(serving->path);
    assert_int_equal(serve(serving, "specs", secret, reason), 503);
    assert_int_equal(serving->pushes, 0);
    assert_true(
        ek_metrics_value(serving->metrics, EK_METRIC_WEBHOOKS, EK_LABELS("specs", "failed")) == 4);
    write_secret(serving, secret, 0600);
    assert_int_equal(serve(serving, "specs", secret, reason), 202);
}

static void hooks_can_be_replaced(void **state)
{
    struct serving *serving = *state;
    char reason[256];
    const struct ek_hook hooks[] = {{"", serving->path}, {"other", serving->path}};
    assert_int_equal(serve(serving, "other", secret, reason), 404);
    assert_int_equal(ek_webhooks_set(serving->webhooks, hooks, 2, NULL), 0);
    assert_int_equal(serve(serving, "specs", secret, reason), 404);
    assert_int_equal(serve(serving, "other", "wrong", reason), 401);
    assert_int_equal(serve(serving, "", "wrong", reason), 401);
    assert_int_equal(ek_webhooks_set(serving->webhooks, NULL, 0, NULL), 0);
    assert_int_equal(serve(serving, "", "wrong", reason), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
        cmocka_unit_test(githubs_own_example),
        cmocka_unit_test(the_example_of_standard_webhooks),
        cmocka_unit_test(gitea_and_forgejo_send_plain_hex),
        cmocka_unit_test(gitlab_sends_its_token),
        cmocka_unit_test(a_push_is_read),
        cmocka_unit_test(other_events_are_no_pushes),
        cmocka_unit_test(bodies_that_are_no_push),
        cmocka_unit_test(whose_push_it_is),
        TEST(refusals_are_all_counted_and_logged_once),
        TEST(a_new_secret_counts_at_once),
        TEST(a_secret_that_is_none_lets_nobody_in),
        TEST(hooks_can_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
