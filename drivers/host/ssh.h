/* host "ssh": the parts of its table that have files of their own; as the table says of each. */
#ifndef EK_DRIVERS_HOST_SSH_H
#define EK_DRIVERS_HOST_SSH_H

#include "drivers/host/host.h"

int ek_ssh_facts(const struct ek_host *host, int64_t deadline, struct ek_host_facts *ret_facts,
                 struct ek_error *err);
int ek_ssh_read_file(const struct ek_host *host, const struct ek_file_question *question,
                     int64_t deadline, struct ek_file *ret_file, struct ek_error *err);
int ek_ssh_service(const struct ek_host *host, enum ek_service_verb verb, bool expand_exec,
                   int64_t deadline, struct ek_error *err);
int ek_ssh_fence(const struct ek_host *host, const struct ek_fence *fence, int64_t deadline,
                 struct ek_fence_hold *ret_hold, struct ek_error *err);

#endif
