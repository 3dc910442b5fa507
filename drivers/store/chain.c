/* The chain of hashes over the events: an audit trail that shows tampering. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drivers/store/store.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"

static void add(struct ek_buffer *text, const char *field)
{
    ek_buffer_printf(text, "%zu:%s\n", strlen(field), field);
}

int ek_store_chain(const char *before, const struct ek_store_event *event,
                   char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    EK_BUFFER text = {0};
    const char *const fields[] = {event->account, event->deployment, event->kind, event->who,
                                  event->commit,  event->plan,       event->text, event->detail};
    add(&text, "evenkeel event 1");
    add(&text, before);
    ek_buffer_printf(&text, "%" PRId64 "\n%" PRId64 "\n", event->number, event->at_ms);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        add(&text, fields[i]);
    return ek_sha256_hex_of(&text, ret_hash, err);
}

struct walk {
    int64_t number; /* of the last good one */
    char hash[EK_SHA256_HEX_SIZE];
    int64_t head; /* as noted apart, 0 none */
    char head_hash[EK_SHA256_HEX_SIZE];
    int64_t broken; /* the first that does not fit, 0 none */
    const char *how;
    bool failed; /* there was no memory to look on */
};

static bool check(void *context, const struct ek_store_event *event)
{
    struct walk *walk = context;
    char hash[EK_SHA256_HEX_SIZE];
    walk->failed = ek_store_chain(walk->hash, event, hash, NULL) != 0;
    if (walk->failed)
        return false;
    if (event->number != walk->number + 1)
        walk->how = "is missing";
    else if (strcmp(hash, event->hash) != 0)
        walk->how = "was changed, or one before it was removed";
    else if (event->number == walk->head && strcmp(hash, walk->head_hash) != 0)
        walk->how = "was changed together with its hash";
    if (walk->how) {
        walk->broken = walk->number + 1;
        return false;
    }
    walk->number = event->number;
    memcpy(walk->hash, hash, sizeof hash);
    return true;
}

/* The head is read first: events that are appended meanwhile lie behind it. */
int ek_store_verify(const struct ek_store_handle *handle, int64_t *ret_events, struct ek_error *err)
{
    const struct ek_store_query all = {0};
    struct walk walk = {0};
    int result = handle->driver->head(handle->store, &walk.head, walk.head_hash, err);
    if (result == 0)
        result = handle->driver->events(handle->store, &all, check, &walk, err);
    if (result != 0)
        return result;
    if (walk.failed)
        return ek_no_memory(err);
    if (!walk.broken && walk.number < walk.head) {
        walk.broken = walk.number + 1;
        walk.how = "is missing, cut off at the end";
    }
    if (walk.broken) {
        ek_fail(err, EK_CONFLICT, "EK-1010", "the audit trail is broken: event %" PRId64 " %s",
                walk.broken, walk.how);
        return ek_hint(err, "compare with a backup of the store; events before it are as they were "
                            "written");
    }
    *ret_events = walk.number;
    return 0;
}
