#include "restrictions.h"
#include "arguments.h"
#include "log.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BAD_VALUE 2
#define UNSUPPORTED_FORMAT 12
#define COLLECTION_IS_EMPTY 162
#define BITS 32

static const char *const keys[] = {"clientSource", "serverAddress"};

/* An address with how many of its first bits count; NULL, or what is wrong with the text. */
static const char *read_range(const char *text, uint32_t *ret_address, long *ret_bits)
{
    char address[64], *slash, *end;
    struct in_addr in;
    long bits = BITS;

    put(address, sizeof address, "%s", text);
    slash = strchr(address, '/');
    if (slash != NULL)
        *slash++ = '\0';
    if (inet_pton(AF_INET, address, &in) != 1)
        return "Invalid IP address in CIDR string";
    if (slash != NULL) {
        bits = strtol(slash, &end, 10);
        if (end == slash || *end != '\0' || bits < 0 || bits > BITS)
            return "Invalid length in CIDR string";
    }
    *ret_address = ntohl(in.s_addr);
    *ret_bits = bits;
    return NULL;
}

static int check_list(struct call *c, const bson_iter_t *list)
{
    const char *key = bson_iter_key(list), *wrong;
    bson_iter_t it;
    bson_t elements;
    uint32_t address;
    long bits;

    if (!BSON_ITER_HOLDS_ARRAY(list) || !iter_sub(list, &elements))
        return fail(c, BAD_VALUE, "invalid parameter: expected an object (%s)", key);
    bson_iter_init(&it, &elements);
    while (bson_iter_next(&it)) {
        if (!BSON_ITER_HOLDS_UTF8(&it))
            return fail(
                c, BAD_VALUE,
                "BSON field 'address restriction.%s.%s' is the wrong type '%s', expected type "
                "'string'",
                key, bson_iter_key(&it), type_name(&it));
        wrong = read_range(bson_iter_utf8(&it, NULL), &address, &bits);
        if (wrong != NULL)
            return fail(c, BAD_VALUE, "%s", wrong);
    }
    return 0;
}

static int check_one(struct call *c, const bson_t *restriction)
{
    bson_iter_t it;
    int rc = 0;

    bson_iter_init(&it, restriction);
    while (rc == 0 && bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (strcmp(key, keys[0]) != 0 && strcmp(key, keys[1]) != 0)
            return fail(c, BAD_VALUE, "BSON field 'address restriction.%s' is an unknown field.",
                        key);
        rc = check_list(c, &it);
    }
    if (rc == 0 && bson_empty(restriction))
        rc = fail(c, COLLECTION_IS_EMPTY,
                  "At least one of 'clientSource' or 'serverAddress' must be set");
    return rc;
}

int restrictions_check(struct call *c)
{
    bson_t list, one;
    bson_iter_t it;
    int rc = 0;

    if (!doc_sub(c->command, "authenticationRestrictions", &list))
        return 0;
    bson_iter_init(&it, &list);
    while (rc == 0 && bson_iter_next(&it)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&it) || !iter_sub(&it, &one))
            return fail(c, UNSUPPORTED_FORMAT,
                        "restriction array sub-documents must be address restriction objects");
        rc = check_one(c, &one);
    }
    return rc;
}

static bool within(uint32_t address, const char *range)
{
    uint32_t of = 0;
    long bits = 0;

    if (read_range(range, &of, &bits) != NULL)
        return false;
    return bits == 0 || (address >> (BITS - bits)) == (of >> (BITS - bits));
}

/* No list of that name, or the address is in it. */
static bool listed(const bson_t *restriction, const char *key, uint32_t address)
{
    bson_t list;
    bson_iter_t it;

    if (!doc_sub(restriction, key, &list))
        return true;
    bson_iter_init(&it, &list);
    while (bson_iter_next(&it))
        if (BSON_ITER_HOLDS_UTF8(&it) && within(address, bson_iter_utf8(&it, NULL)))
            return true;
    return false;
}

bool restrictions_met(const bson_t *user, const struct conn *conn)
{
    struct sockaddr_in here = {0}, there = {0};
    socklen_t here_len = sizeof here, there_len = sizeof there;
    bson_t list, one;
    bson_iter_t it;

    if (!doc_sub(user, "authenticationRestrictions", &list) || bson_empty(&list))
        return true;
    if (getsockname(conn->stream.fd, (struct sockaddr *)&here, &here_len) != 0 ||
        getpeername(conn->stream.fd, (struct sockaddr *)&there, &there_len) != 0)
        return false;
    bson_iter_init(&it, &list);
    while (bson_iter_next(&it))
        if (iter_sub(&it, &one) && listed(&one, keys[0], ntohl(there.sin_addr.s_addr)) &&
            listed(&one, keys[1], ntohl(here.sin_addr.s_addr)))
            return true;
    return false;
}

/* One more part of a list in words; both texts are freed. */
static void add_part(char **text, const char **comma, char *part)
{
    char *more = xprintf("%s%s%s", *text, *comma, part);

    free(part);
    free(*text);
    *text = more;
    *comma = ", ";
}

/* {"clientSource": ["192.0.2.0/24"]}: a single address is shown as a range of one. */
static char *list_text(const char *key, const bson_t *list)
{
    char *text = xprintf("{\"%s\": [", key);
    const char *comma = "";
    bson_iter_t it;

    bson_iter_init(&it, list);
    while (bson_iter_next(&it)) {
        const char *range = bson_iter_utf8(&it, NULL);

        add_part(&text, &comma, xprintf("\"%s%s\"", range, strchr(range, '/') ? "" : "/32"));
    }
    char *whole = xprintf("%s]}", text);
    free(text);
    return whole;
}

static char *restriction_text(const bson_t *restriction)
{
    char *text = xstrdup("{allOf: [");
    const char *comma = "";

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        bson_t list;

        if (!doc_sub(restriction, keys[i], &list))
            continue;
        add_part(&text, &comma, list_text(keys[i], &list));
    }
    char *whole = xprintf("%s]}", text);
    free(text);
    return whole;
}

void restrictions_log(const bson_t *user)
{
    char *text = xstrdup("{anyOf: [");
    const char *comma = "";
    bson_t list, one;
    bson_iter_t it;

    if (doc_sub(user, "authenticationRestrictions", &list) && bson_iter_init(&it, &list))
        while (bson_iter_next(&it)) {
            if (!iter_sub(&it, &one))
                continue;
            add_part(&text, &comma, restriction_text(&one));
        }
    log_line(
        'I', "ACCESS",
        "Failed to acquire user '%s@%s' because of unmet authentication restrictions: Restriction "
        "'%s]}' in '{allOf: [%s]}]}' unmet",
        doc_str(user, "user", ""), doc_str(user, "db", ""), text, text);
    free(text);
}
