#include "drivers/host/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/place.h"
#include "drivers/host/process.h"
#include "drivers/host/server_arguments.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"

enum { CONFIGURATION_MAX = 1 << 20, TAIL_BYTES = 4096 };

int ek_owner_of(const char *user, struct ek_owner *ret_owner, struct ek_error *err)
{
    char space[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    *ret_owner = (struct ek_owner){(uid_t)-1, (gid_t)-1};
    if (!user || !*user)
        return 0;
    if (getpwnam_r(user, &entry, space, sizeof space, &found) != 0 || !found)
        return ek_fail(err, EK_NOT_FOUND, "EK-0419", "no user '%s' on this host", user);
    *ret_owner = (struct ek_owner){entry.pw_uid, entry.pw_gid};
    return 0;
}

void ek_file_done(struct ek_file *file)
{
    ek_buffer_wipe(&file->content);
}

int ek_host_file_read(const struct ek_file_question *question, struct ek_file *ret_file,
                      struct ek_error *err)
{
    int fd;
    struct stat status = {0};
    struct ek_buffer content = {0};
    int result = ek_host_file_open(question->path, &fd, err);
    if (result != 0)
        return result;
    (void)fstat(fd, &status);
    result = ek_file_read_all(fd, &(struct ek_file_limit){question->path, question->max, "EK-0415"},
                              &content, err);
    if (result == 0)
        *ret_file = (struct ek_file){.content = content,
                                     .modified_ms = (int64_t)status.st_mtim.tv_sec * 1000 +
                                                    (int64_t)(status.st_mtim.tv_nsec / 1000000)};
    return result;
}

int ek_mark_set(const char *path, pid_t old_pid, struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_buffer_printf(&text, "old pid %d\nbegun %lld\n", (int)old_pid, (long long)ek_wall_ms());
    const struct ek_file_content content = {path, text.bytes, text.length, 0644, false};
    int result = ek_buffer_check(&text, err);
    return result == 0 ? ek_host_file_write(&content, NULL, err) : result;
}

int ek_mark_clear(const char *path, struct ek_error *err)
{
    if (!ek_mark_is_set(path))
        return 0;
    int result = ek_host_file_remove(path, err);
    return result == EK_NOT_FOUND ? 0 : result;
}

bool ek_mark_is_set(const char *path)
{
    return access(path, F_OK) == 0;
}

int ek_host_configuration(const struct ek_host *host,
                          struct ek_server_configuration *ret_configuration, struct ek_error *err)
{
    EK_FILE file = {0};
    const struct ek_file_question question = {host->configuration, CONFIGURATION_MAX};
    struct ek_server_configuration none = {.port = 27017, .mode = EK_SSL_UNKNOWN};
    int result = ek_host_file_read(&question, &file, NULL);
    if (result == 0)
        result = ek_server_configuration_parse(ek_buffer_text(&file.content), file.content.length,
                                               host->configuration, ret_configuration, NULL);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    if (result != 0)
        *ret_configuration = none;
    return 0;
}

int ek_host_options_of(const struct ek_host *host, pid_t pid, const struct ek_buffer *next,
                       struct ek_host_options *ret_options, struct ek_error *err)
{
    EK_BUFFER running = {0};
    EK_FILE file = {0};
    const struct ek_file_question question = {host->configuration, CONFIGURATION_MAX};
    *ret_options = (struct ek_host_options){.lost = ""};
    int result = ek_process_command_line(pid, &running);
    if (result == EK_NO_MEMORY || next->failed)
        return ek_no_memory(err);
    bool unread = (result != 0 && result != EK_NOT_FOUND) || next->length == 0;
    if (unread)
        snprintf(ret_options->lost, sizeof ret_options->lost, "%s", EK_HOST_OPTIONS_UNREAD);
    if (result != 0 || unread)
        return 0;
    if (ek_host_file_read(&question, &file, NULL) == EK_NO_MEMORY)
        return ek_no_memory(err);
    const struct ek_server_start start = {
        &running, next, {ek_buffer_text(&file.content), file.content.length, question.path}};
    return ek_server_arguments_compare(&start, ret_options, err);
}

bool ek_directory_has_content(const char *path)
{
    DIR *directory = opendir(path);
    bool found = false;
    for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (directory)
        closedir(directory);
    return found;
}

/* "<time> E  NETWORK  […" up to 4.2, {"t":…,"s":"E",… later; F is fatal. */
static bool is_error_line(const char *line)
{
    if (*line == '{')
        return strstr(line, "\"s\":\"E\"") || strstr(line, "\"s\":\"F\"");
    const char *severity = strchr(line, ' ');
    return severity && strchr("EF", severity[1]) && severity[1] && severity[2] == ' ';
}

void ek_host_log_errors(char *lines, struct ek_buffer *ret_text)
{
    bool any = false;
    const char *last = "";
    char *rest = NULL;
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        last = line;
        if (!is_error_line(line))
            continue;
        ek_buffer_printf(ret_text, "%s%s", any ? " | " : "", line);
        any = true;
    }
    if (!any)
        ek_buffer_text_add(ret_text, last);
}

void ek_host_file_tail(const char *path, int64_t from, struct ek_buffer *ret_text)
{
    char bytes[TAIL_BYTES + 1];
    struct stat status;
    int fd;
    if (ek_host_file_open(path, &fd, NULL) != 0)
        return;
    ssize_t got = 0;
    if (fstat(fd, &status) == 0 && status.st_size > from) {
        off_t start = status.st_size - TAIL_BYTES > from ? status.st_size - TAIL_BYTES : from;
        got = pread(fd, bytes, TAIL_BYTES, start);
    }
    close(fd);
    bytes[got > 0 ? got : 0] = 0;
    ek_host_log_errors(bytes, ret_text);
}
