#include "reconciler/lease/holder.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/proc.h"
#include "reconciler/base/time_text.h"

enum { PROC_MAX = 4096 };

/* Whether /proc tells of the processes that our pids mean: in a pid name space of its own a
 * process may still see another one's. */
static bool proc_is_ours(void)
{
    char target[24];
    ssize_t length = readlink("/proc/self", target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    return strtol(target, NULL, 10) == getpid();
}

static int stat_of(int64_t pid, struct ek_buffer *ret_text)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int result = ek_file_read(path, PROC_MAX, ret_text, NULL, NULL);
    return result == 0 && ret_text->length == 0 ? EK_NOT_FOUND : result;
}

static int this_boot(char *buffer, size_t size)
{
    EK_BUFFER text = {0};
    int result = ek_file_read("/proc/sys/kernel/random/boot_id", PROC_MAX, &text, NULL, NULL);
    if (result == 0)
        snprintf(buffer, size, "%.*s", (int)strcspn(ek_buffer_text(&text), "\n"),
                 ek_buffer_text(&text));
    return result;
}

static void this_space(char *buffer, size_t size)
{
    char target[64];
    ssize_t length = readlink("/proc/self/ns/pid", target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    snprintf(buffer, size, "%.*s", (int)size - 1, target);
}

static void this_user(char *buffer, size_t size)
{
    char space[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found)
        snprintf(buffer, size, "%s", entry.pw_name);
    else
        snprintf(buffer, size, "%u", (unsigned)geteuid());
}

int ek_lease_holder_self(const char *operation, int64_t ttl_ms, struct ek_lease_holder *ret_holder,
                         struct ek_error *err)
{
    struct ek_lease_holder holder = {.pid = getpid(), .ttl_ms = ttl_ms};
    unsigned char id[8];
    EK_BUFFER stat = {0};
    if (RAND_bytes(id, sizeof id) != 1)
        return ek_fail(err, EK_SYSTEM, "EK-0503", "the random generator gave nothing");
    ek_hex(id, sizeof id, holder.id);
    snprintf(holder.operation, sizeof holder.operation, "%s", operation);
    gethostname(holder.host, sizeof holder.host - 1);
    if (this_boot(holder.boot, sizeof holder.boot) == EK_NO_MEMORY)
        return ek_no_memory(err);
    this_space(holder.space, sizeof holder.space);
    this_user(holder.who, sizeof holder.who);
    ek_time_text(ek_wall_ms(), true, holder.since);
    int result = proc_is_ours() ? stat_of(getpid(), &stat) : EK_NOT_FOUND;
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    if (result == 0)
        holder.started =
            strtoll(ek_proc_stat_field(ek_buffer_text(&stat), EK_PROC_START), NULL, 10);
    *ret_holder = holder;
    return 0;
}

static const struct {
    const char *key;
    size_t offset, size;
} texts[] = {
#define TEXT(key)                                                                                  \
    {                                                                                              \
#key, offsetof(struct ek_lease_holder, key), sizeof((struct ek_lease_holder *)0)->key      \
    }
    TEXT(id), TEXT(operation), TEXT(who), TEXT(host), TEXT(boot), TEXT(space), TEXT(since),
#undef TEXT
};

int ek_lease_holder_write(const struct ek_lease_holder *holder, char text[static 512],
                          struct ek_error *err)
{
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value = (const char *)holder + texts[i].offset;
        ek_json_set(&json, texts[i].key, ek_json_text(value));
    }
    ek_json_set(&json, "pid", json_integer(holder->pid));
    ek_json_set(&json, "started", json_integer(holder->started));
    ek_json_set(&json, "ttl", json_integer(holder->ttl_ms));
    if (!json)
        return ek_no_memory(err);
    size_t used = json_dumpb(json, text, 511, JSON_COMPACT | JSON_SORT_KEYS);
    if (used > 511) { /* names full of escapes */
        for (size_t i = 1; i < 4; i++)
            ek_json_set(&json, texts[i].key, json_string("unknown"));
        used = json ? json_dumpb(json, text, 511, JSON_COMPACT | JSON_SORT_KEYS) : 0;
    }
    json_decref(json);
    if (used == 0)
        return ek_no_memory(err);
    text[used] = 0;
    return 0;
}

void ek_lease_holder_read(const char *text, struct ek_lease_holder *ret_holder)
{
    struct ek_lease_holder holder = {0};
    json_t *json = json_loads(text, 0, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *word = json_string_value(json_object_get(json, texts[i].key));
        snprintf((char *)&holder + texts[i].offset, texts[i].size, "%s", word ? word : "");
    }
    holder.pid = json_integer_value(json_object_get(json, "pid"));
    holder.started = json_integer_value(json_object_get(json, "started"));
    holder.ttl_ms = json_integer_value(json_object_get(json, "ttl"));
    json_decref(json);
    *ret_holder = holder;
}

/* A first thread that ended is a zombie while others still run. */
static bool has_ended(int64_t pid, int64_t started)
{
    EK_BUFFER text = {0};
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return true;
    if (!proc_is_ours() || stat_of(pid, &text) != 0)
        return false;
    const char *stat = ek_buffer_text(&text);
    if (strtoll(ek_proc_stat_field(stat, EK_PROC_START), NULL, 10) != started)
        return true;
    return strchr("ZX", *ek_proc_stat_field(stat, EK_PROC_STATE)) &&
           strtol(ek_proc_stat_field(stat, EK_PROC_THREADS), NULL, 10) <= 1;
}

bool ek_lease_holder_gone(const struct ek_lease_holder *holder)
{
    char boot[sizeof holder->boot] = "";
    char space[sizeof holder->space] = "";
    this_boot(boot, sizeof boot);
    this_space(space, sizeof space);
    return boot[0] && space[0] && strcmp(boot, holder->boot) == 0 &&
           strcmp(space, holder->space) == 0 && holder->pid > 0 && holder->pid <= INT32_MAX &&
           holder->started > 0 && has_ended(holder->pid, holder->started);
}
