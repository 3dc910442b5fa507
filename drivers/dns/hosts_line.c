#include "drivers/dns/hosts_line.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char own[] = "evenkeel:";

const char *ek_hosts_line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

/* The next word in [*at, end): its length, 0 when there is none. */
static size_t next_word(const char **at, const char *end)
{
    while (*at < end && strchr(" \t\r\n", **at))
        (*at)++;
    const char *word = *at;
    while (word < end && !strchr(" \t\r\n", *word))
        word++;
    return (size_t)(word - *at);
}

static bool copy_word(const char *word, size_t length, char *ret_text, size_t size)
{
    if (length == 0 || length >= size)
        return false;
    memcpy(ret_text, word, length);
    ret_text[length] = 0;
    return true;
}

static const char *comment_of(const char *line)
{
    const char *end = ek_hosts_line_end(line);
    const char *comment = memchr(line, '#', (size_t)(end - line));
    return comment ? comment : end;
}

bool ek_hosts_line_record(const char *line, struct ek_dns_record *ret_record)
{
    const char *end = ek_hosts_line_end(line);
    const char *comment = comment_of(line);
    struct ek_dns_record record = {0};
    const char *at = line;
    size_t length = next_word(&at, comment);
    if (comment == end || !copy_word(at, length, record.address, sizeof record.address))
        return false;
    at += length;
    length = next_word(&at, comment);
    if (!copy_word(at, length, record.name, sizeof record.name))
        return false;
    at += length;
    if (next_word(&at, comment) > 0) /* Evenkeel writes one name on a line */
        return false;
    at = comment + 1;
    length = next_word(&at, end);
    if (length <= sizeof own - 1 || strncmp(at, own, sizeof own - 1) != 0 ||
        !copy_word(at + sizeof own - 1, length - (sizeof own - 1), record.mark, sizeof record.mark))
        return false;
    at += length;
    length = next_word(&at, end);
    if (length > 6 && strncmp(at, "until=", 6) == 0)
        record.until_s = strtoll(at + 6, NULL, 10);
    *ret_record = record;
    return true;
}

bool ek_hosts_line_binds(const char *line, const char *name, char *ret_address, size_t size)
{
    char address[64];
    const char *end = comment_of(line);
    const char *at = line;
    size_t length = next_word(&at, end);
    struct in6_addr ignored;
    if (!copy_word(at, length, address, sizeof address) ||
        (inet_pton(AF_INET, address, &ignored) != 1 && inet_pton(AF_INET6, address, &ignored) != 1))
        return false;
    for (at += length; (length = next_word(&at, end)) > 0; at += length)
        if (length == strlen(name) && strncasecmp(at, name, length) == 0) {
            snprintf(ret_address, size, "%s", address);
            return true;
        }
    return false;
}

void ek_hosts_line_write(const struct ek_dns_record *record, struct ek_buffer *text)
{
    ek_buffer_printf(text, "%s\t%s\t# %s%s", record->address, record->name, own, record->mark);
    if (record->until_s)
        ek_buffer_printf(text, " until=%" PRId64, record->until_s);
    ek_buffer_text_add(text, "\n");
}

bool ek_same_address(const char *a, const char *b)
{
    struct in_addr a4, b4;
    struct in6_addr a6, b6;
    if (inet_pton(AF_INET, a, &a4) == 1)
        return inet_pton(AF_INET, b, &b4) == 1 && a4.s_addr == b4.s_addr;
    return inet_pton(AF_INET6, a, &a6) == 1 && inet_pton(AF_INET6, b, &b6) == 1 &&
           memcmp(&a6, &b6, sizeof a6) == 0;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int ek_hosts_record_check(const struct ek_dns_record *record, struct ek_error *err)
{
    const char *name = record->name;
    if (!*name || name[strspn(name, LETTERS "-_.")] || *name == '.' || *name == '-')
        return ek_fail(err, EK_INVALID, "EK-0422", "'%s' is not a host name", name);
    if (!ek_same_address(record->address, record->address))
        return ek_fail(err, EK_INVALID, "EK-0422", "'%s' is not an IP address", record->address);
    if (!*record->mark || record->mark[strspn(record->mark, LETTERS "-_./")])
        return ek_fail(err, EK_INVALID, "EK-0422", "'%s' can't be a mark", record->mark);
    if (record->until_s < 0)
        return ek_fail(err, EK_INVALID, "EK-0422", "%s: a negative end", name);
    return 0;
}
