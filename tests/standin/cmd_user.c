/* createUser, updateUser, dropUser, usersInfo, and giving and taking roles. Users are documents of
 * admin.system.users and travel through the log like any other. */
#include "cmd.h"
#include "data.h"
#include "repl.h"
#include "restrictions.h"
#include "scram.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

static const char RESTRICTIONS[] = "authenticationRestrictions";

void add_user_mechanisms(bson_t *to, const char *key, const bson_t *credentials)
{
    bson_t arr = BSON_INITIALIZER;
    uint32_t n = 0;

    for (int k = SCRAM_SHA_1; k <= SCRAM_SHA_256; k++)
        if (credentials == NULL || doc_has(credentials, scram_name((enum scram_kind)k)))
            push_str(&arr, &n, scram_name((enum scram_kind)k));
    add_arr(to, key, &arr);
    bson_destroy(&arr);
}

static bool wants(const bson_t *command, const char *mechanism)
{
    bson_t list;
    bson_iter_t it;

    if (!doc_sub(command, "mechanisms", &list))
        return true;
    bson_iter_init(&it, &list);
    while (bson_iter_next(&it))
        if (BSON_ITER_HOLDS_UTF8(&it) && strcmp(bson_iter_utf8(&it, NULL), mechanism) == 0)
            return true;
    return false;
}

static void add_credentials(bson_t *to, const bson_t *command, const char *user,
                            const char *password)
{
    bson_t sub;
    bool digested =
        doc_has(command, "digestPassword") && !doc_bool(command, "digestPassword", true);

    bson_append_document_begin(to, "credentials", -1, &sub);
    for (int k = SCRAM_SHA_1; k <= SCRAM_SHA_256; k++) {
        struct scram_keys keys;

        if (!wants(command, scram_name((enum scram_kind)k)) || (digested && k != SCRAM_SHA_1))
            continue;
        scram_make((enum scram_kind)k, digested ? NULL : user, password, &keys);
        scram_to_doc(&sub, (enum scram_kind)k, &keys);
    }
    bson_append_document_end(to, &sub);
}

/* Logs the change and waits as the command's write concern says (majority when it says nothing). */
static int commit_entry(struct call *c, bson_t *entry)
{
    struct write_concern wc = {.majority = true, .timeout = 30000};

    if (doc_has(c->command, "writeConcern"))
        wc = write_concern_of(c->command);
    return repl_await(repl_append(entry), wc, c->reply)
               ? 0
               : fail(c, 11602, "operation was interrupted");
}

static int check_name(struct call *c, const char *user)
{
    if (user == NULL || *user == '\0')
        return fail(c, 2, "User document needs 'user' field to be non-empty");
    if (!repl_accepts_writes())
        return fail(c, 10107, version_at_least(5, 0) ? "not primary" : "not master");
    return 0;
}

/* The form that users are stored in is told once, when the first is made; mongorestore asks. */
static void note_schema(void)
{
    const struct collection *versions = data_find("admin.system.version");
    bson_t *entry, o = BSON_INITIALIZER;
    bson_iter_t id;

    add_str(&o, "_id", "authSchema");
    add_int(&o, "currentVersion", 5);
    if (doc_find(&o, "_id", &id) && (versions == NULL || data_by_id(versions, &id) == NULL)) {
        entry = repl_entry("i", "admin.system.version");
        add_doc(entry, "o", &o);
        repl_append(entry);
    }
    bson_destroy(&o);
}

/* An empty list isn't kept. */
static void add_restrictions(bson_t *to, const bson_t *command)
{
    bson_t list;

    if (doc_sub(command, RESTRICTIONS, &list) && !bson_empty(&list))
        add_arr(to, RESTRICTIONS, &list);
}

static int create_user(struct call *c)
{
    const char *user = doc_str(c->command, "createUser", NULL),
               *password = doc_str(c->command, "pwd", NULL);
    bson_t list, custom, *entry, o, arr = BSON_INITIALIZER, credentials = BSON_INITIALIZER;
    uint8_t uuid[16];
    char *id;
    int rc = user_check_new(c);

    if (rc == 0)
        rc = check_name(c, user);
    if (rc == 0 && doc_sub(c->command, "roles", &list))
        rc = user_resolve_roles(c, &list, &arr);
    if (rc == 0)
        rc = restrictions_check(c);
    if (rc == 0 && auth_user(user, c->db) != NULL)
        rc = fail(c, 51003, "User \"%s@%s\" already exists", user, c->db);
    if (rc == 0 && password != NULL) {
        node_unlock(); /* deriving keys takes long */
        add_credentials(&credentials, c->command, user, password);
        node_lock();
        rc = check_name(c, user);
        if (rc == 0 && auth_user(user, c->db) != NULL)
            rc = fail(c, 51003, "User \"%s@%s\" already exists", user, c->db);
    }
    if (rc == 0) {
        note_schema();
        random_bytes(uuid, sizeof uuid);
        id = xprintf("%s.%s", c->db, user);
        entry = repl_entry("i", "admin.system.users");
        bson_append_document_begin(entry, "o", -1, &o);
        add_str(&o, "_id", id);
        add_bin(&o, "userId", BSON_SUBTYPE_UUID, uuid, sizeof uuid);
        add_str(&o, "user", user);
        add_str(&o, "db", c->db);
        bson_concat(&o, &credentials);
        add_restrictions(&o, c->command);
        if (doc_sub(c->command, "customData", &custom))
            add_doc(&o, "customData", &custom);
        add_arr(&o, "roles", &arr);
        bson_append_document_end(entry, &o);
        free(id);
        rc = commit_entry(c, entry);
    }
    bson_destroy(&arr);
    bson_destroy(&credentials);
    return rc;
}

/* Replaces the user's document by `doc`. */
static int replace_user(struct call *c, const bson_t *doc)
{
    bson_t *entry = repl_entry("u", "admin.system.users"), sub;

    add_doc(entry, "o", doc);
    bson_append_document_begin(entry, "o2", -1, &sub);
    add_str(&sub, "_id", doc_str(doc, "_id", ""));
    bson_append_document_end(entry, &sub);
    return commit_entry(c, entry);
}

static int update_user(struct call *c)
{
    const char *user = doc_str(c->command, "updateUser", NULL),
               *password = doc_str(c->command, "pwd", NULL);
    bson_t list, custom, arr = BSON_INITIALIZER, credentials = BSON_INITIALIZER,
                         doc = BSON_INITIALIZER;
    const bson_t *old;
    bool roles = doc_sub(c->command, "roles", &list),
         data = doc_sub(c->command, "customData", &custom),
         restrictions = doc_has(c->command, RESTRICTIONS);
    int rc = user_check_change(c);

    if (rc == 0)
        rc = check_name(c, user);
    if (rc == 0 && roles)
        rc = user_resolve_roles(c, &list, &arr);
    if (rc == 0)
        rc = restrictions_check(c);
    if (rc == 0 && password != NULL) {
        node_unlock();
        add_credentials(&credentials, c->command, user, password);
        node_lock();
        rc = check_name(c, user);
    }
    if (rc == 0 && (old = auth_user(user, c->db)) == NULL) {
        rc = fail(c, 11, "User %s@%s not found", user, c->db);
    } else if (rc == 0) {
        bson_iter_t it;

        bson_iter_init(&it, old);
        while (bson_iter_next(&it)) {
            const char *key = bson_iter_key(&it);

            if (strcmp(key, "credentials") == 0 && password != NULL)
                bson_concat(&doc, &credentials);
            else if (strcmp(key, "roles") == 0 && roles)
                add_arr(&doc, "roles", &arr);
            else if (!(strcmp(key, "customData") == 0 && data) &&
                     !(strcmp(key, RESTRICTIONS) == 0 && restrictions))
                bson_append_iter(&doc, NULL, 0, &it);
        }
        if (data)
            add_doc(&doc, "customData", &custom);
        add_restrictions(&doc, c->command);
        rc = replace_user(c, &doc);
    }
    bson_destroy(&arr);
    bson_destroy(&credentials);
    bson_destroy(&doc);
    return rc;
}

static bool same_role(const bson_t *a, const bson_t *b)
{
    return strcmp(doc_str(a, "role", ""), doc_str(b, "role", "")) == 0 &&
           strcmp(doc_str(a, "db", ""), doc_str(b, "db", "")) == 0;
}

static bool listed(const bson_t *list, const bson_t *role)
{
    bson_iter_t it;
    bson_t one;

    bson_iter_init(&it, list);
    while (bson_iter_next(&it))
        if (iter_sub(&it, &one) && same_role(&one, role))
            return true;
    return false;
}

/* grantRolesToUser and revokeRolesFromUser. */
static int change_roles(struct call *c)
{
    bool grant = c->name[0] == 'g';
    const char *user = doc_str(c->command, c->name, NULL);
    bson_t list, have, one, changed = BSON_INITIALIZER, arr = BSON_INITIALIZER,
                            doc = BSON_INITIALIZER;
    const bson_t *old;
    bson_iter_t it;
    uint32_t n = 0;
    int rc = user_check_roles(c, &list);

    if (rc == 0)
        rc = check_name(c, user);
    if (rc == 0 && (old = auth_user(user, c->db)) == NULL)
        rc = fail(c, 11, "Could not find user \"%s\" for db \"%s\"", user, c->db);
    if (rc == 0)
        rc = user_resolve_roles(c, &list, &changed);
    if (rc == 0) {
        if (doc_sub(old, "roles", &have) && bson_iter_init(&it, &have))
            while (bson_iter_next(&it))
                if (iter_sub(&it, &one) && (grant || !listed(&changed, &one)))
                    push_doc(&arr, &n, &one);
        bson_iter_init(&it, &changed);
        while (grant && bson_iter_next(&it))
            if (iter_sub(&it, &one) && !listed(&arr, &one))
                push_doc(&arr, &n, &one);
        bson_copy_to_excluding_noinit(old, &doc, "roles", NULL);
        add_arr(&doc, "roles", &arr);
        rc = replace_user(c, &doc);
    }
    bson_destroy(&changed);
    bson_destroy(&arr);
    bson_destroy(&doc);
    return rc;
}

static int drop_user(struct call *c)
{
    const char *user = doc_str(c->command, "dropUser", NULL);
    bson_t *entry, o;
    int rc = check_name(c, user);

    if (rc != 0)
        return rc;
    if (auth_user(user, c->db) == NULL)
        return fail(c, 11, "User '%s@%s' not found", user, c->db);
    char *id = xprintf("%s.%s", c->db, user);
    entry = repl_entry("d", "admin.system.users");
    bson_append_document_begin(entry, "o", -1, &o);
    add_str(&o, "_id", id);
    bson_append_document_end(entry, &o);
    free(id);
    return commit_entry(c, entry);
}

static bool asked_for(struct call *c, const bson_iter_t *what, const char *user, const char *db)
{
    bson_t sub;
    bson_iter_t it;

    if (BSON_ITER_HOLDS_UTF8(what))
        return strcmp(bson_iter_utf8(what, NULL), user) == 0 && strcmp(db, c->db) == 0;
    if (iter_is_number(what))
        return strcmp(db, c->db) == 0;
    if (!iter_sub(what, &sub))
        return false;
    if (BSON_ITER_HOLDS_ARRAY(what)) {
        bson_iter_init(&it, &sub);
        while (bson_iter_next(&it))
            if (asked_for(c, &it, user, db))
                return true;
        return false;
    }
    if (doc_bool(&sub, "forAllDBs", false))
        return true;
    return strcmp(doc_str(&sub, "user", ""), user) == 0 &&
           strcmp(doc_str(&sub, "db", c->db), db) == 0;
}

/* With details: everything as it is stored, and what roles add. There are no roles of one's own
 * here, and no list of what a role allows. */
static void show_details(bson_t *one, const bson_t *doc, bool show_restrictions)
{
    static const char *const fields[] = {"authenticationRestrictions", "customData", "roles"};
    bson_t empty = BSON_INITIALIZER;
    bson_iter_t it;

    for (size_t f = show_restrictions ? 0 : 1; f < COUNT_OF(fields); f++)
        if (doc_find(doc, fields[f], &it))
            bson_append_iter(one, NULL, 0, &it);
    if (doc_find(doc, "roles", &it))
        bson_append_iter(one, "inheritedRoles", -1, &it);
    add_arr(one, "inheritedPrivileges", &empty);
    add_arr(one, "inheritedAuthenticationRestrictions", &empty);
    if (show_restrictions && !doc_has(doc, RESTRICTIONS))
        add_arr(one, RESTRICTIONS, &empty);
    bson_destroy(&empty);
}

static void show_user(bson_t *arr, uint32_t *n, const bson_t *doc, const bson_t *command)
{
    static const char *const fields[] = {"_id", "userId", "user", "db", "customData", "roles"};
    bool show_credentials = doc_bool(command, "showCredentials", false),
         show_restrictions = doc_bool(command, "showAuthenticationRestrictions", false),
         details = show_restrictions || doc_bool(command, "showPrivileges", false);
    bson_t one = BSON_INITIALIZER, credentials;
    bson_iter_t it;

    for (size_t f = 0; f < (details ? 4 : COUNT_OF(fields)); f++)
        if (doc_find(doc, fields[f], &it))
            bson_append_iter(&one, NULL, 0, &it);
    if (doc_sub(doc, "credentials", &credentials)) {
        add_user_mechanisms(&one, "mechanisms", &credentials);
        if (show_credentials)
            add_doc(&one, "credentials", &credentials);
    }
    if (details)
        show_details(&one, doc, show_restrictions);
    push_doc(arr, n, &one);
    bson_destroy(&one);
}

static int users_info(struct call *c)
{
    const struct collection *users = data_find("admin.system.users");
    bson_t arr = BSON_INITIALIZER;
    uint32_t n = 0;
    bson_iter_t what;

    if (user_check_question(c) != 0) {
        bson_destroy(&arr);
        return -1;
    }
    doc_find(c->command, "usersInfo", &what);
    for (size_t i = 0; users != NULL && i < users->n; i++) {
        const bson_t *doc;

        if (users->at[i] == NULL)
            continue;
        doc = users->at[i]->doc;
        if (asked_for(c, &what, doc_str(doc, "user", ""), doc_str(doc, "db", "")))
            show_user(&arr, &n, doc, c->command);
    }
    add_arr(c->reply, "users", &arr);
    bson_destroy(&arr);
    return 0;
}

const struct command user_commands[] = {
    {"createUser", F_WRITE, A_USER, create_user},
    {"updateUser", F_WRITE, A_USER, update_user},
    {"dropUser", F_WRITE, A_USER, drop_user},
    {"grantRolesToUser", F_WRITE, A_USER, change_roles},
    {"revokeRolesFromUser", F_WRITE, A_USER, change_roles},
    {"usersInfo", F_READ, A_USER, users_info},
    {NULL, 0, A_NONE, NULL},
};
