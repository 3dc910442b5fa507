/* SASL, logout, connectionStatus, sessions. */
#include "cmd.h"
#include "keyfile.h"
#include "log.h"
#include "restrictions.h"
#include "server.h"
#include "version.h"
#include "x509.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* __system's credentials, computed once for each key of the keyFile. */
static bool system_keys(struct scram_server *s)
{
    static struct scram_keys made[2][2];
    static bool done[2];

    if (keyfile.n == 0)
        return false;
    if (!done[s->kind]) {
        scram_make(s->kind, "__system", keyfile.key[0], &made[s->kind][0]);
        made[s->kind][1] = made[s->kind][0]; /* one salt for both, since the client gets only one */
        if (keyfile.n > 1)
            scram_derive(s->kind, "__system", keyfile.key[1], &made[s->kind][1]);
        done[s->kind] = true;
    }
    memcpy(s->keys, made[s->kind], sizeof s->keys);
    s->n_keys = keyfile.n;
    return true;
}

static char *payload_of(const bson_t *command, bool *ret_binary)
{
    bson_iter_t it;
    const uint8_t *data;
    uint32_t len;

    *ret_binary = true;
    if (!doc_find(command, "payload", &it))
        return NULL;
    if (BSON_ITER_HOLDS_BINARY(&it)) {
        bson_iter_binary(&it, NULL, &len, &data);
        return strndup((const char *)data, len);
    }
    if (BSON_ITER_HOLDS_UTF8(&it)) {
        const char *text = bson_iter_utf8(&it, &len);
        char *out;
        int n;

        *ret_binary = false;
        if (len % 4 != 0)
            return NULL;
        out = xalloc(len + 1);
        n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
        for (uint32_t i = len; n > 0 && i > 0 && text[i - 1] == '='; i--)
            n--;
        out[n < 0 ? 0 : n] = '\0';
        return out;
    }
    return NULL;
}

static int answer(struct call *c, const char *payload, bool binary, bool done)
{
    add_int(c->reply, "conversationId", 1);
    add_bool(c->reply, "done", done);
    if (binary) {
        add_bin(c->reply, "payload", BSON_SUBTYPE_BINARY, payload, strlen(payload));
    } else {
        char *text = xalloc(strlen(payload) * 2 + 8);

        EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)payload,
                        (int)strlen(payload));
        add_str(c->reply, "payload", text);
        free(text);
    }
    return 0;
}

static int refuse(struct call *c, const char *why)
{
    struct conn *conn = c->conn;

    log_line('I', "ACCESS", "SASL %s authentication failed for %s on %s from client %s ; %s",
             scram_name(conn->scram.kind), conn->scram.user, conn->scram_db, conn->remote, why);
    scram_server_done(&conn->scram);
    conn->scram_step = 0;
    return fail(c, 18, "Authentication failed.");
}

static bool load_credentials(struct conn *conn)
{
    const bson_t *user;
    bson_t credentials;

    if (strcmp(conn->scram.user, "__system") == 0 && strcmp(conn->scram_db, "local") == 0)
        return system_keys(&conn->scram);
    user = auth_user(conn->scram.user, conn->scram_db);
    conn->scram.n_keys = 1;
    return user != NULL && doc_sub(user, "credentials", &credentials) &&
           scram_from_doc(&credentials, conn->scram.kind, &conn->scram.keys[0]);
}

/* The client's part of the exchange: until 5.0 the command looks at it itself. */
static int check_payload(struct call *c)
{
    bson_iter_t it;
    char *text;
    int rc;

    if (!doc_find(c->command, "payload", &it))
        return fail(c, 4, "Missing expected field \"payload\"");
    if (BSON_ITER_HOLDS_BINARY(&it) || BSON_ITER_HOLDS_UTF8(&it))
        return 0;
    text = iter_text(&it);
    rc = fail(c, 14, "Wrong type for field; expected BinData or String for payload: %s", text);
    free(text);
    return rc;
}

static int sasl_start(struct call *c)
{
    struct conn *conn = c->conn;
    const char *mechanism = doc_str(c->command, "mechanism", NULL);
    bool binary;
    char *payload, *first;
    int rc;

    bson_t how;

    if (mechanism == NULL) /* refused without a word */
        return fail(c, 0, "%s", "");
    scram_server_done(&conn->scram);
    conn->scram_step = 0;
    conn->scram_short = version_at_least(4, 4) && doc_sub(c->command, "options", &how) &&
                        doc_bool(&how, "skipEmptyExchange", false);
    put(conn->scram_db, sizeof conn->scram_db, "%s", c->db);
    if (!scram_kind_from(mechanism, &conn->scram.kind))
        return fail(c, 2, "Unsupported mechanism '%s' on authentication database '%s'", mechanism,
                    c->db);
    if (check_payload(c) != 0)
        return -1;
    payload = payload_of(c->command, &binary);
    if (payload == NULL || !scram_server_begin(&conn->scram, payload)) {
        free(payload);
        return refuse(c, "BadValue: malformed client first message");
    }
    free(payload);
    if (!load_credentials(conn)) {
        char why[400];

        if (strcmp(conn->scram.user, "__system") == 0)
            return refuse(c, "AuthenticationFailed: It is not possible to authenticate as the "
                             "__system user on servers "
                             "started without a --keyFile parameter");
        put(why, sizeof why, "UserNotFound: Could not find user \"%s\" for db \"%s\"",
            conn->scram.user, c->db);
        return refuse(c, why);
    }
    first = scram_server_first(&conn->scram);
    conn->scram_step = 1;
    rc = answer(c, first, binary, false);
    free(first);
    return rc;
}

/* The password was right; whether the user may log in from there. */
static int check_restrictions(struct call *c)
{
    struct conn *conn = c->conn;
    const bson_t *user = auth_user(conn->scram.user, conn->scram_db);

    if (user == NULL || restrictions_met(user, conn))
        return 0;
    restrictions_log(user);
    scram_server_done(&conn->scram);
    conn->scram_step = 0;
    return fail(c, 18, "Authentication failed.");
}

static void logged_in(struct conn *conn)
{
    login_add(&conn->login, conn->scram.user, conn->scram_db);
    auth_log_login(scram_name(conn->scram.kind), conn->scram_speculative, conn->scram.user,
                   conn->scram_db, conn->remote);
    scram_server_done(&conn->scram);
    conn->scram_step = 0;
}

/* Whether this goes on with the exchange that was begun; the exchange ends when it doesn't. */
static int check_conversation(struct call *c)
{
    struct conn *conn = c->conn;
    bson_iter_t it;
    char *text;
    int rc = 0;

    if (conn->scram_step == 0)
        return fail(c, 17, "No SASL session state found");
    if (!doc_find(c->command, "conversationId", &it)) {
        rc = fail(c, 4, "Missing expected field \"conversationId\"");
    } else if (!iter_is_number(&it)) {
        text = iter_text(&it);
        rc = fail(c, 14, "Wrong type for field; expected number for conversationId: %s", text);
        free(text);
    } else if (bson_iter_as_int64(&it) != 1) {
        rc = fail(c, 17, "sasl: Mismatched conversation id");
    } else {
        rc = check_payload(c);
    }
    if (rc != 0) {
        scram_server_done(&conn->scram);
        conn->scram_step = 0;
    }
    return rc;
}

static int sasl_continue(struct call *c)
{
    struct conn *conn = c->conn;
    bool binary;
    char *payload, *final;
    int rc;

    if (check_conversation(c) != 0)
        return -1;
    payload = payload_of(c->command, &binary);
    if (conn->scram_step == 1) {
        final = payload == NULL ? NULL : scram_server_final(&conn->scram, payload);
        free(payload);
        if (final == NULL)
            return refuse(c,
                          "AuthenticationFailed: SCRAM authentication failed, storedKey mismatch");
        conn->scram_step = 2;
        rc = conn->scram_short ? check_restrictions(c) : 0;
        if (rc == 0)
            rc = answer(c, final, binary, conn->scram_short);
        free(final);
        if (rc != 0)
            return rc;
        if (conn->scram_short)
            logged_in(conn);
        return rc;
    }
    free(payload);
    if ((rc = check_restrictions(c)) != 0)
        return rc;
    logged_in(conn);
    return answer(c, "", binary, true);
}

void speculative_login(struct call *c)
{
    bson_t start, reply = BSON_INITIALIZER, copy;
    struct call inner = *c;

    if (!doc_sub(c->command, "speculativeAuthenticate", &start) ||
        strcmp(doc_first_key(&start), "saslStart") != 0)
        return;
    bson_copy_to(&start, &copy);
    inner.command = &copy;
    inner.name = "saslStart";
    inner.db = doc_str(&copy, "db", "admin");
    inner.reply = &reply;
    c->conn->scram_speculative = sasl_start(&inner) == 0;
    if (c->conn->scram_speculative)
        add_doc(c->reply, "speculativeAuthenticate", &reply);
    bson_destroy(&copy);
    bson_destroy(&reply);
}

static int logout(struct call *c)
{
    login_remove_db(&c->conn->login, c->db);
    return 0;
}

static int connection_status(struct call *c)
{
    const struct login *l = &c->conn->login;
    bson_t info, users = BSON_INITIALIZER, roles = BSON_INITIALIZER, one = BSON_INITIALIZER, list,
                 empty = BSON_INITIALIZER;
    uint32_t n = 0, r = 0;
    bson_iter_t it;

    for (int i = 0; i < l->n; i++) {
        const bson_t *user = auth_user(l->who[i].user, l->who[i].db);

        bson_reinit(&one);
        add_str(&one, "user", l->who[i].user);
        add_str(&one, "db", l->who[i].db);
        push_doc(&users, &n, &one);
        if (user == NULL || !doc_sub(user, "roles", &list) || !bson_iter_init(&it, &list))
            continue;
        while (bson_iter_next(&it)) {
            bson_t role;

            if (iter_sub(&it, &role))
                push_doc(&roles, &r, &role);
        }
    }
    bson_append_document_begin(c->reply, "authInfo", -1, &info);
    add_arr(&info, "authenticatedUsers", &users);
    add_arr(&info, "authenticatedUserRoles", &roles);
    if (doc_bool(c->command, "showPrivileges", false))
        add_arr(&info, "authenticatedUserPrivileges", &empty);
    bson_append_document_end(c->reply, &info);
    bson_destroy(&users);
    bson_destroy(&roles);
    bson_destroy(&one);
    bson_destroy(&empty);
    return 0;
}

static int nothing(struct call *c)
{
    (void)c;
    return 0;
}

const struct command login_commands[] = {
    {"saslStart", F_NO_AUTH, A_NONE, sasl_start},
    {"saslContinue", F_NO_AUTH, A_NONE, sasl_continue},
    {"authenticate", F_NO_AUTH, A_NONE, x509_authenticate},
    {"logout", F_NO_AUTH, A_NONE, logout},
    {"connectionStatus", F_NO_AUTH, A_NONE, connection_status},
    {"endSessions", 0, A_NONE, nothing},
    {"refreshSessions", 0, A_NONE, nothing},
    {"killSessions", 0, A_NONE, nothing},
    {NULL, 0, A_NONE, NULL},
};
