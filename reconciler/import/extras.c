/* What specs have no key for yet: users, settings, tags, delays. It stays as it is. */
#include <jansson.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/import/parts.h"

static int ask(const struct ek_mongodb_target *target, enum ek_mongodb_question question,
               int64_t deadline, json_t **ret_json, struct ek_error *err)
{
    EK_BUFFER text = {0};
    int result = ek_mongodb_driver_named("libmongoc")->ask(target, question, deadline, &text, err);
    if (result != 0)
        return result;
    result = ek_json_read(ek_buffer_text(&text), text.length, JSON_ALLOW_NUL, ret_json, NULL);
    if (result == EK_NO_MEMORY)
        return ek_no_memory(err);
    return result == 0 ? 0
                       : ek_fail(err, EK_INVALID, "EK-0450", "%s: an answer that can't be read",
                                 target->member);
}

/* As compact JSON, as far as there is room. */
static void value_text(const json_t *value, struct ek_buffer *text)
{
    json_t *copy = json_deep_copy(value);
    ek_json_print(copy, JSON_COMPACT | JSON_ENCODE_ANY, text);
}

/* ---- the set's configuration ---- */

static bool is_default(const char *key, const json_t *value)
{
    static const struct {
        const char *key;
        double value;
    } defaults[] = {
        {"heartbeatIntervalMillis", 2000},     {"heartbeatTimeoutSecs", 10},
        {"electionTimeoutMillis", 10000},      {"catchUpTimeoutMillis", -1},
        {"catchUpTakeoverDelayMillis", 30000},
    };
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(key, defaults[i].key) == 0)
            return json_is_number(value) && json_number_value(value) == defaults[i].value;
    if (strcmp(key, "chainingAllowed") == 0)
        return json_is_true(value);
    if (strcmp(key, "replicaSetId") == 0)
        return true;
    if (strcmp(key, "getLastErrorModes") == 0)
        return json_object_size(value) == 0;
    if (strcmp(key, "getLastErrorDefaults") == 0)
        return json_number_value(json_object_get(value, "w")) == 1 &&
               json_number_value(json_object_get(value, "wtimeout")) == 0;
    return false;
}

static void note_settings(const json_t *settings, struct ek_import *import)
{
    EK_BUFFER text = {0};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)settings, key, value)
    {
        if (is_default(key, value))
            continue;
        ek_buffer_printf(&text, "%s%s: ", text.length ? ", " : "", key);
        value_text(value, &text);
    }
    if (text.length)
        ek_import_note(&import->notes, EK_NOTE_KEPT, "", "settings of the replica set: %s",
                       ek_buffer_text(&text));
}

static void note_member_settings(const json_t *row, struct ek_import_member *member)
{
    static const char *const delays[] = {"slaveDelay", "secondaryDelaySecs"};
    const json_t *tags = json_object_get(row, "tags");
    const json_t *horizons = json_object_get(row, "horizons");
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
        if (json_number_value(json_object_get(row, delays[i])) > 0)
            ek_import_note(&member->notes, EK_NOTE_KEPT, "", "it stays %.0f s behind on purpose",
                           json_number_value(json_object_get(row, delays[i])));
    if (json_is_false(json_object_get(row, "buildIndexes")))
        ek_import_note(&member->notes, EK_NOTE_KEPT, "", "it builds no indexes");
    if (json_object_size(tags) > 0) {
        EK_BUFFER text = {0};
        value_text(tags, &text);
        ek_import_note(&member->notes, EK_NOTE_KEPT, "", "its tags: %s", ek_buffer_text(&text));
    }
    if (json_object_size(horizons) > 0) {
        EK_BUFFER text = {0};
        value_text(horizons, &text);
        ek_import_note(&member->notes, EK_NOTE_KEPT, "", "its horizons: %s", ek_buffer_text(&text));
    }
}

static void note_configuration(const json_t *answer, struct ek_import *import)
{
    size_t index;
    json_t *row;
    const json_t *config = json_object_get(answer, "config");
    note_settings(json_object_get(config, "settings"), import);
    json_array_foreach(json_object_get(config, "members"), index, row)
    {
        json_int_t id = json_integer_value(json_object_get(row, "_id"));
        for (size_t i = 0; i < import->member_count; i++)
            if (import->members[i].row.id == (int)id)
                note_member_settings(row, &import->members[i]);
    }
}

/* ---- users ---- */

static void add_user(const json_t *user, struct ek_buffer *text)
{
    size_t index;
    json_t *role;
    const char *name = json_string_value(json_object_get(user, "user"));
    const char *database = json_string_value(json_object_get(user, "db"));
    ek_buffer_printf(text, "%s%s@%s (", text->length ? ", " : "", name ? name : "?",
                     database ? database : "?");
    json_array_foreach(json_object_get(user, "roles"), index, role)
    {
        const char *word = json_string_value(json_object_get(role, "role"));
        const char *of = json_string_value(json_object_get(role, "db"));
        ek_buffer_printf(text, "%s%s", index ? ", " : "", word ? word : "?");
        if (of && (!database || strcmp(of, database) != 0))
            ek_buffer_printf(text, " on %s", of);
    }
    ek_buffer_text_add(text, ")");
}

static void note_users(const json_t *answer, struct ek_import *import)
{
    enum { LINE = 400 };
    EK_BUFFER text = {0};
    size_t index;
    json_t *user;
    json_array_foreach(json_object_get(answer, "users"), index, user)
    {
        EK_BUFFER one = {0};
        add_user(user, &one);
        if (text.length > 0 && text.length + one.length > LINE) {
            ek_import_note(&import->notes, EK_NOTE_KEPT, "", "users: %s", ek_buffer_text(&text));
            ek_buffer_done(&text);
        }
        ek_buffer_printf(&text, "%s%s", text.length ? ", " : "", ek_buffer_text(&one));
    }
    if (text.length)
        ek_import_note(&import->notes, EK_NOTE_KEPT, "", "users: %s", ek_buffer_text(&text));
}

int ek_import_extras(const struct ek_mongodb_target *target, int64_t deadline,
                     struct ek_import *import, struct ek_error *err)
{
    static const struct {
        enum ek_mongodb_question question;
        const char *what;
        void (*note)(const json_t *answer, struct ek_import *import);
    } questions[] = {
        {EK_MONGODB_ASK_CONFIGURATION, "the set's settings", note_configuration},
        {EK_MONGODB_ASK_USERS, "the users", note_users},
    };
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        json_t *answer = NULL;
        struct ek_error problem = {0};
        int result = ask(target, questions[i].question, deadline, &answer, &problem);
        if (result == EK_NO_MEMORY)
            return *err = problem, result;
        if (result != 0)
            ek_import_note(&import->notes, EK_NOTE_UNSEEN, problem.id, "%s could not be read: %s",
                           questions[i].what, problem.sentence);
        else
            questions[i].note(answer, import);
        json_decref(answer);
    }
    return 0;
}
