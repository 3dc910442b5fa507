#include "reconciler/aspects/transport/observe_clients.h"

#include <string.h>

#include "reconciler/aspects/transport/state.h"
#include "reconciler/execute/observe.h"

int64_t ek_watch_go_on(struct ek_client_watch *watch, const struct ek_mongodb_seen *seen)
{
    bool gap = watch->since_s == 0 || seen->clients_told_since_s == 0 ||
               seen->clients_told_since_s > watch->until_s;
    if (gap)
        watch->since_s = seen->no_plaintext_since_s;
    watch->until_s = watch->since_s > 0 ? seen->clients_at_s : 0;
    return watch->since_s;
}

static struct ek_watch_key key_of(const struct ek_world *world, size_t i)
{
    return (struct ek_watch_key){.account = world->spec->account,
                                 .deployment = world->spec->name,
                                 .member = world->spec->members[i].name};
}

void ek_watch_recall(struct ek_observing *o)
{
    struct ek_world *world = o->world;
    const struct ek_store_handle *store = world->controller->store;
    if (world->watches_read || !store || !store->driver)
        return;
    world->watches_read = true;
    for (size_t i = 0; i < o->state->member_count; i++) {
        const struct ek_watch_key key = key_of(world, i);
        struct ek_error err = {0};
        if (store->driver->get_watch(store->store, &key, &world->watches[i], &err) != 0)
            world->watches_read = false; /* ask again at the next look */
        world->kept_watches[i] = world->watches[i];
    }
}

/* A look in the same second as the one before tells the store nothing new. */
static int keep(struct ek_world *world, size_t i, struct ek_error *err)
{
    const struct ek_store_handle *store = world->controller->store;
    const struct ek_watch_key key = key_of(world, i);
    const struct ek_client_watch *watch = &world->watches[i];
    struct ek_client_watch *kept = &world->kept_watches[i];
    if (watch->since_s == kept->since_s && watch->until_s == kept->until_s)
        return 0;
    int result = store->driver->put_watch(store->store, &key, watch, err);
    if (result == 0)
        *kept = *watch;
    return result;
}

void ek_watch_keep(struct ek_observing *o)
{
    struct ek_world *world = o->world;
    const struct ek_store_handle *store = world->controller->store;
    for (size_t i = 0; i < o->state->member_count; i++) {
        struct ek_client_watch *watch = &world->watches[i];
        struct ek_error err = {0};
        bool forgets =
            watch->since_s > 0 && ek_member_transport(o->state, i)->plaintext_clients > 0;
        bool goes_on = ek_member_transport(o->state, i)->watched_since_s > 0;
        if (forgets)
            *watch = (struct ek_client_watch){0};
        if ((goes_on || forgets) && world->controller->keeps && store && store->driver &&
            keep(world, i, &err) != 0)
            ek_observe_failure(o, i, &err);
    }
}
