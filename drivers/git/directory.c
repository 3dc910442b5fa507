/* Specs out of a plain directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/git/collection.h"
#include "drivers/git/git.h"

struct walk {
    struct ek_collection *collection;
    const char *root; /* as the caller named it, for messages */
};

static int fail_at(const struct walk *walk, const char *path, struct ek_error *err)
{
    int number = errno;
    EK_BUFFER whole = {0};
    ek_buffer_printf(&whole, "%s%s%s", walk->root, *path ? "/" : "", path);
    if (ek_buffer_check(&whole, err) != 0)
        return EK_NO_MEMORY;
    errno = number;
    return ek_fail_errno(err, "EK-0615", ek_buffer_text(&whole));
}

static int read_all(const struct walk *walk, int fd, const char *path, struct ek_error *err)
{
    struct stat status;
    EK_BUFFER content = {0};
    char chunk[16384];
    if (fstat(fd, &status) != 0)
        return fail_at(walk, path, err);
    if (!S_ISREG(status.st_mode))
        return ek_fail(err, EK_INVALID, "EK-0615", "%s is not a regular file", path);
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_at(walk, path, err);
        if (got == 0)
            break;
        ek_buffer_add(&content, chunk, (size_t)got);
        int result = ek_collection_allows(walk->collection, path, content.length, err);
        if (result != 0)
            return result;
    }
    int result = ek_buffer_check(&content, err);
    if (result == 0)
        result = ek_collection_allows(walk->collection, path, content.length, err);
    if (result == 0)
        result = ek_collection_add(walk->collection, path, content.bytes, content.length, err);
    return result;
}

static int walk_directory(const struct walk *walk, int fd, const char *path, int depth,
                          struct ek_error *err);

/* Other links stand for nothing that would be read. */
static int refuse_link(int directory, const char *name, const char *path, struct ek_error *err)
{
    struct stat target;
    if (ek_collection_takes(name))
        return ek_collection_link(path, err);
    bool folder = fstatat(directory, name, &target, 0) == 0 && S_ISDIR(target.st_mode);
    return folder && ek_collection_enters(name) ? ek_collection_folder_link(path, err) : 0;
}

/* O_NOFOLLOW everywhere: a name that became a link meanwhile is not followed either. O_NONBLOCK:
 * opening a pipe must not wait for its other end. */
static int walk_entry(const struct walk *walk, int directory, const char *path, int depth,
                      struct ek_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : fail_at(walk, path, err);
    if (S_ISLNK(status.st_mode))
        return refuse_link(directory, name, path, err);
    bool folder = S_ISDIR(status.st_mode);
    if (folder ? !ek_collection_enters(name) : !ek_collection_takes(name))
        return 0;
    int fd = openat(directory, name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (folder ? O_DIRECTORY : O_NONBLOCK));
    if (fd < 0)
        return fail_at(walk, path, err);
    if (folder)
        return walk_directory(walk, fd, path, depth + 1, err);
    int result = read_all(walk, fd, path, err);
    close(fd);
    return result;
}

/* Takes the descriptor. */
static int walk_directory(const struct walk *walk, int fd, const char *path, int depth,
                          struct ek_error *err)
{
    int result = ek_collection_depth(path, depth, err);
    DIR *stream = result == 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        if (result == 0)
            result = fail_at(walk, path, err);
        close(fd);
        return result;
    }
    for (struct dirent *found; result == 0 && (errno = 0, found = readdir(stream));) {
        EK_BUFFER below = {0};
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        ek_buffer_printf(&below, "%s%s%s", path, *path ? "/" : "", found->d_name);
        result = ek_buffer_check(&below, err);
        if (result == 0)
            result = walk_entry(walk, fd, ek_buffer_text(&below), depth, err);
    }
    if (result == 0 && errno != 0)
        result = fail_at(walk, path, err);
    closedir(stream);
    return result;
}

int ek_directory_read(const char *path, struct ek_spec_files *ret_files, struct ek_error *err)
{
    EK_COLLECTION collection = {0};
    struct walk walk = {.collection = &collection, .root = path};
    struct stat status;
    if (stat(path, &status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return ek_fail_errno(err, "EK-0615", path);
        return ek_fail(err, EK_NOT_FOUND, "EK-0601", "%s does not exist", path);
    }
    bool folder = S_ISDIR(status.st_mode);
    int fd = open(path, O_RDONLY | O_CLOEXEC | (folder ? O_DIRECTORY : O_NONBLOCK));
    if (fd < 0)
        return ek_fail_errno(err, "EK-0615", path);
    int result;
    if (folder) {
        result = walk_directory(&walk, fd, "", 0, err);
    } else {
        result = read_all(&walk, fd, path, err);
        close(fd);
    }
    return result == 0 ? ek_collection_finish(&collection, path, ret_files, err) : result;
}
