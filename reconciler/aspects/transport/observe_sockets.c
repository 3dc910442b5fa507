/* A socket that is there says nothing of TLS; one that is not there says that its client is gone: a
 * server that is busy with what a client asked for names that client until it is done, also when
 * there is nobody left to answer to.
 *
 * Doubt never makes a client gone. The table must be that of the server's own network, which shows
 * in our own connection's being in it; the kernel doesn't print the table in one piece and may
 * leave out a line when another one goes, so a client must be missing twice; from 5.0 on a server
 * may name the address that a load balancer told it, which has no socket here at all. */
#include "reconciler/aspects/transport/observe_sockets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

enum { TABLES = 2, ADDRESSES_ARE_SOCKETS_BEFORE = 5 };

/* ---- one table ---- */

/* As the kernel prints an address: in words of the machine. */
static void print_words(const unsigned char *bytes, size_t count, char *ret_text)
{
    uint32_t word;
    for (size_t at = 0; at < count; at += sizeof word, ret_text += 8) {
        memcpy(&word, bytes + at, sizeof word);
        snprintf(ret_text, 9, "%08" PRIX32, word);
    }
}

static bool has(const char *table, const char *address, unsigned port)
{
    char line[64];
    snprintf(line, sizeof line, " %s:%04X ", address, port);
    return strstr(table, line) != NULL;
}

static bool may_have_v4(const char *table, const struct in_addr *address, unsigned port)
{
    unsigned char mapped[16] = {[10] = 0xFF, [11] = 0xFF};
    char text[33];
    memcpy(mapped + 12, address, sizeof *address);
    print_words(mapped, sizeof mapped, text);
    return has(table, text, port) || has(table, text + 24, port);
}

bool ek_sockets_may_have(const char *table, const struct ek_mongodb_address *end)
{
    char host[sizeof end->text];
    char text[33];
    struct in_addr v4;
    struct in6_addr v6;
    const char *colon = strrchr(end->text, ':');
    char *rest;
    unsigned long port = colon ? strtoul(colon + 1, &rest, 10) : 0;
    if (!colon || rest == colon + 1 || *rest || port > UINT16_MAX)
        return true;
    bool brackets = end->text[0] == '[' && colon > end->text + 1 && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - end->text) - 2 * brackets,
             end->text + brackets);
    if (inet_pton(AF_INET, host, &v4) == 1)
        return may_have_v4(table, &v4, (unsigned)port);
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return true;
    print_words(v6.s6_addr, sizeof v6.s6_addr, text);
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        return has(table, text, (unsigned)port) || has(table, text + 24, (unsigned)port);
    return has(table, text, (unsigned)port);
}

/* ---- the server's ---- */

static int read_table(const struct ek_socket_question *question, struct ek_buffer *ret_table,
                      struct ek_error *err)
{
    char tcp[64];
    char tcp6[64];
    EK_COMMAND_RESULT result = {0};
    snprintf(tcp, sizeof tcp, "/proc/%" PRId64 "/net/tcp", question->pid);
    snprintf(tcp6, sizeof tcp6, "/proc/%" PRId64 "/net/tcp6", question->pid);
    const char *const argv[] = {"cat", tcp, tcp6, NULL};
    const struct ek_command command = {.argv = argv};
    int failed = question->hosts->run(question->host, &command, question->deadline, &result, err);
    if (failed == 0)
        ek_buffer_add(ret_table, result.output.bytes, result.output.length);
    return failed ? failed : ek_buffer_check(ret_table, err);
}

/* Note who may be in the table: everybody, when it is not the server's. */
static void look_up(const struct ek_buffer *buffer, const struct ek_mongodb_seen *seen,
                    bool *may_be_there)
{
    const char *table = ek_buffer_text(buffer);
    bool its_own = !ek_sockets_may_have("", &seen->own_end) && /* it can be looked for, */
                   ek_sockets_may_have(table, &seen->own_end); /* and is there */
    for (size_t i = 0; i < seen->doubtful_count; i++)
        if (!its_own || ek_sockets_may_have(table, &seen->doubtful_clients[i]))
            may_be_there[i] = true;
}

int ek_sockets_gone(const struct ek_socket_question *question, const struct ek_mongodb_seen *seen,
                    int64_t *ret_gone, struct ek_error *err)
{
    bool asked = seen->doubtful_count > 0 && question->pid > 0 && seen->version[0] > 0 &&
                 seen->version[0] < ADDRESSES_ARE_SOCKETS_BEFORE;
    bool *may_be_there = asked ? calloc(seen->doubtful_count, sizeof *may_be_there) : NULL;
    int64_t gone = 0;
    int result = asked && !may_be_there ? ek_no_memory(err) : 0;
    for (int i = 0; i < TABLES && asked && result == 0; i++) {
        EK_BUFFER table = {0};
        result = read_table(question, &table, err);
        if (result == 0)
            look_up(&table, seen, may_be_there);
    }
    for (size_t i = 0; i < seen->doubtful_count && asked && result == 0; i++)
        gone += !may_be_there[i];
    free(may_be_there);
    if (result == EK_NO_MEMORY)
        return result;
    *ret_gone = gone;
    return 0;
}
