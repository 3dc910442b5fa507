/* What is refused of the commands about users before anything is done. */
#include "arguments.h"
#include "auth.h"
#include "cmd.h"
#include "log.h"
#include "scram.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

/* One of the two fields of a named role or user: both are needed, as texts. */
static int check_part(struct call *c, const bson_t *named, const char *field)
{
    bson_iter_t it;

    if (!doc_find(named, field, &it))
        return fail(c, 4, "Missing expected field \"%s\"", field);
    if (!BSON_ITER_HOLDS_UTF8(&it))
        return fail(c, 14, "\"%s\" had the wrong type. Expected string, found %s", field,
                    type_name(&it));
    return 0;
}

static int role_from(struct call *c, const bson_iter_t *it, const char **ret_role,
                     const char **ret_db)
{
    bson_t named;
    int rc;

    if (BSON_ITER_HOLDS_UTF8(it)) {
        *ret_role = bson_iter_utf8(it, NULL);
        *ret_db = c->db;
        return 0;
    }
    if (!BSON_ITER_HOLDS_DOCUMENT(it) || !iter_sub(it, &named))
        return fail(c, 2,
                    version_at_least(5, 0) ? "Role name must be either a document or string"
                                           : "User and role names must be either strings or "
                                             "objects");
    rc = check_part(c, &named, "role");
    if (rc == 0)
        rc = check_part(c, &named, "db");
    if (rc == 0) {
        *ret_role = doc_str(&named, "role", "");
        *ret_db = doc_str(&named, "db", "");
    }
    return rc;
}

/* The first that there isn't; from 5.0 on, all of them. */
static int refuse_missing(struct call *c, const char *missing)
{
    bool several = strchr(missing, ',') != NULL;

    if (!version_at_least(5, 0))
        return fail(c, 31, "No role named %.*s", (int)strcspn(missing, ","), missing);
    return fail(c, 31, "Could not find role%s: %s", several ? "s" : "", missing);
}

int user_resolve_roles(struct call *c, const bson_t *list, bson_t *ret_arr)
{
    bson_string_t *missing = bson_string_new(NULL);
    const char *role, *db;
    bson_iter_t it;
    uint32_t n = 0;
    int rc = 0;

    bson_iter_init(&it, list);
    while (rc == 0 && bson_iter_next(&it)) {
        bson_t out = BSON_INITIALIZER;

        rc = role_from(c, &it, &role, &db);
        if (rc == 0 && !role_exists(role, db))
            bson_string_append_printf(missing, "%s%s@%s", missing->len == 0 ? "" : ", ", role, db);
        if (rc == 0) {
            add_str(&out, "role", role);
            add_str(&out, "db", db);
            push_doc(ret_arr, &n, &out);
        }
        bson_destroy(&out);
    }
    if (rc == 0 && missing->len > 0)
        rc = refuse_missing(c, missing->str);
    bson_string_free(missing, true);
    return rc;
}

/* Role names, but not whether there are such roles. */
static int check_role_names(struct call *c, const bson_t *list)
{
    const char *role, *db;
    bson_iter_t it;
    int rc = 0;

    bson_iter_init(&it, list);
    while (rc == 0 && bson_iter_next(&it))
        rc = role_from(c, &it, &role, &db);
    return rc;
}

static int check_mechanism(struct call *c, const bson_iter_t *it)
{
    const char *name;
    enum scram_kind kind;

    if (!BSON_ITER_HOLDS_UTF8(it))
        return fail(c, 2, "mechanisms field must be an array of strings");
    name = bson_iter_utf8(it, NULL);
    if (!scram_kind_from(name, &kind))
        return fail(c, 2, "Unknown auth mechanism '%s'", name);
    if (kind == SCRAM_SHA_256 && !doc_bool(c->command, "digestPassword", true))
        return fail(c, 2, "Use of SCRAM-SHA-256 requires undigested passwords");
    return 0;
}

static int check_mechanisms(struct call *c)
{
    int code = version_at_least(5, 0) ? 2 : 12, rc = 0;
    bson_iter_t it;
    bson_t list;

    if (!doc_find(c->command, "mechanisms", &it))
        return !doc_bool(c->command, "digestPassword", true) && doc_has(c->command, "pwd")
                   ? fail(c, 2, "Use of SCRAM-SHA-256 requires undigested passwords")
                   : 0;
    if (!BSON_ITER_HOLDS_ARRAY(&it) || !iter_sub(&it, &list))
        return fail(c, code, "mechanisms field must be an array");
    if (bson_empty(&list))
        return fail(c, code, "mechanisms field must not be empty");
    bson_iter_init(&it, &list);
    while (rc == 0 && bson_iter_next(&it))
        rc = check_mechanism(c, &it);
    return rc;
}

static int refuse_restrictions(struct call *c)
{
    static const char why[] = "authenticationRestrictions must be an array";

    log_line('I', "ACCESS", "BadValue: %s", why);
    return fail(c, 2, "%s", why);
}

/* What createUser and updateUser have in common. */
static int check_fields(struct call *c)
{
    const char *password = doc_str(c->command, "pwd", NULL);
    bson_iter_t it;
    bson_t list;
    int rc = check_mechanisms(c);

    if (rc == 0 && password != NULL && *password == '\0')
        rc = fail(c, 2, "User passwords must not be empty");
    if (rc == 0 && doc_find(c->command, "authenticationRestrictions", &it) &&
        !BSON_ITER_HOLDS_ARRAY(&it))
        rc = refuse_restrictions(c);
    if (rc == 0 && doc_sub(c->command, "roles", &list))
        rc = check_role_names(c, &list);
    return rc;
}

static int refuse_external_password(struct call *c)
{
    return fail(c, 2, "Cannot set the password for users defined on the '$external' database");
}

int user_check_new(struct call *c)
{
    bool external = strcmp(c->db, "$external") == 0, password = doc_has(c->command, "pwd");
    int rc = check_fields(c);

    if (rc != 0)
        return rc;
    if (strcmp(c->db, "local") == 0)
        return fail(c, 2, "Cannot create users in the local database");
    if (!password && !external)
        return fail(c, 2,
                    "Must provide a 'pwd' field for all user documents, except those with "
                    "'$external' as the user's source db");
    if (password && external)
        return refuse_external_password(c);
    if (!doc_has(c->command, "roles"))
        return fail(c, 2, "\"createUser\" command requires a \"roles\" array");
    return 0;
}

int user_check_change(struct call *c)
{
    static const char *const fields[] = {"pwd", "customData", "roles", "authenticationRestrictions",
                                         "mechanisms"};
    bool any = false;
    int rc = check_fields(c);

    for (size_t i = 0; i < COUNT_OF(fields); i++)
        any = any || doc_has(c->command, fields[i]);
    if (rc == 0 && !any)
        rc = fail(c, 2, "Must specify at least one field to update in updateUser");
    if (rc == 0 && doc_has(c->command, "pwd") && strcmp(c->db, "$external") == 0)
        rc = refuse_external_password(c);
    return rc;
}

int user_check_roles(struct call *c, bson_t *ret_list)
{
    int rc;

    if (!doc_sub(c->command, "roles", ret_list) || bson_empty(ret_list))
        return fail(c, 2, "%s command requires a non-empty \"roles\" array", c->name);
    rc = check_role_names(c, ret_list);
    return rc;
}

/* One named user, or each of several. */
static int check_names(struct call *c, const bson_iter_t *what)
{
    bson_t sub;
    bson_iter_t it;
    int rc;

    if (BSON_ITER_HOLDS_UTF8(what))
        return 0;
    if (!iter_sub(what, &sub))
        return fail(c, 2, "User and role names must be either strings or objects");
    if (BSON_ITER_HOLDS_DOCUMENT(what)) {
        rc = check_part(c, &sub, "user");
        return rc == 0 ? check_part(c, &sub, "db") : rc;
    }
    rc = 0;
    bson_iter_init(&it, &sub);
    while (rc == 0 && bson_iter_next(&it))
        rc = check_names(c, &it);
    return rc;
}

int user_check_question(struct call *c)
{
    bson_iter_t what, filter;
    bool several, details = doc_bool(c->command, "showPrivileges", false) ||
                            doc_bool(c->command, "showAuthenticationRestrictions", false);
    bson_t sub;
    int rc = 0;

    doc_find(c->command, "usersInfo", &what);
    several = (iter_is_number(&what) && bson_iter_as_int64(&what) == 1) ||
              (BSON_ITER_HOLDS_DOCUMENT(&what) && iter_sub(&what, &sub) &&
               doc_bool(&sub, "forAllDBs", false));
    if (!several)
        rc = check_names(c, &what);
    if (rc == 0 && doc_find(c->command, "filter", &filter) && !BSON_ITER_HOLDS_DOCUMENT(&filter))
        rc = fail(c, 14, "filter must be an Object");
    if (rc == 0 && details && (several || doc_has(c->command, "filter")))
        rc = fail(c, 20, "Privilege or restriction details require exact-match usersInfo queries.");
    return rc;
}
