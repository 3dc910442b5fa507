/* The keys of a deployment's spec.tls: the servers' options under net.tls that people decide. */
#include "specs/keys.h"
#include "specs/spec.h"

#define AT(field) EK_STORED(struct ek_deployment_spec, tls.field)

static const struct ek_key tls_rows[] = {
    {.key = "allowConnectionsWithoutCertificates",
     .type = EK_TYPE_CHOICE,
     AT(allow_connections_without_certificates),
     .initial_words = "as the members' files have it; true where they say nothing yet",
     .since = "0.1",
     .doc = "Whether clients that use TLS may come without a certificate. false: each client needs "
            "one by an authority that the servers trust, or it is shut out."},
    {.key = "disabledProtocols",
     .type = EK_TYPE_PROTOCOLS,
     AT(disabled_protocols),
     .initial_words = "as the members' files have it",
     .since = "0.1",
     .doc = "The TLS protocols that the servers neither take nor speak, joined by commas, such as "
            "TLS1_0,TLS1_1; or none."},
    {.key = "tlsCipherConfig",
     .type = EK_TYPE_CIPHERS,
     AT(ciphers),
     .initial_words = "as the members' files have it",
     .most = 300,
     .since = "0.1",
     .doc = "The ciphers that the servers take up to TLS 1.2, as a list of OpenSSL's."},
    {.key = "CRLFile",
     .type = EK_TYPE_LATER,
     .doc = "The certificates that are taken back. A member's file that names a list is kept as it "
            "is."},
};
const struct ek_keys ek_tls_keys = {EK_ROWS(tls_rows)};
