#include "drivers/host/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/roots.h"

enum { LINKS_MAX = 40, STICKY = S_ISVTX };

void ek_host_place_done(struct ek_host_place *place)
{
    if (place->directory > 0)
        close(place->directory);
    place->directory = -1;
}

/* A walk in progress: the directory it is in and what is left of the path. */
struct walk {
    const char *path; /* as it was given, for messages */
    const struct ek_host_way *way;
    int directory;
    bool open_to_others; /* somebody else could have put what stands here or on the way here */
    int links;
    char rest[PATH_MAX];
};

static int fail(const struct walk *walk, struct ek_error *err)
{
    return ek_fail_errno(err, "EK-0415", walk->path);
}

static int too_long(const struct walk *walk, struct ek_error *err)
{
    return ek_fail(err, EK_INVALID, "EK-0415", "%s: name too long", walk->path);
}

/* Root, we, or whoever owns the root directory: in a user namespace root has another number. */
static bool is_trusted(uid_t user)
{
    struct stat root;
    return user == 0 || user == geteuid() || (stat("/", &root) == 0 && user == root.st_uid);
}

static bool others_write(const struct stat *directory)
{
    if (!is_trusted(directory->st_uid))
        return true;
    if (directory->st_mode & STICKY) /* there nobody takes the place of another's entry */
        return false;
    bool our_group = directory->st_gid == 0 || directory->st_gid == getegid();
    return (directory->st_mode & S_IWOTH) || ((directory->st_mode & S_IWGRP) && !our_group);
}

/* Takes the descriptor. */
static int enter(struct walk *walk, int directory, struct ek_error *err)
{
    struct stat status;
    if (walk->directory >= 0)
        close(walk->directory);
    walk->directory = directory;
    if (directory < 0 || fstat(directory, &status) != 0)
        return fail(walk, err);
    walk->open_to_others |= others_write(&status);
    return 0;
}

static int begin(struct walk *walk, struct ek_error *err)
{
    walk->open_to_others = false;
    return enter(walk, open(*walk->rest == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC), err);
}

/* The next name of the path; *ret_last tells whether it is the one that the path is about. */
static int take_name(struct walk *walk, char name[NAME_MAX + 1], bool *ret_last,
                     struct ek_error *err)
{
    const char *at = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(at, "/");
    if (length > NAME_MAX)
        return too_long(walk, err);
    *ret_last = at[length] == 0;
    if (length == 0 ||
        (*ret_last && (strncmp(at, ".", length) == 0 || strncmp(at, "..", length) == 0)))
        return ek_fail(err, EK_INVALID, "EK-0415", "%s names no file", walk->path);
    memcpy(name, at, length);
    name[length] = 0;
    memmove(walk->rest, at + length, strlen(at + length) + 1);
    return 0;
}

static int refuse_link(const struct walk *walk, const char *name, uid_t user, struct ek_error *err)
{
    ek_fail(err, EK_DENIED, "EK-0427", "%s: the link '%s' on the way there is not followed",
            walk->path, name);
    return ek_hint(err, "it belongs to user %u, or others may write to the directory it stands in",
                   user);
}

static int follow(struct walk *walk, const char *name, const struct stat *link,
                  struct ek_error *err)
{
    char target[PATH_MAX];
    char rest[PATH_MAX];
    if (walk->open_to_others || !is_trusted(link->st_uid))
        return refuse_link(walk, name, link->st_uid, err);
    ssize_t length = readlinkat(walk->directory, name, target, sizeof target - 1);
    if (length < 0)
        return fail(walk, err);
    target[length] = 0;
    if (++walk->links > LINKS_MAX)
        return errno = ELOOP, fail(walk, err);
    int used = snprintf(rest, sizeof rest, "%s%s", target, walk->rest);
    if (used < 0 || (size_t)used >= sizeof rest)
        return too_long(walk, err);
    memcpy(walk->rest, rest, (size_t)used + 1);
    return *target == '/' ? begin(walk, err) : 0;
}

/* Ours, so that the server's user can't rearrange it; of the server's group, which may pass. */
static int make(struct walk *walk, const char *name, struct ek_error *err)
{
    const struct ek_owner *owner = walk->way->owner;
    struct stat status;
    bool made = mkdirat(walk->directory, name, 0750) == 0;
    if (!made && errno != EEXIST)
        return fail(walk, err);
    int fd = openat(walk->directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(walk, err);
    bool hand_on =
        owner && owner->group != (gid_t)-1 && fstat(fd, &status) == 0 && status.st_uid == geteuid();
    bool good = !hand_on || fchown(fd, (uid_t)-1, owner->group) == 0;
    if (made && hand_on && good) /* whatever our umask is */
        good = fchmod(fd, 0750) == 0;
    if (!good) {
        int result = fail(walk, err);
        close(fd);
        return result;
    }
    return enter(walk, fd, err);
}

/* Whether the walk stands in a directory that Evenkeel alone has business in. */
static bool is_below_our_root(const struct walk *walk)
{
    const char *root = ek_host_roots().certificates;
    size_t length = root ? strlen(root) : 0;
    size_t walked = strlen(walk->path) - strlen(walk->rest);
    return length > 0 && walk->links == 0 && strncmp(walk->path, root, length) == 0 &&
           walk->path[length] == '/' && walked >= length;
}

/* Earlier versions gave such directories to the server's user, who could then lead the programs
 * that make keys there astray. Nobody but us can swap what stands here, so it is what we looked at.
 */
static int take_back(struct walk *walk, const char *name, struct ek_error *err)
{
    int fd = openat(walk->directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(walk, err);
    if (fchown(fd, geteuid(), walk->way->owner->group) != 0 || fchmod(fd, 0750) != 0) {
        int result = fail(walk, err);
        close(fd);
        return result;
    }
    return enter(walk, fd, err);
}

static int go_into(struct walk *walk, const char *name, struct ek_error *err)
{
    struct stat status;
    if (fstatat(walk->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT && walk->way->make ? make(walk, name, err) : fail(walk, err);
    if (S_ISLNK(status.st_mode))
        return follow(walk, name, &status, err);
    const struct ek_owner *owner = walk->way->owner;
    if (walk->way->make && owner && status.st_uid == owner->user && owner->user != geteuid() &&
        !walk->open_to_others && is_below_our_root(walk))
        return take_back(walk, name, err);
    int fd = openat(walk->directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? fail(walk, err) : enter(walk, fd, err);
}

static int go(struct walk *walk, char name[NAME_MAX + 1], struct ek_error *err)
{
    for (;;) {
        bool last = false;
        struct stat status;
        int result = take_name(walk, name, &last, err);
        if (result == 0 && last) {
            bool link = walk->way->follow &&
                        fstatat(walk->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISLNK(status.st_mode);
            if (!link)
                return 0;
            result = follow(walk, name, &status, err);
        } else if (result == 0) {
            result = go_into(walk, name, err);
        }
        if (result != 0)
            return result;
    }
}

int ek_host_place_find(const char *path, const struct ek_host_way *way,
                       struct ek_host_place *ret_place, struct ek_error *err)
{
    struct walk walk = {.path = path, .way = way, .directory = -1};
    struct ek_host_place place = {.directory = -1};
    int used = snprintf(walk.rest, sizeof walk.rest, "%s", path);
    if (used < 0 || (size_t)used >= sizeof walk.rest)
        return too_long(&walk, err);
    int result = begin(&walk, err);
    if (result == 0)
        result = go(&walk, place.name, err);
    place.directory = walk.directory;
    if (result == 0)
        *ret_place = place;
    else
        ek_host_place_done(&place);
    return result;
}

int ek_host_file_open(const char *path, int *ret_fd, struct ek_error *err)
{
    static const struct ek_host_way way = {.follow = true};
    EK_HOST_PLACE place = {.directory = -1};
    struct stat status;
    int result = ek_host_place_find(path, &way, &place, err);
    if (result != 0)
        return result;
    int fd = openat(place.directory, place.name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENXIO)
        return ek_fail(err, EK_INVALID, "EK-0415", "%s is not a regular file", path);
    if (fd < 0)
        return ek_fail_errno(err, "EK-0415", path);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return ek_fail(err, EK_INVALID, "EK-0415", "%s is not a regular file", path);
    }
    *ret_fd = fd;
    return 0;
}
