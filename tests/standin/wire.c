#include "wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int32_t load32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return (int32_t)le32toh(v);
}

static void store32(uint8_t *p, int32_t value)
{
    uint32_t v = htole32((uint32_t)value);

    memcpy(p, &v, 4);
}

static int errno_result(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? STREAM_TIMEOUT : STREAM_FAILED;
}

int stream_read(struct stream *s, void *to, size_t n)
{
    uint8_t *p = to;

    while (n > 0) {
        ssize_t got;

        errno = 0;
        if (s->ssl != NULL) {
            got = SSL_read(s->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
            if (got <= 0 && SSL_get_error(s->ssl, (int)got) == SSL_ERROR_WANT_READ)
                return STREAM_TIMEOUT;
            if (got <= 0)
                return errno == EAGAIN ? STREAM_TIMEOUT : STREAM_CLOSED;
        } else {
            got = recv(s->fd, p, n, 0);
            if (got < 0 && errno == EINTR)
                continue;
            if (got == 0)
                return STREAM_CLOSED;
            if (got < 0)
                return errno_result();
        }
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

int stream_write(struct stream *s, const void *from, size_t n)
{
    const uint8_t *p = from;

    while (n > 0) {
        ssize_t done;

        errno = 0;
        if (s->ssl != NULL) {
            done = SSL_write(s->ssl, p, n > INT32_MAX ? INT32_MAX : (int)n);
            if (done <= 0)
                return STREAM_CLOSED;
        } else {
            done = send(s->fd, p, n, MSG_NOSIGNAL);
            if (done < 0 && errno == EINTR)
                continue;
            if (done < 0)
                return errno_result();
        }
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

void stream_close(struct stream *s)
{
    char junk[4096];

    if (s->ssl != NULL)
        SSL_free(s->ssl);
    if (s->fd >= 0) {
        shutdown(s->fd, SHUT_WR);
        while (recv(s->fd, junk, sizeof junk, MSG_DONTWAIT) > 0)
            ;
        close(s->fd);
    }
    s->ssl = NULL;
    s->fd = -1;
}

static int parse_query(struct message *m, const uint8_t *p, size_t n)
{
    const uint8_t *end;
    size_t name;
    bson_t doc;
    char db[128];

    if (n < 5 || (end = memchr(p + 4, 0, n - 4)) == NULL)
        return STREAM_BAD;
    m->secondary_ok = (load32(p) & 4) != 0;
    name = (size_t)(end - (p + 4));
    if (name < 5 || name >= sizeof db || memcmp(end - 5, ".$cmd", 5) != 0)
        return STREAM_BAD;
    memcpy(db, p + 4, name - 5);
    db[name - 5] = '\0';
    p = end + 1 + 8;
    if ((size_t)(p - end) + name + 4 > n)
        return STREAM_BAD;
    n -= name + 5 + 8;
    if (n < 5 || load32(p) < 5 || (size_t)load32(p) > n ||
        !bson_init_static(&doc, p, (size_t)load32(p)) ||
        !bson_validate(&doc, BSON_VALIDATE_NONE, NULL))
        return STREAM_BAD;
    bson_t query;
    if ((strcmp(doc_first_key(&doc), "$query") == 0 || strcmp(doc_first_key(&doc), "query") == 0) &&
        doc_sub(&doc, doc_first_key(&doc), &query))
        bson_copy_to(&query, &m->command);
    else
        bson_copy_to(&doc, &m->command);
    if (!doc_has(&m->command, "$db"))
        add_str(&m->command, "$db", db);
    return 0;
}

/* A document sequence becomes an array of the same name. */
static int parse_sequence(struct message *m, const uint8_t *p, size_t n)
{
    const uint8_t *end = memchr(p, 0, n);
    bson_t arr, doc;
    uint32_t i = 0;

    if (end == NULL)
        return STREAM_BAD;
    bson_append_array_begin(&m->command, (const char *)p, -1, &arr);
    n -= (size_t)(end + 1 - p);
    p = end + 1;
    while (n >= 5) {
        int32_t len = load32(p);

        if (len < 5 || (size_t)len > n || !bson_init_static(&doc, p, (size_t)len) ||
            !bson_validate(&doc, BSON_VALIDATE_NONE, NULL))
            break;
        push_doc(&arr, &i, &doc);
        p += len;
        n -= (size_t)len;
    }
    bson_append_array_end(&m->command, &arr);
    return n == 0 ? 0 : STREAM_BAD;
}

static int parse_msg(struct message *m, const uint8_t *p, size_t n)
{
    const uint8_t *sequence[8];
    size_t length[8];
    int sequences = 0;
    bool body = false;

    if (n < 4)
        return STREAM_BAD;
    m->flags = (uint32_t)load32(p);
    p += 4;
    n -= 4;
    if ((m->flags & 0xfffcu) != 0)
        return STREAM_BAD;
    if ((m->flags & 1u) != 0) { /* a checksum follows; it isn't verified */
        if (n < 4)
            return STREAM_BAD;
        n -= 4;
    }
    while (n > 0) {
        uint8_t kind = *p;
        int32_t len;
        bson_t doc;

        if (n < 6 || (len = load32(p + 1)) < 5 || (size_t)len > n - 1)
            break;
        if (kind == 0 && !body) {
            if (!bson_init_static(&doc, p + 1, (size_t)len) ||
                !bson_validate(&doc, BSON_VALIDATE_NONE, NULL))
                return STREAM_BAD;
            bson_copy_to(&doc, &m->command);
            body = true;
        } else if (kind == 1 && sequences < 8) {
            sequence[sequences] = p + 5;
            length[sequences++] = (size_t)len - 4;
        } else {
            break;
        }
        p += 1 + len;
        n -= 1 + (size_t)len;
    }
    if (!body)
        return STREAM_BAD;
    for (int i = 0; i < sequences && n == 0; i++)
        if (parse_sequence(m, sequence[i], length[i]) != 0)
            n = 1;
    if (n != 0 || doc_str(&m->command, "$db", NULL) == NULL) {
        bson_destroy(&m->command);
        return STREAM_BAD;
    }
    return 0;
}

int message_parse(struct message *m, const uint8_t *body, size_t n)
{
    if (m->op == OP_MSG)
        return parse_msg(m, body, n);
    if (m->op == OP_QUERY)
        return parse_query(m, body, n);
    return STREAM_BAD;
}

static int read_body(struct stream *s, uint8_t *header, uint8_t **ret_body, size_t *ret_n)
{
    int32_t len;
    int rc = stream_read(s, header, 16);

    if (rc != 0)
        return rc;
    len = load32(header);
    if (len < 16 || len > MAX_MESSAGE)
        return STREAM_BAD;
    *ret_n = (size_t)len - 16;
    *ret_body = xalloc(*ret_n);
    rc = stream_read(s, *ret_body, *ret_n);
    if (rc != 0)
        free(*ret_body);
    return rc;
}

int message_read(struct stream *s, struct message *m)
{
    uint8_t header[16], *body;
    size_t n;
    int rc = read_body(s, header, &body, &n);

    if (rc != 0)
        return rc;
    m->flags = 0;
    m->secondary_ok = false;
    m->id = load32(header + 4);
    m->response_to = load32(header + 8);
    m->op = load32(header + 12);
    m->size = n + 16;
    rc = message_parse(m, body, n);
    free(body);
    return rc;
}

void message_done(struct message *m)
{
    bson_destroy(&m->command);
}

/* What comes before a message's document. */
struct head {
    int32_t id, response_to, op;
    uint8_t prefix[20]; /* flags, or the fixed part of an OP_REPLY */
    size_t prefix_len;
};

static int64_t send_message(struct stream *s, const struct head *h, const bson_t *doc)
{
    size_t n = 16 + h->prefix_len + doc->len;
    uint8_t *buf = xalloc(n);
    int rc;

    store32(buf, (int32_t)n);
    store32(buf + 4, h->id);
    store32(buf + 8, h->response_to);
    store32(buf + 12, h->op);
    memcpy(buf + 16, h->prefix, h->prefix_len);
    memcpy(buf + 16 + h->prefix_len, bson_get_data(doc), doc->len);
    rc = stream_write(s, buf, n);
    free(buf);
    return rc != 0 ? rc : (int64_t)n;
}

int64_t reply_write(struct stream *s, struct message *m, const bson_t *reply, bool more)
{
    static _Atomic int32_t next_id = 1;
    struct head h = {.id = next_id++, .response_to = m->id, .op = OP_MSG, .prefix_len = 5};

    if (m->op == OP_QUERY) {
        h.op = OP_REPLY;
        h.prefix_len = 20;
        store32(h.prefix, 8);
        store32(h.prefix + 16, 1);
    } else if (more) {
        store32(h.prefix, (int32_t)MSG_MORE_TO_COME);
        m->id = h.id;
    }
    return send_message(s, &h, reply);
}

int request_write(struct stream *s, int32_t id, const bson_t *command)
{
    struct head h = {.id = id, .op = OP_MSG, .prefix_len = 5};
    int64_t rc = send_message(s, &h, command);

    return rc < 0 ? (int)rc : 0;
}

int response_read(struct stream *s, bson_t *ret_reply)
{
    uint8_t header[16], *body;
    size_t n;
    bson_t doc;
    int rc = read_body(s, header, &body, &n);

    if (rc != 0)
        return rc;
    if (load32(header + 12) == OP_MSG && n >= 10 && body[4] == 0 && load32(body + 5) >= 5 &&
        (size_t)load32(body + 5) <= n - 5 &&
        bson_init_static(&doc, body + 5, (size_t)load32(body + 5)) &&
        bson_validate(&doc, BSON_VALIDATE_NONE, NULL))
        bson_copy_to(&doc, ret_reply);
    else
        rc = STREAM_BAD;
    free(body);
    return rc;
}
