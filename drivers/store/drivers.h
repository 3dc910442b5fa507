/* The store drivers, for the table alone. */
#ifndef EK_DRIVERS_STORE_DRIVERS_H
#define EK_DRIVERS_STORE_DRIVERS_H

#include "drivers/store/store.h"

extern const struct ek_store_driver ek_store_sqlite;
extern const struct ek_store_driver ek_store_mongodb;

#endif
