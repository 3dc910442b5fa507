/* What the tests about people's options share: fleets of which they are set. Include once, behind
 * the fleet. */
#ifndef EK_TESTS_UNIT_OPTIONS_OF_PEOPLE_H
#define EK_TESTS_UNIT_OPTIONS_OF_PEOPLE_H

#define ALLOW "net.tls.allowConnectionsWithoutCertificates=true\n"
#define PROTOCOLS(list) "net.tls.disabledProtocols=" list "\n"
#define CIPHERS(list) "net.tls.tlsCipherConfig=" list "\n"
#define CLUSTER_FILE "net.tls.clusterFile=/etc/cluster.pem\n"
#define HIGH "setParameter.opensslCipherConfig=HIGH\n"

static inline void set_keys(struct ek_options_state *options, const char *keys)
{
    options->known = EK_YES;
    snprintf(options->keys, sizeof options->keys, "%s", keys);
}

/* Everybody runs with these, and has them in the file. */
static inline void everybody_has(const char *keys)
{
    for (size_t m = 0; m < fleet.state->member_count; m++) {
        struct ek_member_transport *transport = ek_member_transport(fleet.state, m);
        set_keys(&transport->options_running, keys);
        set_keys(&transport->options_configured, keys);
        set_keys(&transport->options_wanted, keys);
    }
}

/* The file of m has these; what runs has not. */
static inline void file_has(size_t m, const char *keys)
{
    struct ek_member_transport *transport = ek_member_transport(fleet.state, m);
    set_keys(&transport->options_configured, keys);
    set_keys(&transport->options_wanted, keys);
    memset(transport->options_wanted.digest, 0x55, 32);
    memset(transport->options_configured.digest, 0x55, 32);
}

static inline void runs_with(size_t m, const char *keys)
{
    set_keys(&ek_member_transport(fleet.state, m)->options_running, keys);
}

#endif
