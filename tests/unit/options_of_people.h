/* What the tests about people's options share: fleets of which they are set. Include once, behind
 * the fleet. */
#ifndef EK_TESTS_UNIT_OPTIONS_OF_PEOPLE_H
#define EK_TESTS_UNIT_OPTIONS_OF_PEOPLE_H

#define ALLOW "net.tls.allowConnectionsWithoutCertificates=true\n"
#define PROTOCOLS(list) "net.tls.disabledProtocols=" list "\n"
#define CIPHERS(list) "net.tls.tlsCipherConfig=" list "\n"
#define CLUSTER_FILE "net.tls.clusterFile=/etc/cluster.pem\n"
#define HIGH "setParameter.opensslCipherConfig=HIGH\n"

/* set_keys(C, options_wanted, "net.port=1\n"): the fleet's state may move. */
#define set_keys(m, options, text)                                                                 \
    do {                                                                                           \
        const struct ek_text_ref added = model_text(&fleet, (text));                               \
        ek_member_transport(fleet.state, (m))->options.known = EK_YES;                             \
        ek_member_transport(fleet.state, (m))->options.keys = added;                               \
    } while (0)

/* Everybody runs with these, and has them in the file. */
static inline void everybody_has(const char *keys)
{
    for (size_t m = 0; m < fleet.state->member_count; m++) {
        set_keys(m, options_running, keys);
        set_keys(m, options_configured, keys);
        set_keys(m, options_wanted, keys);
    }
}

/* The file of m has these; what runs has not. */
static inline void file_has(size_t m, const char *keys)
{
    set_keys(m, options_configured, keys);
    set_keys(m, options_wanted, keys);
    memset(ek_member_transport(fleet.state, m)->options_wanted.digest, 0x55, 32);
    memset(ek_member_transport(fleet.state, m)->options_configured.digest, 0x55, 32);
}

static inline void runs_with(size_t m, const char *keys)
{
    set_keys(m, options_running, keys);
}

#endif
