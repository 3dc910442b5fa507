/* secret "sealed-files": what opens, and everything that must not. */
#include "tests/unit/host_support.h"

#include <sys/wait.h>

#include "drivers/secret/secret.h"

static const struct ek_secret_driver *sealed;

struct vault {
    char directory[64], key_file[96], file[160];
    struct ek_secret_store store;
};

static int vault_setup(void **state)
{
    struct vault *vault = calloc(1, sizeof *vault);
    snprintf(vault->directory, sizeof vault->directory, "/tmp/evenkeel-test-XXXXXX");
    if (!mkdtemp(vault->directory))
        return -1;
    snprintf(vault->key_file, sizeof vault->key_file, "%s/master.key", vault->directory);
    snprintf(vault->file, sizeof vault->file, "%s/secrets/acme/orders/a/key-password.sealed",
             vault->directory);
    vault->store =
        (struct ek_secret_store){.directory = vault->directory, .key_file = vault->key_file};
    *state = vault;
    return ek_secret_master_key_create(vault->key_file, &err);
}

static int vault_teardown(void **state)
{
    struct vault *vault = *state;
    nftw(vault->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(vault);
    return 0;
}

#define NAME "acme/orders/a/key-password"

static void put(const struct vault *vault, const char *name, const char *text)
{
    EK_SECRET *secret = ek_secret_new(text, strlen(text));
    WORKS(sealed->seal(&vault->store, name, secret, &err));
}

static void check(const struct vault *vault, const char *name, const char *text)
{
    EK_SECRET *secret = NULL;
    WORKS(sealed->unseal(&vault->store, name, &secret, &err));
    assert_string_equal(ek_secret_reveal(secret), text);
    assert_int_equal(ek_secret_length(secret), strlen(text));
}

static int unseal(const struct vault *vault, const char *name)
{
    struct ek_secret *secret = NULL;
    memset(&err, 0, sizeof err);
    int result = sealed->unseal(&vault->store, name, &secret, &err);
    assert_null(secret);
    return result;
}

static void what_was_sealed_comes_back(void **state)
{
    const struct vault *vault = *state;
    put(vault, NAME, "correct horse");
    check(vault, NAME, "correct horse");
    put(vault, NAME, "another");
    check(vault, NAME, "another");
    put(vault, "empty", "");
    check(vault, "empty", "");
    WORKS(sealed->find(&vault->store, NAME, &err));
    assert_int_equal(mode_of(vault->file), 0600);
    FAILS(sealed->find(&vault->store, "acme/none", &err), EK_NOT_FOUND, "EK-0706");
    assert_int_equal(unseal(vault, "acme/none"), EK_NOT_FOUND);
}

/* "Not there" is said of what was looked for, not of what could not be looked at. */
static void a_store_that_cant_be_looked_at_says_so(void **state)
{
    const struct vault *vault = *state;
    struct ek_secret_store store = vault->store;
    put(vault, NAME, "correct horse");
    store.directory = vault->file; /* a file where the directory should be */
    FAILS(sealed->find(&store, NAME, &err), EK_SYSTEM, "EK-0501");
}

static void bytes_of_any_kind_come_back(void **state)
{
    const struct vault *vault = *state;
    char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    EK_SECRET *secret = ek_secret_new(bytes, sizeof bytes);
    EK_SECRET *back = NULL;
    WORKS(sealed->seal(&vault->store, NAME, secret, &err));
    WORKS(sealed->unseal(&vault->store, NAME, &back, &err));
    assert_int_equal(ek_secret_length(back), sizeof bytes);
    assert_memory_equal(ek_secret_reveal(back), bytes, sizeof bytes);
}

static void nothing_of_the_secret_is_on_disk_and_no_two_seals_are_alike(void **state)
{
    const struct vault *vault = *state;
    EK_BUFFER first = {0};
    EK_BUFFER second = {0};
    put(vault, NAME, "correct horse battery");
    WORKS(ek_file_read(vault->file, 4096, &first, NULL, &err));
    put(vault, NAME, "correct horse battery");
    WORKS(ek_file_read(vault->file, 4096, &second, NULL, &err));
    assert_null(memmem(first.bytes, first.length, "horse", 5));
    assert_int_equal(first.length, second.length);
    assert_memory_not_equal(first.bytes + 8, second.bytes + 8, 16);   /* salt */
    assert_memory_not_equal(first.bytes + 24, second.bytes + 24, 12); /* nonce */
    assert_memory_not_equal(first.bytes + 36, second.bytes + 36, 21); /* text */
}

static void a_seal_with_any_bit_changed_stays_shut(void **state)
{
    const struct vault *vault = *state;
    EK_BUFFER content = {0};
    put(vault, NAME, "correct horse");
    WORKS(ek_file_read(vault->file, 4096, &content, NULL, &err));
    for (size_t i = 0; i < content.length; i++) {
        content.bytes[i] = (char)(content.bytes[i] ^ (1 << (i % 8)));
        WORKS(ek_file_write(vault->file, content.bytes, content.length, 0600, &err));
        int result = unseal(vault, NAME);
        assert_int_equal(result, i < 8 ? EK_INVALID : EK_DENIED);
        assert_string_equal(err.id, i < 8 ? "EK-0709" : "EK-0703");
        content.bytes[i] = (char)(content.bytes[i] ^ (1 << (i % 8)));
    }
    for (size_t length = 0; length < content.length; length++) {
        WORKS(ek_file_write(vault->file, content.bytes, length, 0600, &err));
        assert_int_not_equal(unseal(vault, NAME), 0);
    }
    WORKS(ek_file_write(vault->file, content.bytes, content.length, 0600, &err));
    check(vault, NAME, "correct horse");
}

static void swapped_files_stay_shut(void **state)
{
    const struct vault *vault = *state;
    char other[160];
    snprintf(other, sizeof other, "%s/secrets/acme/orders/b.sealed", vault->directory);
    put(vault, NAME, "a's");
    put(vault, "acme/orders/b", "b's");
    assert_int_equal(rename(other, vault->file), 0);
    assert_int_equal(unseal(vault, NAME), EK_DENIED);
    assert_string_equal(err.id, "EK-0703");
}

static void another_master_key_does_not_open(void **state)
{
    const struct vault *vault = *state;
    put(vault, NAME, "correct horse");
    assert_int_equal(unlink(vault->key_file), 0);
    assert_int_equal(unseal(vault, NAME), EK_DENIED); /* the secret is there: never make another */
    assert_string_equal(err.id, "EK-0701");
    WORKS(ek_secret_master_key_create(vault->key_file, &err));
    assert_int_equal(unseal(vault, NAME), EK_DENIED);
    assert_string_equal(err.id, "EK-0703");
}

static void a_master_key_that_others_may_read_is_refused(void **state)
{
    const struct vault *vault = *state;
    static const mode_t open_modes[] = {0644, 0640, 0604, 0660, 0620, 0610};
    put(vault, NAME, "x");
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(vault->key_file, open_modes[i]), 0);
        assert_int_equal(unseal(vault, NAME), EK_DENIED);
        assert_string_equal(err.id, "EK-0702");
    }
    assert_int_equal(chmod(vault->key_file, 0400), 0);
    check(vault, NAME, "x");
    if (geteuid() != 0)
        return;
    pid_t child = fork(); /* a key that belongs to somebody else */
    if (child == 0)
        _exit(chown(vault->key_file, 12345, 12345) == 0 && unseal(vault, NAME) == EK_DENIED ? 0
                                                                                            : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* LoadCredential= gives a file of root's with an access control list: 0440 to stat. */
static void a_credential_of_the_service_manager_is_taken(void **state)
{
    const struct vault *vault = *state;
    put(vault, NAME, "x");
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(vault->key_file, 0440), 0);
    assert_int_equal(unseal(vault, NAME), EK_DENIED);
    setenv("CREDENTIALS_DIRECTORY", vault->directory, 1);
    check(vault, NAME, "x");
    assert_int_equal(chmod(vault->key_file, 0444), 0);
    assert_int_equal(unseal(vault, NAME), EK_DENIED);
    assert_int_equal(chmod(vault->key_file, 0440), 0);
    setenv("CREDENTIALS_DIRECTORY", "/tmp/ek", 1);
    assert_int_equal(unseal(vault, NAME), EK_DENIED);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void master_keys_have_one_of_two_forms(void **state)
{
    struct vault *vault = *state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", true},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\r\n", true},
        {"\x01 raw key of thirty-two bytes..", false}, /* 31 */
        {"\x01 raw key of thirty-two bytes...", true},
        {"00112233445566778899aabbccddeeff", false}, /* half a key in hex is not 32 raw bytes */
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg", false},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        must_write(vault->key_file, rows[i].text, 0600);
        EK_SECRET *secret = ek_secret_new("s", 1);
        memset(&err, 0, sizeof err);
        assert_int_equal(sealed->seal(&vault->store, NAME, secret, &err),
                         rows[i].good ? 0 : EK_INVALID);
        assert_string_equal(err.id, rows[i].good ? "" : "EK-0704");
        if (*rows[i].text)
            assert_null(strstr(err.sentence, rows[i].text));
    }
}

static void a_command_may_give_the_key(void **state)
{
    struct vault *vault = *state;
    char command[160];
    put(vault, NAME, "from a file");
    snprintf(command, sizeof command, "  cat \t %s ", vault->key_file);
    vault->store.key_file = NULL;
    vault->store.key_command = command;
    check(vault, NAME, "from a file");
    static const char *const bad[] = {"false", "no-such-program-here", "", "   "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vault->store.key_command = bad[i];
        assert_int_not_equal(unseal(vault, NAME), 0);
        assert_string_equal(err.id, "EK-0708");
    }
    vault->store.key_command = "echo $HOME;id"; /* no shell */
    assert_int_not_equal(unseal(vault, NAME), 0);
    assert_string_equal(err.id, "EK-0704");
    vault->store.key_command = NULL;
    assert_int_equal(unseal(vault, NAME), EK_DENIED); /* the secret is there: never make another */
    assert_string_equal(err.id, "EK-0701");
}

static void odd_names_never_become_paths(void **state)
{
    const struct vault *vault = *state;
    static const char *const bad[] = {"",     "/etc/x", "a//b", "a/../b", "..",     ".hid",
                                      "a/.b", "a b",    "a/",   "a\n",    "a/b\\c", "\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EK_SECRET *secret = ek_secret_new("s", 1);
        FAILS(sealed->seal(&vault->store, bad[i], secret, &err), EK_INVALID, "EK-0707");
        assert_int_equal(unseal(vault, bad[i]), EK_INVALID);
    }
}

static void a_master_key_is_made_once(void **state)
{
    const struct vault *vault = *state;
    char *before = text_of(vault->key_file);
    assert_int_equal(mode_of(vault->key_file), 0600);
    assert_int_equal(strlen(before), 65);
    assert_int_equal(strspn(before, "0123456789abcdef"), 64);
    FAILS(ek_secret_master_key_create(vault->key_file, &err), EK_EXISTS, "EK-0710");
    char *after = text_of(vault->key_file);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, vault_setup, vault_teardown)

int main(void)
{
    sealed = ek_secret_driver_named("sealed-files");
    const struct CMUnitTest tests[] = {
        WITH_VAULT(what_was_sealed_comes_back),
        WITH_VAULT(a_store_that_cant_be_looked_at_says_so),
        WITH_VAULT(bytes_of_any_kind_come_back),
        WITH_VAULT(nothing_of_the_secret_is_on_disk_and_no_two_seals_are_alike),
        WITH_VAULT(a_seal_with_any_bit_changed_stays_shut),
        WITH_VAULT(swapped_files_stay_shut),
        WITH_VAULT(another_master_key_does_not_open),
        WITH_VAULT(a_master_key_that_others_may_read_is_refused),
        WITH_VAULT(a_credential_of_the_service_manager_is_taken),
        WITH_VAULT(master_keys_have_one_of_two_forms),
        WITH_VAULT(a_command_may_give_the_key),
        WITH_VAULT(odd_names_never_become_paths),
        WITH_VAULT(a_master_key_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
