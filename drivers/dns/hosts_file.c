/* dns "hosts-file": names as lines of a hosts file, marked as ours; every other byte of the
 * file stays as it is. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/dns/drivers.h"
#include "drivers/dns/hosts_line.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/lock.h"
#include "reconciler/base/resolve.h"

enum { FILE_MAX = 16 << 20, LOCK_MS = 10000 };

/* An absent file is an empty one. */
static int read_hosts(const char *path, struct ek_buffer *ret_text, struct ek_error *err)
{
    int result = ek_file_read(path, FILE_MAX, ret_text, NULL, err);
    if (result == EK_NOT_FOUND)
        return 0;
    if (result != 0 && err)
        snprintf(err->id, sizeof err->id, "EK-0421");
    if (result == 0 && ret_text->length > 0 && memchr(ret_text->bytes, 0, ret_text->length))
        return ek_fail(err, EK_INVALID, "EK-0421", "%s is not a text", path);
    return result;
}

static int list(const struct ek_dns_zone *zone, const char *mark,
                struct ek_dns_records *ret_records, struct ek_error *err)
{
    EK_BUFFER text = {0};
    size_t count = 0;
    int result = read_hosts(zone->path, &text, err);
    if (result != 0)
        return result;
    for (const char *line = ek_buffer_text(&text); *line; line = ek_hosts_line_end(line)) {
        struct ek_dns_record record;
        if (!ek_hosts_line_record(line, &record) || (mark && strcmp(mark, record.mark) != 0))
            continue;
        if (count < ret_records->max)
            ret_records->at[count] = record;
        count++;
    }
    ret_records->count = count;
    return 0;
}

/* ---- changing the file ---- */

struct change {
    char path[PATH_MAX]; /* with symbolic links followed, so that they stay */
    int lock_fd;
    struct ek_buffer before;
};

static int take_lock(const char *path, int *ret_fd, struct ek_error *err)
{
    char lock_path[PATH_MAX];
    int used = snprintf(lock_path, sizeof lock_path, "%s.evenkeel-lock", path);
    if (used < 0 || (size_t)used >= sizeof lock_path)
        return ek_fail(err, EK_INVALID, "EK-0421", "%s: name too long", path);
    int result = ek_lock_take(lock_path, "EK-0421", ek_monotonic_ms() + LOCK_MS, ret_fd, err);
    return result == EK_LOCKED ? ek_fail(err, EK_LOCKED, "EK-0425", "%s is locked", lock_path)
                               : result;
}

static int begin(const struct ek_dns_zone *zone, struct change *change, struct ek_error *err)
{
    *change = (struct change){.lock_fd = -1};
    char *resolved = realpath(zone->path, NULL);
    snprintf(change->path, sizeof change->path, "%s", resolved ? resolved : zone->path);
    free(resolved);
    int result = take_lock(change->path, &change->lock_fd, err);
    return result ? result : read_hosts(change->path, &change->before, err);
}

static void end(struct change *change)
{
    if (change->lock_fd >= 0)
        close(change->lock_fd); /* the lock file stays: removing it would let two in at once */
    ek_buffer_done(&change->before);
}

/* A hosts file that is itself a mount point (containers, sandboxes) can't be renamed over:
 * only there it is written in place. */
static int write_in_place(const char *path, const struct ek_buffer *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    int result = ek_fd_write_all(fd, ek_buffer_text(text), text->length);
    if (result == 0)
        result = ftruncate(fd, (off_t)text->length);
    if (result == 0)
        result = fsync(fd);
    close(fd);
    return result;
}

static int prepare(int fd, const char *path, const struct ek_buffer *text)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    struct stat fresh;
    if (there && fstat(fd, &fresh) == 0 &&
        (fresh.st_uid != status.st_uid || fresh.st_gid != status.st_gid) &&
        fchown(fd, status.st_uid, status.st_gid) != 0)
        return -1;
    if (fchmod(fd, there ? status.st_mode & 07777 : 0644) != 0)
        return -1;
    return ek_fd_write_all(fd, ek_buffer_text(text), text->length) == 0 ? fsync(fd) : -1;
}

static int replace(const char *path, const struct ek_buffer *text, struct ek_error *err)
{
    char temporary[PATH_MAX + 16];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return ek_fail_errno(err, "EK-0421", path);
    int result = prepare(fd, path, text);
    int number = errno;
    close(fd);
    if (result == 0 && rename(temporary, path) != 0) {
        number = errno;
        result = -1;
    }
    if (result != 0)
        unlink(temporary);
    if (result != 0 && number == EBUSY) {
        result = write_in_place(path, text);
        number = errno;
    } else if (result == 0) {
        result = ek_directory_sync_of(path);
        number = errno;
    }
    errno = number;
    return result == 0 ? 0 : ek_fail_errno(err, "EK-0421", path);
}

static int commit(const struct change *change, const struct ek_buffer *after, struct ek_error *err)
{
    if (after->length == change->before.length &&
        (after->length == 0 || memcmp(after->bytes, change->before.bytes, after->length) == 0))
        return 0;
    return replace(change->path, after, err);
}

static bool is_ours(const char *line, const char *name, const char *mark)
{
    struct ek_dns_record found;
    return ek_hosts_line_record(line, &found) && strcasecmp(found.name, name) == 0 &&
           strcmp(found.mark, mark) == 0;
}

static int check_others(const struct ek_buffer *text, const struct ek_dns_record *record,
                        struct ek_error *err)
{
    char address[64];
    for (const char *line = ek_buffer_text(text); *line; line = ek_hosts_line_end(line))
        if (!is_ours(line, record->name, record->mark) &&
            ek_hosts_line_binds(line, record->name, address, sizeof address) &&
            !ek_same_address(address, record->address))
            return ek_fail(err, EK_CONFLICT, "EK-0420",
                           "%s is bound to %s by another line, not to %s", record->name, address,
                           record->address);
    return 0;
}

static int bind_record(const struct ek_dns_zone *zone, const struct ek_dns_record *record,
                       struct ek_error *err)
{
    struct change change;
    EK_BUFFER after = {0};
    bool written = false;
    int result = ek_hosts_record_check(record, err);
    if (result != 0)
        return result;
    result = begin(zone, &change, err);
    if (result == 0)
        result = check_others(&change.before, record, err);
    for (const char *line = ek_buffer_text(&change.before); result == 0 && *line;) {
        const char *next = ek_hosts_line_end(line);
        bool ours = is_ours(line, record->name, record->mark);
        if (ours && !written)
            ek_hosts_line_write(record, &after);
        else if (!ours)
            ek_buffer_add(&after, line, (size_t)(next - line));
        written |= ours;
        line = next;
    }
    if (!written) {
        if (after.length > 0 && after.bytes[after.length - 1] != '\n')
            ek_buffer_text_add(&after, "\n");
        ek_hosts_line_write(record, &after);
    }
    if (result == 0)
        result = ek_buffer_check(&after, err);
    if (result == 0)
        result = commit(&change, &after, err);
    end(&change);
    return result;
}

static int unbind(const struct ek_dns_zone *zone, const char *name, const char *mark,
                  struct ek_error *err)
{
    struct change change;
    EK_BUFFER after = {0};
    int result = begin(zone, &change, err);
    for (const char *line = ek_buffer_text(&change.before); result == 0 && *line;) {
        const char *next = ek_hosts_line_end(line);
        if (!is_ours(line, name, mark))
            ek_buffer_add(&after, line, (size_t)(next - line));
        line = next;
    }
    if (result == 0)
        result = ek_buffer_check(&after, err);
    if (result == 0 && after.length == change.before.length)
        result = ek_fail(err, EK_NOT_FOUND, "EK-0423", "no record of %s for %s", name, mark);
    if (result == 0)
        result = commit(&change, &after, err);
    end(&change);
    return result;
}

/* ---- look up ---- */

static int resolve(const char *name, int64_t deadline, struct ek_dns_address *ret_address,
                   struct ek_error *err)
{
    struct addrinfo *found = NULL;
    struct ek_dns_address address;
    int result = ek_resolve(name, 0, deadline, &found, err);
    if (result != 0)
        return result;
    int number = getnameinfo(found->ai_addr, found->ai_addrlen, address.text, sizeof address.text,
                             NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    if (number != 0)
        return ek_fail(err, EK_UNREACHABLE, "EK-0424", "the address of %s can't be written: %s",
                       name, gai_strerror(number));
    *ret_address = address;
    return 0;
}

static int look_up(const struct ek_dns_zone *zone, const char *name, int64_t deadline,
                   struct ek_dns_address *ret_address, struct ek_error *err)
{
    EK_BUFFER text = {0};
    int result = read_hosts(zone->path, &text, err);
    if (result != 0)
        return result;
    for (const char *line = ek_buffer_text(&text); *line; line = ek_hosts_line_end(line))
        if (ek_hosts_line_binds(line, name, ret_address->text, sizeof ret_address->text))
            return 0;
    return resolve(name, deadline, ret_address, err);
}

const struct ek_dns_driver ek_dns_hosts_file = {
    .name = "hosts-file",
    .list = list,
    .bind = bind_record,
    .unbind = unbind,
    .look_up = look_up,
};
