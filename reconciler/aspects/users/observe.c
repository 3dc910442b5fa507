/* Who may log in as it is: the set's keyFile, authentication, Evenkeel's own user. */
#include "reconciler/execute/observe.h"
#include "drivers/mongodb/key_file.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/users/state.h"

static int look_at_own_password(struct ek_observing *o, struct ek_error *err)
{
    struct ek_world *world = o->world;
    char name[EK_SECRET_NAME_SIZE];
    if (world->own_password)
        return 0;
    ek_world_secret_name(world, -1, "own-user", name, sizeof name);
    struct ek_error cause = {0};
    int result = world->secrets->find(&world->store, name, &cause);
    if (result == 0)
        result = world->secrets->unseal(&world->store, name, &world->own_password, &cause);
    if (result == EK_NOT_FOUND)
        return 0;
    if (result != 0 && err)
        *err = cause;
    return result;
}

static void keep_key_file_content(struct ek_observing *o, size_t i, const char *path)
{
    EK_FILE file = {0};
    struct ek_error err = {0};
    struct ek_member_access *access = ek_member_access(o->state, i);
    int result = ek_observe_file(o, i, path, &file);
    if (result == EK_NOT_FOUND)
        access->key_file = EK_NO;
    if (result != 0)
        return;
    access->key_file = EK_YES;
    result = ek_key_file_parse(ek_buffer_text(&file.content), file.content.length,
                               &o->members[i].key_file, &err);
    ek_observe_result(o, result);
    if (result != 0)
        ek_observe_problem(o, i, "%s: %s", path, err.sentence);
}

static void look_at_host(struct ek_observing *o, size_t i)
{
    enum ek_tri configuration = ek_member(o->state, i)->configuration;
    const struct ek_observing_member *found = &o->members[i];
    const char *on_command_line = found->options.key_file[0] ? found->options.key_file : NULL;
    const char *named = on_command_line ? on_command_line : found->parsed.key_file;
    if (configuration == EK_NO)
        keep_key_file_content(o, i, o->world->paths[i].key_file);
    else if (configuration == EK_YES && named)
        keep_key_file_content(o, i, named);
    else if (configuration == EK_YES)
        ek_member_access(o->state, i)->key_file = EK_NO;
}

/* The set's keyFile is the same on every host: the first one that could be read will do. */
static void keep_key_file(struct ek_observing *o)
{
    for (size_t i = 0; i < o->state->member_count; i++) {
        if (!o->members[i].key_file)
            continue;
        ek_secret_free(o->world->key_file);
        o->world->key_file = o->members[i].key_file;
        o->members[i].key_file = NULL;
        break;
    }
}

static void judge_access(struct ek_observing *o)
{
    struct ek_state *state = o->state;
    bool let_in = false;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_mongodb_seen *seen = &o->members[i].seen;
        if (seen->authorization == EK_ANSWER_YES)
            ek_access(state)->authentication = EK_YES;
        else if (seen->authorization == EK_ANSWER_NO &&
                 ek_access(state)->authentication == EK_UNKNOWN)
            ek_access(state)->authentication = EK_NO;
        if (seen->own_user == EK_ANSWER_YES)
            ek_access(state)->own_user = EK_YES;
        else if (seen->own_user == EK_ANSWER_NO && ek_access(state)->own_user == EK_UNKNOWN)
            ek_access(state)->own_user = EK_NO;
        let_in |= seen->authenticated;
    }
    if (ek_access(state)->own_user == EK_UNKNOWN && let_in && !o->world->own_password)
        ek_access(state)->own_user = EK_NO; /* we hold no password: there is no user of ours */
}

extern const struct ek_observer ek_users_observer;
const struct ek_observer ek_users_observer = {.controller = look_at_own_password,
                                              .host = look_at_host,
                                              .between = keep_key_file,
                                              .set = judge_access};
