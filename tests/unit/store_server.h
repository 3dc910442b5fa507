/* A replica set of one server, with a user for the store. Include once per program, after
 * store_support.h. */
#ifndef EK_TESTS_STORE_SERVER_H
#define EK_TESTS_STORE_SERVER_H

#include <mongoc/mongoc.h>

#include "drivers/mongodb/link.h"
#include "tests/unit/mongodb_server.h"
#include "tests/unit/patience.h"

#define STORE_PASSWORD "in a file, not in the URI"

static inline bool store_server_command(mongoc_client_t *client, bson_t *words)
{
    bson_t reply;
    bool good = mongoc_client_command_simple(client, "admin", words, NULL, &reply, NULL);
    bson_destroy(&reply);
    bson_destroy(words);
    return good;
}

static inline bool store_server_wait_primary(const char *uri)
{
    int64_t deadline = ek_monotonic_ms() + patient_ms(30000);
    bool good = false;
    while (!good && ek_time_left_ms(deadline) > 0) {
        mongoc_client_t *client = mongoc_client_new(uri);
        bson_t *words = BCON_NEW("isMaster", BCON_INT32(1));
        bson_t reply;
        bson_iter_t it;
        good = mongoc_client_command_simple(client, "admin", words, NULL, &reply, NULL) &&
               bson_iter_init_find(&it, &reply, "ismaster") && bson_iter_as_bool(&it);
        bson_destroy(&reply);
        bson_destroy(words);
        mongoc_client_destroy(client);
        ek_sleep_ms(20);
    }
    return good;
}

/* Start it in the scratch directory, as rs-store with the user "keeper", who may use the database
 * "audit" alone; the URI of the store on it, and a file with the user's password. */
static inline bool store_server_set_up(struct test_server *server, enum ek_ssl_mode mode,
                                       char ret_uri[160], char ret_password_file[256])
{
    char direct[400];
    char host[32];
    snprintf(server->directory, sizeof server->directory, "%s", scratch_path("server"));
    mkdir(server->directory, 0700);
    server->port = test_free_port();
    snprintf(host, sizeof host, "127.0.0.1:%d", server->port);
    snprintf(direct, sizeof direct, "mongodb://%s/?directConnection=true%s%s", host,
             mode == EK_SSL_DISABLED ? "" : "&tls=true&tlsCAFile=",
             mode == EK_SSL_DISABLED ? "" : server->ca_file);
    snprintf(ret_uri, 160,
             "mongodb://keeper@%s/audit?replicaSet=rs-store&authSource=admin"
             "&serverSelectionTimeoutMS=1000",
             host);
    snprintf(ret_password_file, 256, "%s/password", server->directory);
    test_server_start(server, mode);
    test_server_write(server, "password", STORE_PASSWORD "\n");
    ek_mongodb_library_start();
    mongoc_client_t *client = mongoc_client_new(direct);
    bool good = store_server_command(client, BCON_NEW("replSetInitiate", "{", "_id", "rs-store",
                                                      "members", "[", "{", "_id", BCON_INT32(0),
                                                      "host", host, "}", "]", "}"));
    good = good && store_server_wait_primary(direct);
    good = good && store_server_command(client, BCON_NEW("createUser", "keeper", "pwd",
                                                         STORE_PASSWORD, "roles", "[", "{", "role",
                                                         "readWrite", "db", "audit", "}", "]"));
    mongoc_client_destroy(client);
    return good;
}

#endif
