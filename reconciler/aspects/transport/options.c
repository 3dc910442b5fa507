/* What people set for themselves, and a restart or TLS would bring into force: is it known to be
 * safe? Pure. */
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/questions.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/questions.h"
#include "reconciler/tls_protocols.h"

static const char allow[] = "net.tls.allowConnectionsWithoutCertificates";

/* ---- what runs against what will ---- */

enum weight {
    WEIGHT_NONE,    /* harms nobody */
    WEIGHT_PEERS,   /* depends on what the peers have */
    WEIGHT_WEAKENS, /* depends on whether certificates are good */
    WEIGHT_CLIENTS, /* for the specs to say */
    WEIGHT_UNKNOWN,
};

static enum weight weight_of(const char *name)
{
    static const struct {
        const char *name;
        enum weight weight;
    } rows[] = {
        {"net.tls.disabledProtocols", WEIGHT_PEERS},
        {"net.tls.tlsCipherConfig", WEIGHT_PEERS},
        {"net.tls.logVersions", WEIGHT_NONE},
        {"net.tls.allowInvalidCertificates", WEIGHT_WEAKENS},
        {"net.tls.allowInvalidHostnames", WEIGHT_WEAKENS},
        {allow, WEIGHT_CLIENTS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(name, rows[i].name) == 0)
            return rows[i].weight;
    return WEIGHT_UNKNOWN;
}

/* Whether a member with it presents, or trusts, what can't be checked here. */
static bool is_way_of_its_own(const struct ek_option_text *option)
{
    if (strcmp(option->name, "security.clusterAuthMode") == 0)
        return strcmp(option->value, "x509") == 0 || strcmp(option->value, "sendX509") == 0;
    if (strncmp(option->name, "net.tls.", 8) == 0)
        return strcmp(option->name, "net.tls.FIPSMode") != 0 &&
               weight_of(option->name) == WEIGHT_UNKNOWN;
    return strncmp(option->name, "setParameter.", 13) == 0;
}

/* One value, as it runs and as it will be; "": not set. */
struct pending {
    const char *name;
    const char *running;
    const char *next;
};

/* Every address of one list is in the other. */
static bool addresses_within(const char *some, const char *all)
{
    char list[EK_OPTION_KEYS_SIZE + 2];
    char wanted[EK_OPTION_KEYS_SIZE + 2];
    snprintf(list, sizeof list, ",%s,", all);
    for (const char *at = some; *at; at += strcspn(at, ","), at += *at == ',') {
        snprintf(wanted, sizeof wanted, ",%.*s,", (int)strcspn(at, ","), at);
        if (!strstr(list, wanted))
            return false;
    }
    return *some != 0;
}

static bool everybody_proves_itself(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
        if (!ek_certificate_names_host(q, m, &certificates->certificate_running) ||
            !ek_certificate_names_host(q, m, &certificates->certificate_installed) ||
            !ek_trusts_authority(q, &certificates->trust_running) ||
            !ek_trusts_authority(q, &certificates->trust_installed))
            return false;
    }
    return true;
}

static bool is_harmless(const struct ek_question *q, size_t m, const struct pending *pending)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    enum ek_choice stated = q->spec->tls.allow_connections_without_certificates;
    bool without_tls = strncmp(pending->name, "net.tls.", 8) == 0 && !*pending->next &&
                       q->spec->ssl_mode == EK_SSL_DISABLED;
    switch (weight_of(pending->name)) {
    case WEIGHT_NONE:
    case WEIGHT_PEERS: return true; /* judged by pairs */
    case WEIGHT_WEAKENS: return *pending->next || everybody_proves_itself(q);
    case WEIGHT_CLIENTS:
        return transport->mode_running == EK_SSL_DISABLED || stated != EK_CHOICE_DEFAULT;
    case WEIGHT_UNKNOWN: break;
    }
    if (strcmp(pending->name, "net.bindIp") == 0)
        return addresses_within(pending->running, pending->next);
    return without_tls || (strcmp(pending->name, "net.bindIpAll") == 0 && *pending->next);
}

static bool pending_in_the_way(const struct ek_question *q, size_t m, const struct pending *pending)
{
    bool clients = strcmp(pending->name, allow) == 0;
    const char *unset = clients ? "false" : "unset";
    if (is_harmless(q, m, pending))
        return false;
    return ek_block(
        q,
        ek_lasting("EK-0137", (int)m,
                   clients
                       ? "say in the specs which is wanted: tls.allowConnectionsWithoutCertificates"
                       : "take it back in the file, or restart that member yourself and see "
                         "that its peers still take it"),
        "member %s runs with %s: %s; its file %s has %s, and a restart would bring that into force",
        ek_member(q->state, m)->name, pending->name, *pending->running ? pending->running : unset,
        q->spec->members[m].configuration, *pending->next ? pending->next : unset);
}

static bool options_of_in_the_way(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const char *running = ek_state_text(q->state, transport->options_running.keys);
    const char *next = ek_state_text(q->state, transport->options_wanted.keys);
    bool known = transport->options_running.known == EK_YES;
    struct ek_option_text option;
    char other[EK_OPTION_KEYS_SIZE];
    const char *why;
    if (ek_member(q->state, m)->process != EK_YES || transport->options_wanted.known != EK_YES ||
        !ek_next_needs_restart(q, m, &why))
        return false;
    for (const char *at = next; ek_option_differs(&at, running, &option);) {
        ek_option_value(running, option.name, other, sizeof other);
        if ((known || is_way_of_its_own(&option)) &&
            pending_in_the_way(q, m, &(struct pending){option.name, other, option.value}))
            return true;
    }
    for (const char *at = running; ek_option_differs(&at, next, &option);)
        if (!ek_option_value(next, option.name, other, sizeof other) &&
            pending_in_the_way(q, m, &(struct pending){option.name, option.value, ""}))
            return true;
    return false;
}

/* ---- members that dial each other by TLS, or will ---- */

/* The name of such an option among the keys; false: none. */
static bool way_of_its_own(const char *keys, struct ek_option_text *ret_option)
{
    for (const char *at = keys; ek_option_differs(&at, "", ret_option);)
        if (is_way_of_its_own(ret_option))
            return true;
    return false;
}

static bool somebody_will_dial_tls(const struct ek_question *q)
{
    for (size_t m = 0; q->spec->ssl_mode >= EK_SSL_PREFER && m < q->state->member_count; m++)
        if (ek_member_transport(q->state, m)->mode_running < EK_SSL_PREFER)
            return true;
    return false;
}

static bool way_in_the_way(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    struct ek_option_text option;
    if (!way_of_its_own(ek_state_text(q->state, transport->options_wanted.keys), &option) &&
        !way_of_its_own(ek_state_text(q->state, transport->options_running.keys), &option))
        return false;
    return ek_block(
        q, ek_lasting("EK-0138", (int)m, "take it out of the file until the members talk by TLS"),
        "whether the members still take each other by TLS can't be told: member %s has "
        "%s: %s",
        ek_member(q->state, m)->name, option.name, option.value);
}

static bool meet(const char *dialler, const char *taker)
{
    static const char disabled[] = "net.tls.disabledProtocols";
    static const char ciphers[] = "net.tls.tlsCipherConfig";
    char protocols[2][EK_OPTION_KEYS_SIZE];
    char lists[2][EK_OPTION_KEYS_SIZE];
    const char *const ends[] = {dialler, taker};
    for (size_t i = 0; i < 2; i++) {
        ek_option_value(ends[i], disabled, protocols[i], sizeof protocols[i]);
        ek_option_value(ends[i], ciphers, lists[i], sizeof lists[i]);
    }
    return ek_protocols_meet(protocols[0], protocols[1]) &&
           (strcmp(lists[0], lists[1]) == 0 ||
            ek_protocols_meet_latest(protocols[0], protocols[1]));
}

/* What it runs with, would come back with, and will have. */
static const char *keys_of(const struct ek_question *q, size_t m, int which)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    if (which == 0)
        return transport->mode_running > EK_SSL_DISABLED
                   ? ek_state_text(q->state, transport->options_running.keys)
                   : NULL;
    if (which == 1)
        return transport->mode_configured > EK_SSL_DISABLED
                   ? ek_state_text(q->state, transport->options_configured.keys)
                   : NULL;
    return q->spec->ssl_mode > EK_SSL_DISABLED
               ? ek_state_text(q->state, transport->options_wanted.keys)
               : NULL;
}

static bool pair_in_the_way(const struct ek_question *q, size_t from, size_t to)
{
    for (int i = 0; i < 9; i++) {
        const char *dialler = keys_of(q, from, i / 3);
        const char *taker = keys_of(q, to, i % 3);
        if (dialler && taker && !meet(dialler, taker))
            return ek_block(q,
                            ek_lasting("EK-0138", (int)from,
                                       "give both of them disabledProtocols and ciphers that leave "
                                       "something in common"),
                            "members %s and %s would have no TLS protocol or ciphers in common "
                            "(disabledProtocols, tlsCipherConfig)",
                            ek_member(q->state, from)->name, ek_member(q->state, to)->name);
    }
    return false;
}

static bool something_is_to_come(const struct ek_question *q)
{
    const char *why;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (ek_next_needs_restart(q, m, &why) ||
            ek_member_transport(q->state, m)->mode_running != q->spec->ssl_mode ||
            ek_member_transport(q->state, m)->mode_configured != q->spec->ssl_mode)
            return true;
    return false;
}

/* Servers refuse some options without TLS, or before they dial by it, and do not start. */
static bool refused_in_the_way(const struct ek_question *q, size_t m)
{
    static const char ciphers[] = "setParameter.opensslCipherConfig";
    static const char proofs[] = "security.clusterAuthMode";
    const char *keys =
        ek_state_text(q->state, ek_member_transport(q->state, m)->options_wanted.keys);
    char value[EK_OPTION_KEYS_SIZE];
    const char *name = NULL;
    if (q->spec->ssl_mode == EK_SSL_DISABLED && ek_option_value(keys, ciphers, value, sizeof value))
        name = ciphers;
    else if (q->spec->ssl_mode < EK_SSL_PREFER &&
             ek_option_value(keys, proofs, value, sizeof value) && strcmp(value, "keyFile") != 0 &&
             (q->spec->ssl_mode == EK_SSL_DISABLED || strcmp(value, "sendKeyFile") != 0))
        name = proofs;
    if (!name)
        return false;
    return ek_block(q,
                    ek_lasting("EK-0139", (int)m,
                               "take it out of the file first; with clusterAuthMode go back to "
                               "keyFile member by member"),
                    "member %s would not start with sslMode %s: its file has %s: %s",
                    ek_member(q->state, m)->name, ek_ssl_mode_name(q->spec->ssl_mode), name, value);
}

bool ek_phase_options(const struct ek_question *q)
{
    size_t count = q->state->member_count;
    if (ek_set(q->state)->initiated != EK_YES || !something_is_to_come(q))
        return false;
    for (size_t m = 0; m < count; m++)
        if (refused_in_the_way(q, m) || options_of_in_the_way(q, m) ||
            (somebody_will_dial_tls(q) && way_in_the_way(q, m)))
            return true;
    for (size_t from = 0; from < count; from++)
        for (size_t to = 0; to < count; to++)
            if (from != to && pair_in_the_way(q, from, to))
                return true;
    return false;
}
