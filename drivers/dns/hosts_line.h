/* One line of a hosts file. */
#ifndef EK_DRIVERS_DNS_HOSTS_LINE_H
#define EK_DRIVERS_DNS_HOSTS_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/dns/dns.h"
#include "reconciler/base/buffer.h"

/* The line's end (behind its line end) or the text's end. */
const char *ek_hosts_line_end(const char *line);

/* Whether it is Evenkeel's: "address name # evenkeel:<mark> [until=<seconds>]". */
bool ek_hosts_line_record(const char *line, struct ek_dns_record *ret_record);

/* Whether the line, whosoever it is, binds `name`; to which address. */
bool ek_hosts_line_binds(const char *line, const char *name, char *ret_address, size_t size);

/* The line of a record, with a line end. */
void ek_hosts_line_write(const struct ek_dns_record *record, struct ek_buffer *text);

/* EK_INVALID (EK-0422) when name, address or mark can't stand in such a line. */
int ek_hosts_record_check(const struct ek_dns_record *record, struct ek_error *err);

/* Whether two texts are the same IP address. */
bool ek_same_address(const char *a, const char *b);

#endif
