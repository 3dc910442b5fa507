/* The options of the server's command line and what files call them. */
#ifndef EK_DRIVERS_HOST_SERVER_ARGUMENTS_TABLE_H
#define EK_DRIVERS_HOST_SERVER_ARGUMENTS_TABLE_H

struct ek_server_argument {
    const char *option; /* without its dashes */
    const char *key;    /* in a file, dotted */
    const char *value;  /* what one without a value means; NULL: it has a value of its own */
};

/* NULL for an option that is not known here. */
const struct ek_server_argument *ek_server_argument_named(const char *name);

#endif
