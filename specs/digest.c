#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "specs/keys.h"
#include "specs/parse.h"

/* One line "path=length:value" per value, in the order of the tables; a string that is
 * absent has no length. */
static void add_value(struct ek_buffer *text, const char *prefix, const struct ek_key *key,
                      const void *slot)
{
    EK_BUFFER value = {0};
    const struct ek_value_type *type = &ek_value_types[key->type];
    type->print(key, slot, &value);
    ek_buffer_fail_with(text, &value);
    if (value.length > 0)
        ek_buffer_printf(text, "%s.%s=%zu:%s\n", prefix, key->key, value.length,
                         ek_buffer_text(&value));
    else
        ek_buffer_printf(text, "%s.%s\n", prefix, key->key);
}

static void add_keys(struct ek_buffer *text, const char *prefix, const struct ek_keys *keys,
                     const void *base)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct ek_key *key = &keys->rows[i];
        EK_BUFFER path = {0};
        ek_buffer_printf(&path, "%s.%s", prefix, key->key);
        ek_buffer_fail_with(text, &path);
        if (key->type == EK_TYPE_MAP) {
            add_keys(text, ek_buffer_text(&path), key->children, base);
        } else if (key->type == EK_TYPE_LIST) {
            size_t count;
            const char *items;
            memcpy(&count, (const char *)base + key->offset_count, sizeof count);
            memcpy(&items, (const char *)base + key->offset, sizeof items);
            ek_buffer_printf(text, "%s#%zu\n", ek_buffer_text(&path), count);
            for (size_t item = 0; item < count; item++)
                add_keys(text, ek_buffer_text(&path), key->children,
                         items + item * key->children->item_size);
        } else if (key->type == EK_TYPE_SCALARS) {
            size_t count;
            const char *texts;
            memcpy(&count, (const char *)base + key->offset_count, sizeof count);
            memcpy(&texts, (const char *)base + key->offset, sizeof texts);
            if (!key->planless)
                ek_buffer_printf(text, "%s#%zu\n", ek_buffer_text(&path), count);
            for (size_t item = 0; item < count && !key->planless; item++)
                add_value(text, ek_buffer_text(&path), key->item, texts + item * sizeof(char *));
        } else if (key->stored && !key->planless) {
            add_value(text, prefix, key, (const char *)base + key->offset);
        }
    }
}

int ek_deployment_spec_digest(const struct ek_deployment_spec *spec,
                              uint8_t ret_digest[EK_SHA256_SIZE], struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_buffer_text_add(&text, EK_API_VERSION " Deployment\n");
    add_keys(&text, "", &ek_deployment_keys, spec);
    return ek_sha256_of(&text, ret_digest, err);
}

int ek_deployment_reach_digest(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                               uint8_t ret_digest[EK_SHA256_SIZE], struct ek_error *err)
{
    EK_BUFFER text = {0};
    const char *name = spec->certificates.authority;
    const struct ek_authority_spec *authority =
        name ? ek_specs_authority(specs, spec->account, name) : NULL;
    ek_buffer_text_add(&text, EK_API_VERSION " Deployment\n");
    add_keys(&text, "", &ek_deployment_keys, spec);
    if (authority)
        add_keys(&text, "authority", &ek_authority_keys, authority);
    for (size_t i = 0; i < specs->account_count; i++)
        if (strcmp(specs->accounts[i].name, spec->account) == 0)
            add_keys(&text, "account", &ek_account_keys, &specs->accounts[i]);
    return ek_sha256_of(&text, ret_digest, err);
}
