/* Opening a MongoDB store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/store/mongodb.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/secret_bytes.h"
#include "reconciler/base/thread.h"

enum { CONNECT_MS = 3000, SOCKET_MS = 8000, SELECT_MS = 5000, LOOK_MS = 2000, PASSWORD_MAX = 4096 };

static int bad(const char *uri, const char *why, struct ek_error *err)
{
    /* What stands before an @ may be a password: it is not repeated. */
    const char *at = strrchr(uri, '@');
    ek_fail(err, EK_INVALID, "EK-1009", "the store's URI %s%s can't be used: %s", at ? "…" : "",
            at ? at : uri, why);
    return ek_hint(err, "mongodb://USER@HOST,HOST/DATABASE?replicaSet=NAME, and the password in "
                        "--store-password-file");
}

static void free_uri(mongoc_uri_t **uri)
{
    if (*uri)
        mongoc_uri_destroy(*uri);
}

static int set_password(mongoc_uri_t *uri, const struct ek_store_location *location,
                        struct ek_error *err)
{
    EK_SECRET_BUFFER text = {0};
    const char *mechanism = mongoc_uri_get_auth_mechanism(uri);
    bool by_password = !mechanism || strncmp(mechanism, "SCRAM", 5) == 0;
    /* libmongoc reads a password that is not there. */
    if (!location->password_file && mongoc_uri_get_username(uri) && by_password)
        return bad(location->uri, "its user has no password: --store-password-file", err);
    if (!location->password_file)
        return 0;
    if (!mongoc_uri_get_username(uri))
        return bad(location->uri, "a password file goes with a user name in the URI", err);
    int result = ek_file_read(location->password_file, PASSWORD_MAX, &text, NULL, err);
    if (result != 0)
        return result;
    while (text.length > 0 && strchr("\r\n", text.bytes[text.length - 1]))
        text.bytes[--text.length] = 0;
    if (!mongoc_uri_set_password(uri, ek_buffer_text(&text)))
        return bad(location->uri, "the password is not UTF-8", err);
    return 0;
}

static int make_uri(const struct ek_store_location *location, mongoc_uri_t **ret_uri,
                    struct ek_error *err)
{
    bson_error_t error = {0};
    mongoc_uri_t *uri = mongoc_uri_new_with_error(location->uri, &error);
    *ret_uri = uri;
    if (!uri)
        return bad(location->uri, error.message, err);
    if (mongoc_uri_get_password(uri))
        return bad(location->uri, "it holds a password, which others could see", err);
    static const struct {
        const char *name;
        int32_t ms;
    } times[] = {{MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS},
                 {MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS},
                 {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECT_MS},
                 {MONGOC_URI_HEARTBEATFREQUENCYMS, LOOK_MS}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (!mongoc_uri_has_option(uri, times[i].name))
            mongoc_uri_set_option_as_int32(uri, times[i].name, times[i].ms);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true);
    mongoc_uri_set_appname(uri, "evenkeel-store");
    if (location->ca_file) {
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLS, true);
        mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, location->ca_file);
        mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSDISABLEOCSPENDPOINTCHECK, true);
    }
    return set_password(uri, location, err);
}

static int set_name(struct ek_store *store, const mongoc_uri_t *uri, struct ek_error *err)
{
    EK_BUFFER name = {0};
    const char *database = mongoc_uri_get_database(uri);
    snprintf(store->database, sizeof store->database, "%s",
             database && *database ? database : "evenkeel");
    for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri); host; host = host->next)
        ek_buffer_printf(&name, "%s%s", name.length ? "," : "", host->host_and_port);
    snprintf(store->name, sizeof store->name, "%s/%s", ek_buffer_text(&name), store->database);
    return ek_buffer_check(&name, err);
}

/* The pool watches the servers from threads of its own: no signal is theirs. */
static void start_pool(struct ek_store *store, const mongoc_uri_t *uri)
{
    sigset_t before;
    ek_signals_hold(&before);
    store->pool = mongoc_client_pool_new(uri);
    if (store->pool) {
        mongoc_client_pool_set_error_api(store->pool, MONGOC_ERROR_API_VERSION_2);
        mongoc_client_pool_push(store->pool, mongoc_client_pool_pop(store->pool));
    }
    ek_signals_release(&before);
}

/* Real servers look events and approvals up by these; failing to make them costs time only. */
static void make_indexes(struct ek_store *store)
{
    static const char *const commands[] = {
        "{\"createIndexes\":\"events\",\"indexes\":[{\"key\":{\"deployment\":1,\"account\":1,"
        "\"_id\":1},\"name\":\"by_deployment\"},{\"key\":{\"at_ms\":1},\"name\":\"by_time\"}]}",
        "{\"createIndexes\":\"approvals\",\"indexes\":[{\"key\":{\"account\":1,\"deployment\":1,"
        "\"at_ms\":1},\"name\":\"by_deployment\"}]}"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct ek_written written;
        bson_t *command = bson_new_from_json((const uint8_t *)commands[i], -1, NULL);
        if (command)
            (void)ek_mongodb_store_write(store, command, &written, NULL);
        bson_destroy(command);
    }
}

static int note_version(struct ek_store *store, struct ek_error *err)
{
    bson_t document = BSON_INITIALIZER;
    struct ek_written written;
    BSON_APPEND_UTF8(&document, "_id", "layout");
    BSON_APPEND_INT32(&document, "version", EK_MONGODB_STORE_VERSION);
    int result = ek_mongodb_store_insert(store, "meta", &document, &written, err);
    bson_destroy(&document);
    if (result == 0)
        make_indexes(store);
    return result;
}

static int check_version(struct ek_store *store, bool must_exist, struct ek_error *err)
{
    bson_t document = BSON_INITIALIZER;
    int result = ek_mongodb_store_find_one(store, "meta", "layout", &document, err);
    int64_t version = ek_bson_int(&document, "version", 0);
    bson_destroy(&document);
    if (result == EK_NOT_FOUND && must_exist) {
        ek_fail(err, EK_NOT_FOUND, "EK-1001", "there is no store in %s", store->name);
        return ek_hint(err, "nothing was kept there yet; is --store right?");
    }
    if (result == EK_NOT_FOUND)
        return note_version(store, err);
    if (result != 0 || version <= EK_MONGODB_STORE_VERSION)
        return result;
    ek_fail(err, EK_UNSUPPORTED, "EK-1002",
            "the store %s was written by a newer Evenkeel (its version is %lld, this one knows %d)",
            store->name, (long long)version, EK_MONGODB_STORE_VERSION);
    return ek_hint(err, "use that Evenkeel; an older one can't go back");
}

static void close_store(struct ek_store *store)
{
    if (store->pool)
        mongoc_client_pool_destroy(store->pool);
    free(store);
}

static int open_store(const struct ek_store_location *location, struct ek_store **ret_store,
                      struct ek_error *err)
{
    EK_CLEANUP(free_uri) mongoc_uri_t *uri = NULL;
    ek_mongodb_library_start();
    int result = make_uri(location, &uri, err);
    if (result != 0)
        return result;
    struct ek_store *store = calloc(1, sizeof *store);
    if (!store)
        return ek_no_memory(err);
    result = set_name(store, uri, err);
    if (result == 0)
        start_pool(store, uri);
    if (result == 0 && !store->pool)
        result = bad(location->uri, "libmongoc makes no connections of it", err);
    if (result == 0)
        result = check_version(store, location->must_exist, err);
    if (result == 0)
        *ret_store = store;
    else
        close_store(store);
    return result;
}

const struct ek_store_driver ek_store_mongodb = {
    .name = "mongodb",
    .open = open_store,
    .close = close_store,
    .append = ek_mongodb_store_append,
    .events = ek_mongodb_store_events,
    .head = ek_mongodb_store_head,
    .put_plan = ek_mongodb_store_put_plan,
    .get_plan = ek_mongodb_store_get_plan,
    .put_approval = ek_mongodb_store_put_approval,
    .get_approvals = ek_mongodb_store_get_approvals,
    .put_pause = ek_mongodb_store_put_pause,
    .get_pause = ek_mongodb_store_get_pause,
    .put_watch = ek_mongodb_store_put_watch,
    .get_watch = ek_mongodb_store_get_watch,
    .note_once = ek_mongodb_store_note_once,
    .get_lease = ek_mongodb_store_get_lease,
    .swap_lease = ek_mongodb_store_swap_lease,
};
