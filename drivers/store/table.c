#include <string.h>

#include "drivers/store/drivers.h"

const struct ek_store_driver *ek_store_driver_for(const struct ek_store_location *location)
{
    static const char *const schemes[] = {"mongodb://", "mongodb+srv://"};
    if (!location->uri)
        return &ek_store_sqlite;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(location->uri, schemes[i], strlen(schemes[i])) == 0)
            return &ek_store_mongodb;
    return NULL;
}

int ek_store_open(const struct ek_store_location *location, struct ek_store_handle *ret_handle,
                  struct ek_error *err)
{
    struct ek_store_handle handle = {.driver = ek_store_driver_for(location)};
    if (!handle.driver) {
        ek_fail(err, EK_UNSUPPORTED, "EK-1009", "there is no such kind of store");
        return ek_hint(err, "a path, or mongodb://HOST,HOST/DATABASE?replicaSet=NAME");
    }
    int result = handle.driver->open(location, &handle.store, err);
    if (result == 0)
        *ret_handle = handle;
    return result;
}

void ek_store_close(struct ek_store_handle *handle)
{
    if (handle->driver && handle->store)
        handle->driver->close(handle->store);
    *handle = (struct ek_store_handle){0};
}
