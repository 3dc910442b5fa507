/* The comments of a pull request, brought to say what they should. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/forge/refusal.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/comment_parts.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"

/* More pages than this have no pull request that anybody reads. */
enum { PAGES_MAX = 100, ROUNDS = 3, ID_LONGEST = 24 };

struct found {
    char id[ID_LONGEST];
    char *body;
    size_t part;
    json_int_t author;
    bool by_ci;
};

struct finds {
    struct found *items;
    size_t count;
    bool failed; /* there was no memory for all */
};

static void finds_done(struct finds *finds)
{
    for (size_t i = 0; i < finds->count; i++)
        free(finds->items[i].body);
    free(finds->items);
    *finds = (struct finds){0};
}

/* ---- looking ----------------------------------------------------------------------------- */

static bool is_about(const char *body, const char *fleet, struct finds *finds, size_t *ret_part)
{
    EK_BUFFER named = {0};
    bool marked = ek_comment_marked(body, &named, ret_part, NULL);
    finds->failed |= named.failed;
    return marked && strcmp(ek_buffer_text(&named), fleet) == 0;
}

static void note(const struct ek_forge *forge, const json_t *comment, const char *fleet,
                 struct finds *finds)
{
    const char *body = json_string_value(json_object_get(comment, "body"));
    json_int_t id = json_integer_value(json_object_get(comment, "id"));
    size_t part = 0;
    if (!body || id <= 0 || json_is_true(json_object_get(comment, "system")) ||
        !is_about(body, fleet, finds, &part))
        return;
    struct found *more = reallocarray(finds->items, finds->count + 1, sizeof *more);
    char *own = strdup(body);
    finds->items = more ? more : finds->items;
    if (!more || !own) {
        free(own);
        finds->failed = true;
        return;
    }
    const json_t *author = json_object_get(comment, forge->driver->author_key);
    struct found *found = &finds->items[finds->count++];
    *found = (struct found){
        .body = own,
        .part = part,
        .author = json_integer_value(json_object_get(author, "id")),
        .by_ci = forge->driver->by_ci && forge->driver->by_ci(comment),
    };
    snprintf(found->id, sizeof found->id, "%" JSON_INTEGER_FORMAT, id);
}

static int read_list(const struct ek_forge *forge, const struct ek_forge_answer *answer,
                     const char *fleet, struct finds *finds, struct ek_error *err)
{
    size_t i;
    json_t *comment;
    json_t *list = NULL;
    if (ek_json_read(ek_buffer_text(&answer->body), answer->body.length, 0, &list, NULL) ==
        EK_NO_MEMORY)
        return ek_no_memory(err);
    if (!json_is_array(list)) {
        json_decref(list);
        return ek_forge_senseless(forge, "the comments are no list", err);
    }
    json_array_foreach(list, i, comment) note(forge, comment, fleet, finds);
    json_decref(list);
    return finds->failed ? ek_no_memory(err) : 0;
}

static int list_all(struct ek_forge *forge, const char *fleet, struct finds *finds,
                    struct ek_error *err)
{
    EK_BUFFER path = {0};
    forge->driver->comments_path(forge->repository, forge->pull_request, &path);
    for (int page = 0; page < PAGES_MAX; page++) {
        EK_FORGE_ANSWER answer = {0};
        const struct ek_forge_request request = {.method = "GET", .path = ek_buffer_text(&path)};
        int result = ek_buffer_check(&path, err);
        if (result == 0)
            result = ek_forge_send(forge, &request, &answer, err);
        if (result == 0)
            result = read_list(forge, &answer, fleet, finds, err);
        if (result != 0 || !answer.next[0])
            return result;
        ek_buffer_done(&path);
        ek_buffer_text_add(&path, answer.next);
    }
    return ek_forge_senseless(forge, "its list of comments does not end", err);
}

/* The number of the token's user; 0 when the token is not one that may ask. */
static int who_am_i(struct ek_forge *forge, json_int_t *ret_id, struct ek_error *err)
{
    EK_FORGE_ANSWER answer = {0};
    struct ek_error problem = {0};
    const struct ek_forge_request request = {.method = "GET", .path = "/user"};
    int result = ek_forge_send(forge, &request, &answer, &problem);
    *ret_id = 0;
    if (result != 0) {
        bool may_not = strcmp(problem.id, "EK-1209") == 0 || strcmp(problem.id, "EK-1210") == 0 ||
                       strcmp(problem.id, "EK-1208") == 0;
        if (!may_not && err)
            *err = problem;
        return may_not ? 0 : result;
    }
    json_t *user = NULL;
    if (ek_json_read(ek_buffer_text(&answer.body), answer.body.length, 0, &user, NULL) ==
        EK_NO_MEMORY)
        return ek_no_memory(err);
    *ret_id = json_integer_value(json_object_get(user, "id"));
    json_decref(user);
    return 0;
}

/* Anybody can write a comment that begins with our marker: only our own are taken up. */
static int keep_own(struct ek_forge *forge, struct finds *finds, struct ek_error *err)
{
    json_int_t me = 0;
    size_t kept = 0;
    int result = finds->count ? who_am_i(forge, &me, err) : 0;
    if (result != 0)
        return result;
    for (size_t i = 0; i < finds->count; i++) {
        struct found *found = &finds->items[i];
        if (me ? found->author == me : found->by_ci)
            finds->items[kept++] = *found;
        else
            free(found->body);
    }
    finds->count = kept;
    return 0;
}

static int by_part(const void *a, const void *b)
{
    const struct found *one = a;
    const struct found *other = b;
    if (one->part != other->part)
        return one->part < other->part ? -1 : 1;
    long long ids[] = {strtoll(one->id, NULL, 10), strtoll(other->id, NULL, 10)};
    return ids[0] < ids[1] ? -1 : ids[0] > ids[1];
}

/* ---- bringing about ---------------------------------------------------------------------- */

/* Hosts may change line ends, and drop what is empty at the end. */
static bool says_the_same(const char *one, const char *other)
{
    for (;; one++, other++) {
        while (*one == '\r')
            one++;
        while (*other == '\r')
            other++;
        if (*one != *other || !*one)
            break;
    }
    return !one[strspn(one, " \r\n")] && !other[strspn(other, " \r\n")];
}

static int send_body(struct ek_forge *forge, const char *method, const char *id, const char *body,
                     struct ek_error *err)
{
    EK_BUFFER path = {0};
    EK_FORGE_ANSWER answer = {0};
    forge->driver->comment_path(forge->repository, forge->pull_request, id, &path);
    int result = ek_buffer_check(&path, err);
    if (result != 0)
        return result;
    json_t *json = body ? json_pack("{s:o}", "body", ek_json_text(body)) : NULL;
    if (body && !json)
        return ek_no_memory(err);
    const struct ek_forge_request request = {
        .method = method, .path = ek_buffer_text(&path), .body = json, .once = !id};
    result = ek_forge_send(forge, &request, &answer, err);
    json_decref(json);
    return result;
}

/* One pass; EK_CONFLICT when what was found has changed meanwhile, or may have. */
static int bring_about(struct ek_forge *forge, const struct ek_comment_parts *parts,
                       const char *fleet, struct ek_forge_said *said, struct ek_error *err)
{
    EK_CLEANUP(finds_done) struct finds finds = {0};
    int result = list_all(forge, fleet, &finds, err);
    if (result == 0)
        result = keep_own(forge, &finds, err);
    if (result == 0 && finds.count)
        qsort(finds.items, finds.count, sizeof *finds.items, by_part);
    said->kept = 0;
    for (size_t i = 0; result == 0 && i < parts->count; i++) {
        if (i >= finds.count) {
            result = send_body(forge, "POST", NULL, parts->texts[i], err);
            said->made += result == 0;
        } else if (says_the_same(finds.items[i].body, parts->texts[i])) {
            said->kept++;
        } else {
            result = send_body(forge, forge->driver->update_method, finds.items[i].id,
                               parts->texts[i], err);
            said->changed += result == 0;
            if (result == EK_NOT_FOUND)
                result = EK_CONFLICT;
        }
    }
    for (size_t i = parts->count; result == 0 && i < finds.count; i++) {
        result = send_body(forge, "DELETE", finds.items[i].id, NULL, err);
        said->removed += result == 0;
        if (result == EK_NOT_FOUND)
            result = 0;
    }
    return result;
}

int ek_forge_comment(struct ek_forge *forge, const char *markdown, const char *fleet,
                     struct ek_forge_said *ret_said, struct ek_error *err)
{
    enum { PAUSE_MS = 500 };
    struct ek_comment_parts parts;
    struct ek_forge_said said = {0};
    int result = EK_CONFLICT;
    if (!forge->pull_request)
        return ek_fail(err, EK_INVALID, "EK-1204", "there is no pull request to comment on");
    if (ek_comment_split(markdown, fleet, forge->driver->comment_max, &parts, err) != 0)
        return EK_NO_MEMORY;
    for (int round = 0; result == EK_CONFLICT && round < ROUNDS; round++) {
        if (round)
            ek_sleep_ms(PAUSE_MS << round);
        result = bring_about(forge, &parts, fleet, &said, err);
    }
    ek_comment_parts_done(&parts);
    if (result == 0)
        *ret_said = said;
    return result;
}
