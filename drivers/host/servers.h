/* The server processes of a host, as its /proc and systemd show them. */
#ifndef EK_DRIVERS_HOST_SERVERS_H
#define EK_DRIVERS_HOST_SERVERS_H

#include "drivers/host/host.h"

/* As the driver's servers, on this machine. */
int ek_host_servers_here(const struct ek_host *host, int64_t deadline,
                         struct ek_host_servers *ret_servers, struct ek_error *err);

/* From the helper's answer: of each process a line "pid=…", then "user=…", "unit=…" where it
 * belongs to one, and an "argument=…" for each word of its command line. EK_NO_MEMORY is all that
 * can go wrong. */
int ek_host_servers_parse(const char *text, struct ek_host_servers *ret_servers,
                          struct ek_error *err);

/* The systemd service in the text of a /proc/PID/cgroup, into ret_unit; false: none. */
bool ek_unit_of_cgroup(const char *text, char *ret_unit, size_t size);

#endif
