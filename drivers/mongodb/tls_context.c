#include "drivers/mongodb/tls_context.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"

enum { PLACES = 64 };

/* One state of a file: every write gives it another time, every replacement another number. */
struct file_state {
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec written, changed;
};

static struct {
    pthread_mutex_t lock;
    struct {
        char ca_file[PATH_MAX];
        struct file_state state;
        SSL_CTX *context; /* NULL: the place is empty */
    } at[PLACES];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct file_state state_of(const char *path)
{
    struct stat found;
    struct file_state state;
    memset(&state, 0, sizeof state); /* padding is compared, too */
    if (stat(path, &found) == 0) {
        state.device = found.st_dev;
        state.number = found.st_ino;
        state.size = found.st_size;
        state.written = found.st_mtim;
        state.changed = found.st_ctim;
    }
    return state;
}

static bool same_state(const struct file_state *a, const struct file_state *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static size_t place_of(const char *path)
{
    return ek_hash_text(path) % PLACES;
}

static SSL_CTX *find(const char *ca_file, const struct file_state *state)
{
    size_t place = place_of(ca_file);
    SSL_CTX *found = NULL;
    pthread_mutex_lock(&kept.lock);
    if (kept.at[place].context && same_state(&kept.at[place].state, state) &&
        strcmp(kept.at[place].ca_file, ca_file) == 0) {
        found = kept.at[place].context;
        SSL_CTX_up_ref(found);
    }
    pthread_mutex_unlock(&kept.lock);
    return found;
}

static void keep(const char *ca_file, const struct file_state *state, SSL_CTX *context)
{
    size_t place = place_of(ca_file);
    if (strlen(ca_file) >= sizeof kept.at->ca_file || SSL_CTX_up_ref(context) != 1)
        return;
    pthread_mutex_lock(&kept.lock);
    SSL_CTX *before = kept.at[place].context;
    snprintf(kept.at[place].ca_file, sizeof kept.at->ca_file, "%s", ca_file);
    kept.at[place].state = *state;
    kept.at[place].context = context;
    pthread_mutex_unlock(&kept.lock);
    SSL_CTX_free(before);
}

/* OpenSSL would wait for the writer of a pipe in the file's place. */
static int check_file(const char *ca_file, struct ek_error *err)
{
    int fd;
    struct ek_error problem = {0};
    if (ek_file_open(ca_file, "EK-0445", &fd, &problem) == 0)
        return close(fd), 0;
    ek_fail(err, EK_INVALID, "EK-0445", "the certificate authorities in %s can't be read", ca_file);
    return ek_cause(err, "%s", problem.sentence), EK_INVALID;
}

static int make(const char *ca_file, SSL_CTX **ret_context, struct ek_error *err)
{
    int result = ca_file ? check_file(ca_file, err) : 0;
    if (result != 0)
        return result;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        return ek_fail(err, EK_NO_MEMORY, "EK-0445", "no TLS context could be made");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (ca_file && SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1) {
        char text[160];
        ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
        ERR_clear_error();
        SSL_CTX_free(context);
        ek_fail(err, EK_INVALID, "EK-0445", "the certificate authorities in %s can't be read",
                ca_file);
        return ek_cause(err, "%s", text);
    }
    *ret_context = context;
    return 0;
}

int ek_tls_context_take(const char *ca_file, SSL_CTX **ret_context, struct ek_error *err)
{
    const char *name = ca_file ? ca_file : "";
    const struct file_state before = state_of(name);
    *ret_context = find(name, &before);
    if (*ret_context)
        return 0;
    int result = make(ca_file, ret_context, err);
    const struct file_state after = state_of(name);
    if (result == 0 && same_state(&before, &after))
        keep(name, &before, *ret_context);
    return result;
}
