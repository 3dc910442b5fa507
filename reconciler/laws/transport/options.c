/* A restart brings nothing into force that people set and nobody can judge, and nothing that shuts
 * clients out, or lets more of them in, unless the specs say so. */
#include <string.h>

#include "reconciler/laws/law.h"

/* One option as it runs and as it will be, "" where it is not set. */
struct change {
    const char *name;
    const char *from;
    const char *to;
};

/* Law 1 judges these by what both ends have, and a log tells less or more. */
static bool is_judged_elsewhere(const char *name)
{
    static const char *const names[] = {"net.tls.disabledProtocols", "net.tls.tlsCipherConfig",
                                        "net.tls.allowInvalidCertificates",
                                        "net.tls.allowInvalidHostnames", "net.tls.logVersions"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The server listens where it listened, and maybe elsewhere. */
static bool listens_as_before(const struct change *change)
{
    for (const char *at = change->from; *at; at += strcspn(at, ","), at += *at == ',') {
        size_t length = strcspn(at, ",");
        const char *found = change->to;
        while (*found && (strcspn(found, ",") != length || strncmp(found, at, length) != 0))
            found += strcspn(found, ","), found += *found == ',';
        if (!*found)
            return false;
    }
    return change->from[0] != 0;
}

static bool is_harmless(const struct ek_law_question *q, const struct change *change)
{
    const struct ek_member_transport *transport =
        ek_member_transport(q->state, (size_t)q->step->member);
    enum ek_choice stated = q->spec->tls.allow_connections_without_certificates;
    if (strcmp(change->name, "net.tls.allowConnectionsWithoutCertificates") == 0)
        return transport->mode_running == EK_SSL_DISABLED ||
               transport->mode_configured == EK_SSL_DISABLED ||
               stated == (strcmp(change->to, "true") == 0 ? EK_CHOICE_YES : EK_CHOICE_NO);
    if (strncmp(change->name, "net.tls.", 8) == 0)
        return transport->mode_configured == EK_SSL_DISABLED || is_judged_elsewhere(change->name);
    if (strcmp(change->name, "net.bindIp") == 0)
        return listens_as_before(change);
    return strcmp(change->name, "net.bindIpAll") == 0 && strcmp(change->to, "true") == 0;
}

static bool is_broken_by(const struct ek_law_question *q, const struct change *change)
{
    if (is_harmless(q, change))
        return false;
    return ek_broken(q, "member %s would start with %s: %s, and runs with %s",
                     ek_law_subject(q)->name, change->name, *change->to ? change->to : "unset",
                     *change->from ? change->from : "unset");
}

static bool is_broken(const struct ek_law_question *q)
{
    struct ek_option_text option;
    char other[EK_OPTION_KEYS_SIZE];
    if (!ek_law_stops(q))
        return false;
    const struct ek_member_transport *transport =
        ek_member_transport(q->state, (size_t)q->step->member);
    const char *running = ek_state_text(q->state, transport->options_running.keys);
    const char *next = ek_state_text(q->state, transport->options_configured.keys);
    if (transport->options_running.known != EK_YES)
        return false; /* law 1 has the last word on what is not known */
    for (const char *at = next; ek_option_differs(&at, running, &option);) {
        ek_option_value(running, option.name, other, sizeof other);
        if (is_broken_by(q, &(struct change){option.name, other, option.value}))
            return true;
    }
    for (const char *at = running; ek_option_differs(&at, next, &option);)
        if (!ek_option_value(next, option.name, other, sizeof other) &&
            is_broken_by(q, &(struct change){option.name, option.value, ""}))
            return true;
    return false;
}

const struct ek_law ek_law_options = {
    .id = "EK-0221",
    .guards = EK_FIELDS(&ek_field_process),
    .is_broken = is_broken,
};
