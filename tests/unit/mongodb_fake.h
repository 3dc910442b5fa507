/* A server of canned answers on 127.0.0.1, for what a healthy server can't be brought to
 * say. No TLS; one connection after the other. Include once per program, after cmocka.h. */
#ifndef EK_TESTS_UNIT_MONGODB_FAKE_H
#define EK_TESTS_UNIT_MONGODB_FAKE_H

#include <arpa/inet.h>
#include <bson/bson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAKE_DROP "" /* close the connection instead of answering */

/* The first row that fits answers; a row with `uses` is good for that many times only. */
struct fake_row {
    const char *command;
    const char *with;  /* a field the command must have, or NULL */
    const char *reply; /* JSON or FAKE_DROP */
    int uses;
};

struct fake {
    int listener, port;
    pthread_t thread;
    struct fake_row rows[32];
    char *asked[128]; /* every command, as JSON, handshakes left out */
    size_t asked_count;
};

static inline bool fake_read(int fd, void *buffer, size_t length)
{
    return recv(fd, buffer, length, MSG_WAITALL) == (ssize_t)length;
}

static inline int32_t fake_int(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return (int32_t)BSON_UINT32_FROM_LE((uint32_t)value);
}

static inline const char *fake_answer(struct fake *fake, const bson_t *command)
{
    bson_iter_t first;
    if (!bson_iter_init(&first, command) || !bson_iter_next(&first))
        return FAKE_DROP;
    const char *name = bson_iter_key(&first);
    for (struct fake_row *row = fake->rows; row->command; row++)
        if (strcasecmp(row->command, name) == 0 && row->uses >= 0 &&
            (!row->with || bson_has_field(command, row->with))) {
            if (row->uses > 0 && --row->uses == 0)
                row->uses = -1; /* used up */
            return row->reply;
        }
    return "{\"ok\":1.0}";
}

static inline bool fake_send(int fd, int32_t request, bool legacy, const char *json)
{
    bson_t *reply = bson_new_from_json((const uint8_t *)json, -1, NULL);
    if (!reply)
        return false;
    size_t middle = legacy ? 36 : 21, length = middle + reply->len;
    uint8_t *message = calloc(1, length);
    int32_t words[4] = {(int32_t)length, 1, request, legacy ? 1 : 2013};
    memcpy(message, words, sizeof words);
    if (legacy)
        message[16] = 8, message[32] = 1;
    memcpy(message + middle, bson_get_data(reply), reply->len);
    bool sent = send(fd, message, length, MSG_NOSIGNAL) == (ssize_t)length;
    free(message);
    bson_destroy(reply);
    return sent;
}

/* One message; false when the connection is over. */
static inline bool fake_serve_one(struct fake *fake, int fd)
{
    uint8_t header[16], body[65536];
    if (!fake_read(fd, header, sizeof header))
        return false;
    int32_t length = fake_int(header), respond = fake_int(header + 8), code = fake_int(header + 12);
    if ((respond != 0 && respond != -1) || length < 32 || length > (int32_t)sizeof body)
        return false; /* a ClientHello, to a server without TLS */
    size_t rest = (size_t)length - 16;
    if (!fake_read(fd, body, rest))
        return false;
    bool legacy = code == 2004;
    size_t start = legacy ? 4 + strlen((char *)body + 4) + 1 + 8 : 5;
    bson_t command;
    if (start + 5 > rest ||
        !bson_init_static(&command, body + start, (size_t)fake_int(body + start)))
        return false;
    if (!legacy && fake->asked_count < sizeof fake->asked / sizeof *fake->asked)
        fake->asked[fake->asked_count++] = bson_as_relaxed_extended_json(&command, NULL);
    const char *reply = fake_answer(fake, &command);
    return *reply && fake_send(fd, fake_int(header + 4), legacy, reply);
}

static inline void *fake_run(void *argument)
{
    struct fake *fake = argument;
    int fd;
    while ((fd = accept(fake->listener, NULL, NULL)) >= 0) {
        while (fake_serve_one(fake, fd))
            ;
        close(fd);
    }
    return NULL;
}

static inline void fake_start(struct fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fake->listener, 8) != 0 ||
        getsockname(fake->listener, (struct sockaddr *)&address, &length) != 0)
        abort();
    fake->port = ntohs(address.sin_port);
    pthread_create(&fake->thread, NULL, fake_run, fake);
}

/* Ends it; what was asked stays readable until fake_done. */
static inline void fake_stop(struct fake *fake)
{
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
}

static inline void fake_done(struct fake *fake)
{
    for (size_t i = 0; i < fake->asked_count; i++)
        bson_free(fake->asked[i]);
    fake->asked_count = 0;
}

/* The nth command (from 0) whose JSON begins with that name, or NULL. */
static inline const char *fake_asked(const struct fake *fake, const char *name, size_t nth)
{
    char start[64];
    snprintf(start, sizeof start, "{ \"%s\" :", name);
    for (size_t i = 0; i < fake->asked_count; i++)
        if (strncmp(fake->asked[i], start, strlen(start)) == 0 && nth-- == 0)
            return fake->asked[i];
    return NULL;
}

#endif
