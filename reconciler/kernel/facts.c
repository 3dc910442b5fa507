#include "reconciler/kernel/facts.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/kernel/aspect.h"

/* ---- visiting ---- */

static void say(const struct ek_situation *situation, const struct ek_field *field, size_t index,
                struct ek_buffer *text)
{
    const struct ek_fact_question question = {
        .situation = situation,
        .member = index,
        .value = ek_field_value(field, situation->state, index),
    };
    if (field->fact)
        field->fact(&question, text);
    else
        field->kind->words(situation->state, field, question.value, text);
}

static void key_of(const struct ek_situation *situation, const struct ek_field *field, size_t index,
                   char key[EK_FACT_KEY_SIZE])
{
    size_t place = field->part % EK_PARTS_OF_ASPECT;
    if (place == EK_PART_MEMBERS)
        snprintf(key, EK_FACT_KEY_SIZE, "%s.%s", ek_member_name(situation->state, index),
                 field->key);
    else if (place == EK_PART_LIST)
        snprintf(key, EK_FACT_KEY_SIZE, "%zu.%s", index, field->key);
    else
        snprintf(key, EK_FACT_KEY_SIZE, "%s", field->key);
}

struct visit {
    const struct ek_situation *situation;
    enum ek_field_role role;
    ek_fact_visit *visit;
    void *context;
    struct ek_buffer text; /* of one fact; it takes nothing more once it failed */
};

/* Of one aspect's part, element by element. */
static void visit_part(struct visit *v, const struct ek_aspect *aspect, enum ek_part_id part)
{
    size_t count = ek_state_count(v->situation->state, part);
    for (size_t i = 0; i < count; i++)
        for (const struct ek_field *const *field = aspect->fields; *field; field++) {
            char key[EK_FACT_KEY_SIZE];
            if ((*field)->part != part || (*field)->role < v->role)
                continue;
            v->text.length = 0;
            ek_buffer_text_add(&v->text, "");
            say(v->situation, *field, i, &v->text);
            key_of(v->situation, *field, i, key);
            const struct ek_fact fact = {.field = *field,
                                         .member = i,
                                         .key = key,
                                         .text = v->text.length ? ek_buffer_text(&v->text) : ""};
            v->visit(v->context, &fact);
        }
}

int ek_facts_visit(const struct ek_situation *situation, enum ek_field_role role,
                   ek_fact_visit *visit, void *context, struct ek_error *err)
{
    struct visit v = {.situation = situation, .role = role, .visit = visit, .context = context};
    for (size_t i = 0; i < EK_ASPECT_PARTS; i++)
        visit_part(&v, ek_aspect_at(i / EK_PARTS_OF_ASPECT), (enum ek_part_id)i);
    int result = ek_buffer_check(&v.text, err);
    ek_buffer_done(&v.text);
    return result;
}

/* ---- digests ---- */

static void add_line(void *context, const struct ek_fact *fact)
{
    ek_buffer_printf(context, "%s %s\n", fact->key, fact->text);
}

static int digest(const struct ek_situation *situation, enum ek_field_role role,
                  char ret_hex[EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    EK_BUFFER lines = {0};
    int result = ek_facts_visit(situation, role, add_line, &lines, err);
    return result == 0 ? ek_sha256_hex_of(&lines, ret_hex, err) : result;
}

int ek_state_digest(const struct ek_situation *situation, char ret_hex[EK_SHA256_HEX_SIZE],
                    struct ek_error *err)
{
    return digest(situation, EK_FIELD_PLANNED, ret_hex, err);
}

int ek_state_digest_whole(const struct ek_situation *situation, char ret_hex[EK_SHA256_HEX_SIZE],
                          struct ek_error *err)
{
    return digest(situation, EK_FIELD_PASSING, ret_hex, err);
}

/* ---- words ---- */

struct words {
    const struct ek_state *state;
    struct ek_buffer *text;
};

static void say_fact(void *context, const struct ek_fact *fact)
{
    const struct words *words = context;
    bool of_member = ek_field_of_member(fact->field);
    if (fact->text[0])
        ek_buffer_printf(words->text, "%s%s%s: %s\n",
                         of_member ? ek_member_name(words->state, fact->member) : "",
                         of_member ? " " : "", fact->field->label, fact->text);
}

int ek_facts_words(const struct ek_situation *situation, struct ek_buffer *text,
                   struct ek_error *err)
{
    struct words words = {.state = situation->state, .text = text};
    int result = ek_facts_visit(situation, EK_FIELD_PLANNED, say_fact, &words, err);
    if (result != 0)
        ek_buffer_fail(text);
    return result == 0 ? ek_buffer_check(text, err) : result;
}

/* ---- differences ---- */

static void collect(void *context, const struct ek_fact *fact)
{
    ek_json_set(context, fact->key, ek_json_text(fact->text));
}

int ek_facts_json(const struct ek_situation *situation, json_t **ret_facts, struct ek_error *err)
{
    json_t *facts = json_object();
    int result = ek_facts_visit(situation, EK_FIELD_PLANNED, collect, &facts, err);
    if (result == 0 && !facts)
        result = ek_no_memory(err);
    if (result != 0)
        json_decref(facts);
    else
        *ret_facts = facts;
    return result;
}

struct comparison {
    struct ek_buffer *text;
    unsigned drift;
};

static const struct ek_field *field_of_key(const char *key)
{
    const char *dot = strrchr(key, '.');
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *field = ek_aspect_at(a)->fields; *field; field++) {
            bool whole = (*field)->part % EK_PARTS_OF_ASPECT == EK_PART_WHOLE;
            if (whole == !dot && strcmp((*field)->key, dot ? dot + 1 : key) == 0)
                return *field;
        }
    return NULL;
}

/* "- a sslMode running: preferSSL" */
static void add_change(struct comparison *c, char sign, const char *key, const char *value)
{
    const struct ek_field *field = field_of_key(key);
    const char *dot = strrchr(key, '.');
    if (field && field->drift >= 0)
        c->drift |= 1U << field->drift;
    ek_buffer_printf(c->text, "%c %.*s%s%s: %s\n", sign, dot ? (int)(dot - key) : 0, key,
                     dot ? " " : "",
                     field ? field->label
                     : dot ? dot + 1
                           : key,
                     value);
}

static bool says(const json_t *facts, const char *key, const char *value)
{
    const char *said = json_string_value(json_object_get(facts, key));
    return said && strcmp(said, value) == 0;
}

/* What of `these` the others don't say. */
static void add_missing(struct comparison *c, const json_t *these, const json_t *others, char sign)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)these, key, value)
    {
        const char *text = json_string_value(value);
        if (text && !says(others, key, text))
            add_change(c, sign, key, text);
    }
}

int ek_facts_moved(const json_t *before, const struct ek_situation *situation,
                   struct ek_buffer *text, unsigned *ret_drift, struct ek_error *err)
{
    struct comparison c = {.text = text};
    json_t *now = NULL;
    int result = ek_facts_json(situation, &now, err);
    if (result != 0)
        return result;
    add_missing(&c, before, now, '-');
    add_missing(&c, now, before, '+');
    json_decref(now);
    result = ek_buffer_check(text, err);
    if (result == 0 && ret_drift)
        *ret_drift = c.drift;
    return result;
}
