/* Inside drivers/forge/: one request over HTTPS, and what came back. */
#ifndef EK_DRIVERS_FORGE_REQUEST_H
#define EK_DRIVERS_FORGE_REQUEST_H

#include <stdbool.h>

#include "drivers/forge/drivers.h"
#include "reconciler/base/secret_bytes.h"

struct ek_forge {
    const struct ek_forge_driver *driver;
    char *url;          /* without a slash at the end */
    char *repository;   /* as it stands in a path */
    char *pull_request; /* or NULL */
    char *commit;       /* or NULL */
    char *ca_file;      /* or NULL */
    struct ek_secret *token;
    void *handle;        /* CURL */
    int64_t patience_ms; /* for repeating */
    int64_t timeout_ms;  /* of one request */
};

struct ek_forge_request {
    const char *method;
    const char *path; /* below the forge's URL, or a whole URL of the same host (a next page) */
    const json_t *body;
    /* Sent twice it would be done twice: an answer that leaves open whether it was done is an
     * error (EK_CONFLICT, EK-1206), so that the caller looks. */
    bool once;
};

struct ek_forge_answer {
    long status;
    struct ek_buffer body;
    char next[2048]; /* the next page of a list, "" for none */
};
void ek_forge_answer_done(struct ek_forge_answer *answer);
#define EK_FORGE_ANSWER EK_CLEANUP(ek_forge_answer_done) struct ek_forge_answer

/* Send, follow redirects on the same host, repeat while the host is busy; any answer but 2xx is an
 * error, EK-1206 to EK-1213, with the host's own words as the cause. */
int ek_forge_send(struct ek_forge *forge, const struct ek_forge_request *request,
                  struct ek_forge_answer *ret_answer, struct ek_error *err);

#endif
