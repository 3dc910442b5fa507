/* Transport's part of a state: how members talk, and under which names. */
#ifndef EK_ASPECTS_TRANSPORT_STATE_H
#define EK_ASPECTS_TRANSPORT_STATE_H

#include "reconciler/base/hash.h"
#include "reconciler/base/sizes.h"
#include "reconciler/kernel/state.h"
#include "reconciler/ssl_mode.h"
#include "specs/spec.h"

enum {
    EK_DOMAIN_NAME_SIZE = EK_DNS_NAME_SIZE, /* "a.label.base" */
    EK_OPTION_KEYS_SIZE = EK_TEXT_SIZE,     /* of what people set */
};

struct ek_options_state {
    enum ek_tri known;
    uint8_t digest[EK_SHA256_SIZE]; /* all zero: no TLS options at all */
    struct ek_text_ref keys; /* a line "net.tls.CRLFile=/etc/crl.pem" for each option that decides
                                whether members take each other, whom they let in and as who they
                                come back, sorted; not those that Evenkeel writes itself */
};

/* The option `name` of such keys, into buffer; false (and "") when it is not there. A switch that
 * is off is as good as not there. */
bool ek_option_value(const char *keys, const char *name, char *buffer, size_t size);

struct ek_option_text {
    char name[128];
    char value[EK_OPTION_KEYS_SIZE];
};

/* The next option from *at on (at first: the keys) that `other` has not, or has with another value.
 * What only `other` has is found the other way round. */
bool ek_option_differs(const char **at, const char *other, struct ek_option_text *ret_option);

/* What is left of keys in a file that names `mode`: none of net.tls while it is disabled. */
void ek_keys_in_mode(const char *keys, enum ek_ssl_mode mode, char ret_keys[EK_OPTION_KEYS_SIZE]);

/* Configure for member m what is left of the options wanted in the mode configured; *state may
 * move. EK_NO_MEMORY (EK-0599). */
int ek_options_written(struct ek_state **state, size_t m, struct ek_error *err);

struct ek_transport {
    char domain_label[EK_LABEL_SIZE]; /* of the SSL domain, "" none was ever chosen */
};

struct ek_member_transport {
    enum ek_ssl_mode mode_configured;
    enum ek_ssl_mode mode_running;
    struct ek_options_state options_configured;
    struct ek_options_state options_wanted; /* what Evenkeel would write for TLS */
    struct ek_options_state options_running;
    int64_t plaintext_clients; /* in plaintext, or not known to use TLS; -1 unknown */
    int64_t watched_since_s;   /* since when it is known, without a gap, to have had no client in
                                  plaintext (wall clock); 0 unknown */
    enum ek_tri domain_name_bound; /* its name in the SSL domain resolves to its address */
};

EK_STATE_PART(ek_transport, struct ek_transport, EK_PART_transport)
EK_STATE_PART(ek_member_transport, struct ek_member_transport, EK_PART_transport_members)
#define ek_transport(state) EK_STATE_ELEMENT(ek_transport, state, 0)
#define ek_member_transport(state, i) EK_STATE_ELEMENT(ek_member_transport, state, i)

/* The name of member `index` in the SSL domain ("a.label.base"), written into buffer.
 * False when there is no base or no label. */
bool ek_domain_name(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size);

/* "host:port" that the specs want in the configuration: in the SSL domain while sslMode is
 * not disabled, else the spec's own host. */
bool ek_wanted_host(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size);

#endif
