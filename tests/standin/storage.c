/* File format: 8 bytes of magic, then per entry its length and CRC-32C (little endian) and the BSON
 * document. */
#include "storage.h"
#include "crash.h"
#include "log.h"
#include "node.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "SLOG0001";
static struct entry *entries;
static size_t count, room;
static size_t durable_count, synced_count; /* the same, unless broken on purpose */
static uint32_t truncations;
static int fd = -1, dir_fd = -1;
static int64_t file_end;

static uint32_t crc32c(const uint8_t *p, size_t n)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffffu;

    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;

            for (int k = 0; k < 8; k++)
                c = (c & 1u) != 0 ? 0x82f63b78u ^ (c >> 1) : c >> 1;
            table[i] = c;
        }
    }
    while (n-- > 0)
        crc = table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
    return ~crc;
}

_Noreturn static void fatal(const char *what)
{
    log_line('F', "STORAGE", "%s: %s", what, strerror(errno));
    log_line('F', "-", "Fatal Assertion 28559 at src/mongo/db/storage/standin");
    _exit(14);
}

static struct optime position(const bson_t *doc)
{
    struct optime t = OPTIME_NULL;
    bson_iter_t it;

    if (doc_find(doc, "ts", &it) && BSON_ITER_HOLDS_TIMESTAMP(&it))
        bson_iter_timestamp(&it, &t.secs, &t.inc);
    t.term = doc_int(doc, "t", -1);
    return t;
}

static void remember(bson_t *doc, int64_t end)
{
    if (count == room) {
        room = room == 0 ? 1024 : room * 2;
        entries = xrealloc(entries, room * sizeof *entries);
    }
    entries[count++] = (struct entry){position(doc), doc, end};
}

/* Reads what is there; stops at the first thing that isn't whole. */
static void scan(void)
{
    struct stat st;
    uint8_t head[8];
    bson_t *doc;

    if (fstat(fd, &st) != 0)
        fatal("cannot stat the log");
    if (st.st_size < (off_t)sizeof magic) {
        if (pwrite(fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic ||
            ftruncate(fd, sizeof magic) != 0)
            fatal("cannot start the log");
        file_end = sizeof magic;
        return;
    }
    file_end = sizeof magic;
    while (pread(fd, head, 8, file_end) == 8) {
        uint32_t len, crc;
        uint8_t *data;

        memcpy(&len, head, 4);
        memcpy(&crc, head + 4, 4);
        len = le32toh(len);
        if (len < 5 || (int64_t)len > st.st_size - file_end - 8)
            break;
        data = xalloc(len);
        if (pread(fd, data, len, file_end + 8) != (ssize_t)len ||
            crc32c(data, len) != le32toh(crc) || (doc = bson_new_from_data(data, len)) == NULL) {
            free(data);
            break;
        }
        free(data);
        file_end += 8 + (int64_t)len;
        remember(doc, file_end);
    }
    if (file_end < st.st_size) {
        log_line('W', "STORAGE", "dropping %lld bytes of an unfinished write at the end of the log",
                 (long long)(st.st_size - file_end));
        if (ftruncate(fd, file_end) != 0)
            fatal("cannot truncate the log");
    }
}

/* Writes become durable here, several at once when they come fast. */
static void *flusher(void *arg)
{
    (void)arg;
    log_context("journal");
    pthread_mutex_lock(&node.lock);
    for (;;) {
        uint32_t before;
        size_t upto;

        while (synced_count == count)
            pthread_cond_wait(&node.changed, &node.lock);
        upto = count;
        before = truncations;
        pthread_mutex_unlock(&node.lock);
        crash_point(false);
        if (fdatasync(fd) != 0)
            fatal("cannot sync the log");
        crash_point(false);
        pthread_mutex_lock(&node.lock);
        if (before != truncations) /* other entries may stand there now */
            continue;
        durable_count = synced_count = upto;
        pthread_cond_broadcast(&node.changed);
    }
    return NULL;
}

static void lock_directory(const char *path)
{
    char *lock_path = xprintf("%s/mongod.lock", path), pid[32];
    int lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (lock_fd < 0 || flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
        log_line('I', "STORAGE",
                 "exception in initAndListen: DBPathInUse: Unable to lock the lock file: %s (%s). "
                 "Another mongod "
                 "instance is already running on the %s directory, terminating",
                 lock_path, strerror(errno), path);
        log_and_exit(100);
    }
    put(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(lock_fd, 0) != 0 || write(lock_fd, pid, strlen(pid)) < 0)
        fatal("cannot write mongod.lock");
    free(lock_path);
}

void storage_open(const char *db_path)
{
    dir_fd = open(db_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        log_line('I', "STORAGE",
                 "exception in initAndListen: NonExistentPath: Data directory %s not found., "
                 "terminating",
                 db_path);
        log_and_exit(100);
    }
    lock_directory(db_path);
    fd = openat(dir_fd, "standin.log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        fatal("cannot open the log");
    scan();
    if (fdatasync(fd) != 0 || fsync(dir_fd) != 0)
        fatal("cannot sync the log");
    durable_count = synced_count = count;
    spawn(flusher, NULL);
}

size_t log_count(void)
{
    return count;
}

const struct entry *log_at(size_t i)
{
    return &entries[i];
}

struct optime log_last(void)
{
    return count == 0 ? OPTIME_NULL : entries[count - 1].at;
}

struct optime log_durable(void)
{
    return durable_count == 0 ? OPTIME_NULL : entries[durable_count - 1].at;
}

size_t log_index(struct optime at)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (optime_cmp(entries[mid].at, at) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && optime_cmp(entries[low].at, at) == 0 ? low : count;
}

void log_append(bson_t *doc)
{
    const uint8_t *data = bson_get_data(doc);
    uint32_t len = htole32(doc->len), crc = htole32(crc32c(data, doc->len));
    uint8_t *buf = xalloc(doc->len + 8);
    size_t n = doc->len + 8, done = 0;

    memcpy(buf, &len, 4);
    memcpy(buf + 4, &crc, 4);
    memcpy(buf + 8, data, doc->len);
    crash_point(true);
    while (done < n) {
        ssize_t w = pwrite(fd, buf + done, n - done, file_end + (int64_t)done);

        if (w < 0 && errno != EINTR)
            fatal("cannot write the log");
        if (w > 0)
            done += (size_t)w;
    }
    free(buf);
    file_end += (int64_t)n;
    remember(doc, file_end);
    if (broken_on_purpose("sync"))
        durable_count = count;
    crash_point(true);
    pthread_cond_broadcast(&node.changed);
}

void log_truncate(size_t keep)
{
    crash_point(true);
    truncations++;
    while (count > keep)
        bson_destroy(entries[--count].doc);
    file_end = count == 0 ? (int64_t)sizeof magic : entries[count - 1].end;
    if (ftruncate(fd, file_end) != 0 || fdatasync(fd) != 0)
        fatal("cannot truncate the log");
    durable_count = synced_count = count;
    crash_point(true);
}

void storage_lose_unsynced(void)
{
    int64_t synced = synced_count == 0 ? (int64_t)sizeof magic : entries[synced_count - 1].end,
            lost = file_end - synced;

    if (lost > 0 && ftruncate(fd, synced + random_below((uint32_t)lost + 1)) != 0)
        fatal("cannot truncate the log");
}

void meta_save(const bson_t *meta)
{
    crash_point(true);
    int tmp = openat(dir_fd, "standin.meta.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (tmp < 0 || write(tmp, bson_get_data(meta), meta->len) != (ssize_t)meta->len ||
        fsync(tmp) != 0)
        fatal("cannot write standin.meta");
    close(tmp);
    crash_point(true);
    if (renameat(dir_fd, "standin.meta.new", dir_fd, "standin.meta") != 0 || fsync(dir_fd) != 0)
        fatal("cannot replace standin.meta");
    crash_point(true);
}

bool meta_load(bson_t *ret_meta)
{
    int in = openat(dir_fd, "standin.meta", O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *data;
    bson_t view;
    bool ok = false;

    if (in < 0)
        return false;
    if (fstat(in, &st) != 0)
        fatal("cannot stat standin.meta");
    data = xalloc((size_t)st.st_size);
    if (read(in, data, (size_t)st.st_size) == st.st_size &&
        bson_init_static(&view, data, (size_t)st.st_size) &&
        bson_validate(&view, BSON_VALIDATE_NONE, NULL)) {
        bson_copy_to(&view, ret_meta);
        ok = true;
    }
    free(data);
    close(in);
    return ok;
}
