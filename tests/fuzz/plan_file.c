/* Plan files, as somebody may have changed them who can make a digest fit: `make fuzz
 * TARGET=plan_file`. They are refused as damaged or stale, or read as a plan. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reconciler/base/file.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/report/plan_report.h"
#include "specs/arena.h"
#include "tests/fuzz/hold.h"
#include "tests/model/cases.h"

enum { THREE = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each deployment's plan under its own name. */
static void name_plans(json_t *json)
{
    size_t i;
    json_t *deployment;
    json_array_foreach(json_object_get(json, "deployments"), i, deployment)
    {
        char hex[65];
        if (!json_is_object(deployment))
            continue;
        hold(ek_plan_json_name(deployment, hex, NULL) == 0);
        json_object_set_new(deployment, "plan", json_string(hex));
    }
}

/* The document with the digest that belongs to it; what is no document stays as it is. */
static char *with_digest(const uint8_t *data, size_t size, size_t *ret_length)
{
    char hex[65];
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    char *text = NULL;
    if (json_is_object(json)) {
        name_plans(json);
        hold(ek_plan_json_digest(json, hex, NULL) == 0);
        json_object_set_new(json, "sha256", json_string(hex));
        text = json_dumps(json, JSON_COMPACT);
    }
    json_decref(json);
    if (text) {
        *ret_length = strlen(text);
        return text;
    }
    text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    *ret_length = size;
    return text;
}

static void spec_digest_of(const char *text, size_t length, uint8_t digest[32])
{
    json_t *json = json_loadb(text, length, 0, NULL);
    const char *hex = json_string_value(
        json_object_get(json_array_get(json_object_get(json, "deployments"), 0), "spec_digest"));
    memset(digest, 0, 32);
    for (size_t i = 0; hex && i < 32 && strlen(hex) == 64; i++) {
        const char pair[] = {hex[2 * i], hex[2 * i + 1], 0};
        digest[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    json_decref(json);
}

static void read_deployments(const struct ek_plan_file *file, const uint8_t digest[32])
{
    static struct model_case c;
    struct ek_plan_source source;
    struct ek_plan plan;
    struct ek_error err = {0};
    EK_BUFFER moved = {0};
    ek_plan_file_source(file, &source);
    for (size_t i = 0; i < ek_plan_file_count(file); i++) {
        model_case_init(&c, THREE, EK_SSL_DISABLED, EK_SSL_PREFER, 0);
        int result = ek_plan_file_current(file, i, &c.spec, digest, &err);
        if (result == 0)
            result = ek_plan_file_policy(file, i, &c.spec, &c.policy, &err);
        if (result == 0)
            result = ek_plan_file_plan(file, i, &c.spec, &plan, &err);
        if (result == 0) {
            (void)ek_plan_find(&plan, plan.digests[0]);
            ek_plan_done(&plan);
        } else if (!err.id[0]) {
            abort();
        }
        ek_plan_file_moved(file, i, EK_SITUATION(&c.spec, c.state, &c.policy), &moved, NULL);
    }
}

/* As show does it. */
static void show_deployments(const struct ek_plan_file *file)
{
    for (size_t i = 0; i < ek_plan_file_count(file); i++) {
        struct ek_arena *arena = ek_arena_new();
        struct ek_planned planned;
        struct ek_error err = {0};
        EK_BUFFER text = {0};
        struct ek_plan_set set = {.planned = &planned, .count = 1, .name = ek_plan_file_name(file)};
        if (ek_plan_file_show(file, i, arena, &planned, &err) == 0) {
            ek_plan_file_source(file, &set.source);
            ek_plan_text(&set, false, &text);
            ek_plan_markdown(&set, &text);
        } else if (!err.id[0]) {
            abort();
        }
        ek_arena_free(arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    uint8_t digest[32];
    struct ek_plan_file *file = NULL;
    struct ek_error err = {0};
    size_t length = 0;
    char *text = with_digest(data, size, &length);
    int fd = memfd_create("plan", MFD_CLOEXEC);
    if (fd < 0 || ek_fd_write_all(fd, text, length) != 0)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = ek_plan_file_read(path, &file, &err);
    close(fd);
    if (result == 0) {
        spec_digest_of(text, length, digest);
        read_deployments(file, digest);
        show_deployments(file);
        ek_plan_file_free(file);
    } else if (!err.id[0]) {
        abort();
    }
    free(text);
    return 0;
}
