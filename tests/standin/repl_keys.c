/* The keys that sign the cluster time: made by the first primary, replicated in admin.system.keys,
 * and read by a member only a moment after it is up, as the real server does (facts: "Signing
 * keys"). */
#include "data.h"
#include "log.h"
#include "repl.h"

#include <string.h>

#define KEYS "admin.system.keys"

static bool load(void)
{
    const struct collection *c = data_find(KEYS);
    bson_iter_t it;
    const uint8_t *data;
    uint32_t len;

    for (size_t i = 0; c != NULL && i < c->n; i++) {
        if (c->at[i] == NULL || !doc_find(c->at[i]->doc, "key", &it) ||
            !BSON_ITER_HOLDS_BINARY(&it))
            continue;
        bson_iter_binary(&it, NULL, &len, &data);
        if (len != sizeof node.key)
            continue;
        memcpy(node.key, data, len);
        node.key_id = doc_int(c->at[i]->doc, "_id", 0);
        node.keys_loaded = true;
        node_changed();
        return true;
    }
    return false;
}

static void make(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        bson_t *entry = repl_entry("i", KEYS), o;
        struct optime t = repl_next_time();
        uint8_t key[20];
        uint32_t expires = t.secs + (i + 1) * 7776000u;

        random_bytes(key, sizeof key);
        bson_append_document_begin(entry, "o", -1, &o);
        add_long(&o, "_id", ((int64_t)t.secs << 32) + t.inc);
        add_str(&o, "purpose", "HMAC");
        add_bin(&o, "key", BSON_SUBTYPE_BINARY, key, sizeof key);
        bson_append_timestamp(&o, "expiresAt", -1, expires, 0);
        bson_append_document_end(entry, &o);
        repl_append(entry);
    }
}

void keys_tick(int64_t now)
{
    if (node.keys_loaded || !repl_active())
        return;
    if (node.state == S_PRIMARY) {
        if (now < node.keys_refuse_until || !node.writable)
            return;
        if (data_find(KEYS) == NULL)
            make();
        else if (optime_cmp(node.commit, OPTIME_NULL) > 0 && node.commit.term == node.term)
            load();
    } else if (node.state == S_SECONDARY) {
        if (node.keys_at == 0)
            node.keys_at = node.restarted ? now + 100 + random_below(200) : now;
        if (now >= node.keys_at)
            load();
    }
}
