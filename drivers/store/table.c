#include "drivers/store/drivers.h"

const struct ek_store_driver *ek_store_driver_for(const struct ek_store_location *location)
{
    return location->uri ? NULL : &ek_store_sqlite;
}

int ek_store_open(const struct ek_store_location *location, struct ek_store_handle *ret_handle,
                  struct ek_error *err)
{
    struct ek_store_handle handle = {.driver = ek_store_driver_for(location)};
    if (!handle.driver)
        return ek_fail(err, EK_UNSUPPORTED, "EK-1009", "no such kind of store: %s", location->uri);
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
