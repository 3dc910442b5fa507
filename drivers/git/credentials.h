/* Inside drivers/git/: what libgit2 asks for when a host wants to know who we are. */
#ifndef EK_DRIVERS_GIT_CREDENTIALS_H
#define EK_DRIVERS_GIT_CREDENTIALS_H

#include <git2.h>

#include "drivers/git/git.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_credentials {
    const struct ek_git_request *request;
    unsigned int offered;    /* the types that were tried: a second question means a refusal */
    struct ek_error problem; /* why there is nothing to offer; code EK_OK when there was */
};

void ek_credentials_done(struct ek_credentials *credentials);
#define EK_CREDENTIALS EK_CLEANUP(ek_credentials_done) struct ek_credentials

/* git_credential_acquire_cb; the payload is a struct ek_credentials. */
int ek_credentials_acquire(git_credential **ret_credential, const char *url, const char *user,
                           unsigned int allowed, void *payload);

#endif
