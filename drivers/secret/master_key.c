#include "drivers/secret/master_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/command.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/secret_file.h"

enum { TEXT_MAX = 256, COMMAND_MS = 30000, ARGUMENTS_MAX = 32 };

static int decode(const char *text, size_t length, const char *from, struct ek_secret **ret_key,
                  struct ek_error *err)
{
    unsigned char key[EK_MASTER_KEY_BYTES];
    bool all_hex = true; /* half a key in hex is no raw key */
    for (size_t i = 0; i < length; i++)
        all_hex = all_hex && (ek_hex_digit(text[i]) >= 0 || strchr(" \t\r\n", text[i]));
    if (length == EK_MASTER_KEY_BYTES && !all_hex) {
        return ek_secret_make(text, length, ret_key, err);
    }
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    bool good = length == 2 * sizeof key && ek_hex_read(text, sizeof key, key);
    int result = good ? ek_secret_make(key, sizeof key, ret_key, err) : 0;
    OPENSSL_cleanse(key, sizeof key);
    if (!good)
        return ek_fail(err, EK_INVALID, "EK-0704",
                       "the master key from %s is neither 64 hexadecimal digits nor 32 bytes",
                       from);
    return result;
}

static int read_file(const char *path, struct ek_secret **ret_key, struct ek_error *err)
{
    EK_SECRET_BUFFER text = {0};
    const struct ek_secret_file file = {path, TEXT_MAX, "EK-0701", "EK-0702"};
    struct ek_error problem = {0};
    int result = ek_secret_file_read(&file, &text, &problem);
    if (result == 0)
        return decode(ek_buffer_text(&text), text.length, path, ret_key, err);
    if (result == EK_INVALID) /* whatever it is, it is no key */
        snprintf(problem.id, sizeof problem.id, "EK-0704");
    if (err)
        *err = problem;
    return result;
}

static int run_command(const char *line, struct ek_secret **ret_key, struct ek_error *err)
{
    EK_BUFFER words = {0};
    EK_COMMAND_RESULT ran = {0};
    const char *argv[ARGUMENTS_MAX + 1] = {NULL};
    size_t count = 0;
    ek_buffer_text_add(&words, line);
    if (ek_buffer_check(&words, err) != 0)
        return EK_NO_MEMORY;
    char *rest = words.bytes;
    for (char *word; rest && (word = strsep(&rest, " \t"));)
        if (*word && count < ARGUMENTS_MAX)
            argv[count++] = word;
    if (count == 0 || count == ARGUMENTS_MAX)
        return ek_fail(err, EK_INVALID, "EK-0708", "the key command has %zu words", count);
    const struct ek_command command = {.argv = argv};
    const struct ek_command_setting setting = {.whole_environment = true};
    if (ek_command_run(&command, &setting, ek_monotonic_ms() + COMMAND_MS, &ran, err) != 0) {
        if (err)
            snprintf(err->id, sizeof err->id, "EK-0708");
        return ek_wrap(err, "key command");
    }
    if (ran.status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0708", "the key command %s ended with status %d", argv[0],
                ran.status);
        return ek_cause(err, "%s", ek_buffer_text(&ran.errors)), EK_SYSTEM;
    }
    return decode(ek_buffer_text(&ran.output), ran.output.length, "the key command", ret_key, err);
}

int ek_master_key_read(const struct ek_secret_store *store, struct ek_secret **ret_key,
                       struct ek_error *err)
{
    if (store->key_file)
        return read_file(store->key_file, ret_key, err);
    if (store->key_command)
        return run_command(store->key_command, ret_key, err);
    return ek_fail(err, EK_NOT_FOUND, "EK-0701", "neither a key file nor a key command is set");
}

int ek_secret_master_key_create(const char *path, struct ek_error *err)
{
    unsigned char key[EK_MASTER_KEY_BYTES];
    char text[2 * EK_MASTER_KEY_BYTES + 2];
    char temporary[4096];
    int used = snprintf(temporary, sizeof temporary, "%s.new.%d", path, (int)getpid());
    if (used < 0 || (size_t)used >= sizeof temporary)
        return ek_fail(err, EK_INVALID, "EK-0502", "%s: name too long", path);
    if (access(path, F_OK) == 0)
        return ek_fail(err, EK_EXISTS, "EK-0710", "%s: there is a master key", path);
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return ek_fail(err, EK_SYSTEM, "EK-0503", "the system's random generator gave nothing");
    ek_hex(key, sizeof key, text);
    text[2 * sizeof key] = '\n';
    int result = ek_file_write(temporary, text, 2 * sizeof key + 1, 0600, err);
    /* link() refuses an existing name, which rename() would replace: two creators at once
     * end with one key. */
    if (result == 0 && link(temporary, path) != 0)
        result = errno == EEXIST
                     ? ek_fail(err, EK_EXISTS, "EK-0710", "%s: there is a master key", path)
                     : ek_fail_errno(err, "EK-0502", path);
    unlink(temporary);
    if (result == 0 && ek_directory_sync_of(path) != 0)
        result = ek_fail_errno(err, "EK-0502", path);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(text, sizeof text);
    return result;
}
