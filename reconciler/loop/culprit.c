#include "reconciler/loop/culprit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

/* What one line says, as far as it matters here. */
struct said {
    char connection[24]; /* "conn12" */
    char at[40];
    bool set_mode;
    char who[208]; /* "dana@admin from 10.0.0.7:50432", "" : no login */
};

static const char *text_at(const json_t *object, const char *key, const char *other)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text || !other ? text : json_string_value(json_object_get(object, other));
}

static void read_json(const char *line, struct said *said)
{
    json_t *json = json_loads(line, 0, NULL);
    const json_t *attributes = json_object_get(json, "attr");
    const char *context = text_at(json, "ctx", NULL);
    const char *at = text_at(json_object_get(json, "t"), "$date", NULL);
    const char *parameter = text_at(attributes, "parameterName", NULL);
    const char *name = text_at(attributes, "principalName", "user");
    const char *database = text_at(attributes, "authenticationDatabase", "db");
    const char *from = text_at(attributes, "remote", "client");
    json_int_t id = json_integer_value(json_object_get(json, "id"));
    snprintf(said->connection, sizeof said->connection, "%s", context ? context : "");
    snprintf(said->at, sizeof said->at, "%s", at ? at : "");
    said->set_mode = id == 23435 && parameter &&
                     (strcmp(parameter, "tlsMode") == 0 || strcmp(parameter, "sslMode") == 0);
    if ((id == 20250 || id == 5286306) && name && database && from)
        snprintf(said->who, sizeof said->who, "%s@%s from %s", name, database, from);
    json_decref(json);
}

static void read_text(const char *line, struct said *said)
{
    static const char set[] = "uccessfully set parameter ";
    const char *bracket = strstr(line, "[conn");
    const char *did = strstr(line, set);
    char name[64];
    char database[64];
    char from[64];
    if (bracket)
        snprintf(said->connection, sizeof said->connection, "%.*s", (int)strcspn(bracket + 1, "]"),
                 bracket + 1);
    snprintf(said->at, sizeof said->at, "%.*s", (int)strcspn(line, " "), line);
    if (did)
        said->set_mode = strncmp(did + sizeof set - 1, "tlsMode ", 8) == 0 ||
                         strncmp(did + sizeof set - 1, "sslMode ", 8) == 0;
    const char *login = strstr(line, "Successfully authenticated as principal ");
    if (login &&
        sscanf(login, "Successfully authenticated as principal %63s on %63s from client %63s", name,
               database, from) == 3)
        snprintf(said->who, sizeof said->who, "%s@%s from %s", name, database, from);
}

static void read_line(const char *line, size_t length, struct said *said)
{
    char text[LINE_MAX_BYTES];
    *said = (struct said){0};
    if (length >= sizeof text)
        return;
    memcpy(text, line, length);
    text[length] = 0;
    if (text[0] == '{')
        read_json(text, said);
    else
        read_text(text, said);
}

static size_t next_line(const char *at)
{
    size_t length = strcspn(at, "\n");
    return length + (at[length] == '\n');
}

static bool find_deed(const char *lines, struct said *ret_deed)
{
    bool found = false;
    for (const char *at = lines; *at; at += next_line(at)) {
        struct said said;
        read_line(at, strcspn(at, "\n"), &said);
        if (said.set_mode && said.connection[0]) {
            *ret_deed = said;
            found = true;
        }
    }
    return found;
}

bool ek_culprit_of_mode(const char *lines, char *ret_who, size_t size)
{
    struct said deed;
    char who[208] = "";
    if (!find_deed(lines, &deed))
        return false;
    for (const char *at = lines; *at; at += next_line(at)) {
        struct said said;
        read_line(at, strcspn(at, "\n"), &said);
        if (said.who[0] && strcmp(said.connection, deed.connection) == 0)
            snprintf(who, sizeof who, "%s", said.who);
    }
    if (!who[0])
        snprintf(who, sizeof who, "somebody who had not logged in by name (connection %.20s)",
                 deed.connection + strcspn(deed.connection, "0123456789"));
    snprintf(ret_who, size, "%s, at %s", who, deed.at);
    return true;
}
