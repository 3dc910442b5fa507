#include "reconciler/base/secret_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/file.h"

enum { OTHERS = 0077, OTHERS_OF_CREDENTIAL = 0037 };

/* Root owns it, and an access control list lets our user read it, which stat shows as the group's
 * right. */
static bool is_credential(const char *path, const struct stat *status)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    size_t length = directory ? strlen(directory) : 0;
    return length && strncmp(path, directory, length) == 0 && path[length] == '/' &&
           !strstr(path + length, "/../") && status->st_uid == 0;
}

static int check(int fd, const struct ek_secret_file *file, struct ek_error *err)
{
    const char *path = file->path;
    struct stat status;
    if (fstat(fd, &status) != 0)
        return ek_fail_errno(err, file->unreadable, path);
    if (status.st_mode & (is_credential(path, &status) ? OTHERS_OF_CREDENTIAL : OTHERS)) {
        ek_fail(err, EK_DENIED, file->too_open,
                "%s has mode %04o; others than its owner may use it", path,
                (unsigned)status.st_mode & 07777);
        return ek_hint(err, "chmod 0600 %s", path);
    }
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return ek_fail(err, EK_DENIED, file->too_open, "%s belongs to user %u", path,
                       status.st_uid);
    return 0;
}

int ek_secret_file_read(const struct ek_secret_file *file, struct ek_buffer *ret_content,
                        struct ek_error *err)
{
    int fd;
    int result = ek_file_open(file->path, file->unreadable, &fd, err);
    if (result != 0)
        return result;
    result = check(fd, file, err);
    if (result != 0)
        return close(fd), result;
    return ek_file_read_all(fd, &(struct ek_file_limit){file->path, file->max, file->unreadable},
                            ret_content, err);
}
