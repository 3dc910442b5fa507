#include "reconciler/command/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/report/plan_report.h"

enum { POLL_MS = 200, NOTE_MAX = 4096 };

/* Who we are, for whoever finds the lock taken. */
static void write_note(int lock, const char *operation)
{
    unsigned char id[8] = {0};
    char hex[17];
    char since[32];
    char host[256] = "";
    struct passwd *user = getpwuid(geteuid());
    RAND_bytes(id, sizeof id);
    for (size_t i = 0; i < sizeof id; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    gethostname(host, sizeof host - 1);
    ek_time_text(ek_wall_ms(), true, since);
    json_t *note = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "id", hex, "operation", operation,
                             "who", user ? user->pw_name : "unknown", "host", host, "pid",
                             (int)getpid(), "since", since);
    char *text = json_dumps(note, JSON_COMPACT | JSON_SORT_KEYS);
    if (text && ftruncate(lock, 0) == 0 && pwrite(lock, text, strlen(text), 0) < 0)
        errno = 0; /* the note is for people; the lock itself holds */
    free(text);
    json_decref(note);
}

static int held(int lock, const struct ek_deployment_spec *spec, struct ek_error *err)
{
    char text[NOTE_MAX + 1];
    ssize_t length = pread(lock, text, NOTE_MAX, 0);
    json_t *note = length > 0 ? json_loadb(text, (size_t)length, 0, NULL) : NULL;
    const char *words[] = {"operation", "who", "host", "since", "id"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *word = json_string_value(json_object_get(note, words[i]));
        words[i] = word ? word : "unknown";
    }
    ek_fail(err, EK_LOCKED, "EK-0806",
            "%s is locked: %s by %s on %s, process %d, since %s (lock %s)", spec->name, words[0],
            words[1], words[2], (int)json_integer_value(json_object_get(note, "pid")), words[3],
            words[4]);
    json_decref(note);
    return ek_hint(err, "wait until it is done, or give --lock-timeout 10m");
}

static int open_file(const char *state_directory, const struct ek_deployment_spec *spec,
                     int *ret_lock, struct ek_error *err)
{
    EK_BUFFER path = {0};
    ek_buffer_printf(&path, "%s/locks", state_directory);
    int result = ek_directory_make(ek_buffer_text(&path), 0700, err);
    if (result != 0)
        return result;
    ek_buffer_printf(&path, "/%s-%s.lock", spec->account, spec->name);
    int lock = open(ek_buffer_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return ek_fail_errno(err, "EK-0502", ek_buffer_text(&path));
    *ret_lock = lock;
    return 0;
}

int ek_lock_take(const char *state_directory, const struct ek_deployment_spec *spec,
                 const char *operation, int64_t timeout_ms, int *ret_lock, struct ek_error *err)
{
    int lock = -1;
    int64_t deadline = ek_monotonic_ms() + timeout_ms;
    int result = open_file(state_directory, spec, &lock, err);
    if (result != 0)
        return result;
    while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            result = ek_fail_errno(err, "EK-0502", "the lock");
        else if (ek_time_left_ms(deadline) == 0)
            result = held(lock, spec, err);
        if (result != 0) {
            close(lock);
            return result;
        }
        ek_sleep_ms(POLL_MS);
    }
    write_note(lock, operation);
    *ret_lock = lock;
    return 0;
}

void ek_lock_release(int lock)
{
    if (lock < 0)
        return;
    if (ftruncate(lock, 0) != 0)
        errno = 0; /* an old note does no harm: only the lock counts */
    close(lock);
}
