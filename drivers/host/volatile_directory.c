/* A directory that lives in memory only: where a key password waits for the server. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "drivers/host/files.h"
#include "drivers/host/roots.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"

enum { UID_MAP_MAX = 1 << 16 };

static bool is_in_memory(int fd)
{
    struct statfs status;
    return fstatfs(fd, &status) == 0 &&
           (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

static bool is_usable_root(const char *path)
{
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool usable = fd >= 0 && is_in_memory(fd) && access(path, W_OK | X_OK) == 0;
    if (fd >= 0)
        close(fd);
    return usable;
}

/* In a user namespace the id 0 is an ordinary user's: the name in the shared /dev/shm is
 * made of the id that this user has outside. */
static unsigned long outer_user(void)
{
    enum { INSIDE, OUTSIDE, COUNT, FIELDS };
    unsigned long user = geteuid();
    EK_BUFFER map = {0};
    if (ek_file_read("/proc/self/uid_map", UID_MAP_MAX, &map, NULL, NULL) != 0)
        return user;
    for (const char *at = ek_buffer_text(&map); *at;) {
        unsigned long fields[FIELDS];
        for (size_t i = 0; i < FIELDS; i++) {
            char *end = NULL;
            fields[i] = strtoul(at, &end, 10);
            if (end == at)
                return user;
            at = end;
        }
        if (user >= fields[INSIDE] && user - fields[INSIDE] < fields[COUNT])
            return fields[OUTSIDE] + (user - fields[INSIDE]);
        at += strspn(at, " \n");
    }
    return user;
}

static int choose_base(char *ret_base, size_t size, struct ek_error *err)
{
    struct ek_host_roots roots = ek_host_roots();
    if (is_usable_root(roots.run))
        snprintf(ret_base, size, "%s/evenkeel", roots.run);
    else if (is_usable_root(roots.user_run))
        snprintf(ret_base, size, "%s/evenkeel", roots.user_run);
    else if (is_usable_root(roots.shm))
        snprintf(ret_base, size, "%s/evenkeel-%lu", roots.shm, outer_user());
    else
        return ek_fail(err, EK_UNSUPPORTED, "EK-0413", "neither %s nor %s is a writable tmpfs",
                       roots.run, roots.shm);
    return 0;
}

/* Made by us or found; in both cases it must be a real directory, in memory, its owner's. */
static int make_one(const char *path, mode_t mode, mode_t forbidden, uid_t wanted_owner,
                    struct ek_error *err)
{
    struct stat status;
    bool made = mkdir(path, mode) == 0;
    if (!made && errno != EEXIST)
        return ek_fail_errno(err, "EK-0413", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ek_fail_errno(err, "EK-0414", path);
    int result = 0;
    if (fstat(fd, &status) != 0)
        result = ek_fail_errno(err, "EK-0414", path);
    else if (!is_in_memory(fd))
        result = ek_fail(err, EK_UNSUPPORTED, "EK-0413", "%s is not in memory", path);
    else if (status.st_uid != geteuid() && status.st_uid != wanted_owner)
        result = ek_fail(err, EK_DENIED, "EK-0414", "%s belongs to user %u", path, status.st_uid);
    else if (made ? fchmod(fd, mode) != 0 : (status.st_mode & forbidden) != 0)
        result = ek_fail(err, EK_DENIED, "EK-0414", "%s has mode %04o", path,
                         (unsigned)status.st_mode & 07777);
    close(fd);
    return result;
}

static void short_digest(const char *text, char ret_hex[9])
{
    char hex[EK_SHA256_HEX_SIZE];
    ek_sha256_hex(text, strlen(text), hex);
    snprintf(ret_hex, 9, "%.8s", hex);
}

int ek_host_volatile_directory(const struct ek_host *host, const struct ek_owner *owner,
                               char *ret_path, size_t size, struct ek_error *err)
{
    char base[PATH_MAX / 2];
    char path[PATH_MAX];
    char name[EK_HOST_NAME_SIZE];
    char digest[9] = "";
    bool owned = owner && owner->user != (uid_t)-1;
    int result = choose_base(base, sizeof base, err);
    if (result == 0) /* servers' users pass through the base; what counts is inside */
        result = make_one(base, 0755, 0022, geteuid(), err);
    if (result != 0)
        return result;
    if (host->directory)
        short_digest(host->directory, digest);
    ek_host_name(host, name);
    int used = snprintf(path, sizeof path, "%s/%s%s%s", base, name, digest[0] ? "." : "", digest);
    if (used < 0 || (size_t)used >= sizeof path || (size_t)used >= size)
        return ek_fail(err, EK_INVALID, "EK-0413", "%s: name too long", path);
    result = make_one(path, 0700, 0077, owned ? owner->user : geteuid(), err);
    if (result == 0 && owned && chown(path, owner->user, owner->group) != 0)
        result = ek_fail_errno(err, "EK-0414", path);
    if (result == 0)
        memcpy(ret_path, path, (size_t)used + 1);
    return result;
}
