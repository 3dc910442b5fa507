#include "tests/model/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape_member {
    double priority;
    int votes;
    bool hidden;
    bool arbiter;
};

static const struct {
    const char *name;
    int count;
    bool accept_interruption;
    struct shape_member members[8];
} shapes[] = {
    {"1 member", 1, true, {{1, 1, 0, 0}}},
    {"2 members", 2, true, {{1, 1, 0, 0}, {1, 1, 0, 0}}},
    {"3 members", 3, false, {{1, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 0, 0}}},
    {"3 members, one preferred", 3, false, {{2, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 0, 0}}},
    {"PSA", 3, true, {{1, 1, 0, 0}, {1, 1, 0, 0}, {0, 1, 0, 1}}},
    {"3 members, one hidden", 3, false, {{1, 1, 0, 0}, {1, 1, 0, 0}, {0, 1, 1, 0}}},
    {"3 members, one of priority 0", 3, false, {{1, 1, 0, 0}, {1, 1, 0, 0}, {0, 1, 0, 0}}},
    {"4 members", 4, false, {{1, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 0, 0}}},
    {"5 members", 5, false, {{2, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 0, 0}, {1, 1, 0, 0}, {0, 1, 1, 0}}},
};

static char member_names[8][2] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static char member_hosts[8][16] = {"db-a.test", "db-b.test", "db-c.test", "db-d.test",
                                   "db-e.test", "db-f.test", "db-g.test", "db-h.test"};
static char base[] = "fleet.test";
static char set_name[] = "rs0";
static char authority[] = "ca";

size_t model_shape_count(void)
{
    return sizeof shapes / sizeof *shapes;
}

static void fill_spec(struct model_case *c, size_t shape)
{
    struct ek_deployment_spec *spec = &c->spec;
    spec->name = spec->account = set_name;
    spec->set_name = set_name;
    spec->members = c->members;
    spec->member_count = (size_t)shapes[shape].count;
    spec->ssl_mode = c->to;
    spec->ssl_domain.base = base;
    spec->certificates.authority = authority;
    spec->certificates.validity_s = 730LL * 86400;
    spec->certificates.renew_before_s = 45LL * 86400;
    spec->maintenance.max_lag_s = 10;
    if (shapes[shape].accept_interruption)
        spec->maintenance.interruption = EK_INTERRUPTION_ACCEPT;
    for (int i = 0; i < shapes[shape].count; i++) {
        const struct shape_member *given = &shapes[shape].members[i];
        c->members[i] = (struct ek_member_spec){.name = member_names[i],
                                                .host = member_hosts[i],
                                                .port = 27017,
                                                .priority = given->priority,
                                                .votes = given->votes,
                                                .hidden = given->hidden,
                                                .arbiter = given->arbiter};
    }
}

static void give_certificate(struct model_case *c, int i)
{
    struct ek_member_certificates *certificates = ek_member_certificates(c->state, i);
    struct ek_certificate_state *certificate = &certificates->certificate_installed;
    certificate->present = EK_YES;
    memset(certificate->sha256, 0x10 + i, sizeof certificate->sha256);
    certificate->issued_by_authority = EK_YES;
    certificate->key_sealed = certificates->key_password = EK_YES;
    certificate->sole_name = EK_YES;
    snprintf(certificate->key, sizeof certificate->key, "P-256");
    certificate->not_after_s = c->policy.now_s + (c->certificates_due ? 10LL : 400LL) * 86400;
    ek_domain_name(&c->spec, ek_transport(c->state)->domain_label, (size_t)i, certificate->name,
                   sizeof certificate->name);
    certificates->trust_installed = (struct ek_trust_state){.present = EK_YES, .count = 1};
    memcpy(certificates->trust_installed.sha256[0], ek_certificates(c->state)->authority_sha256,
           32);
    ek_member_transport(c->state, i)->domain_name_bound = EK_YES;
}

static void fill_member(struct model_case *c, int i, uint64_t all)
{
    struct ek_member *member = ek_member(c->state, i);
    struct ek_member_transport *transport = ek_member_transport(c->state, i);
    struct ek_member_certificates *certificates = ek_member_certificates(c->state, i);
    struct ek_member_access *access = ek_member_access(c->state, i);
    const struct ek_member_spec *wanted = &c->members[i];
    snprintf(member->name, sizeof member->name, "%s", wanted->name);
    member->process = member->data = member->configuration = access->key_file = EK_YES;
    member->restart_begun = EK_NO;
    member->reachable = EK_YES;
    member->state = wanted->arbiter ? EK_MEMBER_ARBITER : EK_MEMBER_SECONDARY;
    member->writable = EK_NO;
    transport->mode_running = transport->mode_configured = c->from;
    transport->options_wanted.known = EK_YES;
    memset(transport->options_wanted.digest, 0x70 + i, 32);
    transport->options_running.known = transport->options_configured.known = EK_YES;
    certificates->certificate_installed.present = certificates->key_password = EK_NO;
    certificates->certificate_running.present = EK_NO;
    certificates->trust_installed.present = certificates->trust_running.present = EK_NO;
    transport->domain_name_bound = EK_NO;
    member->spec_host_resolves = EK_YES;
    member->signing_key = 7;
    member->lag_ms = member->clock_ahead_ms = 0;
    transport->plaintext_clients = 0;
    member->id = i;
    member->priority = wanted->priority;
    member->votes = wanted->votes;
    member->hidden = wanted->hidden;
    member->arbiter = wanted->arbiter;
    member->healthy_for = member->viewed_by = all;
    if (c->domain_known)
        give_certificate(c, i);
    if (c->from > EK_SSL_DISABLED) {
        transport->options_running = transport->options_configured = transport->options_wanted;
        certificates->certificate_running = certificates->certificate_installed;
        certificates->trust_running = certificates->trust_installed;
    }
    enum ek_ssl_mode wanted_mode = c->spec.ssl_mode;
    c->spec.ssl_mode = c->from;
    ek_wanted_host(&c->spec, ek_transport(c->state)->domain_label, (size_t)i, member->host,
                   sizeof member->host);
    c->spec.ssl_mode = wanted_mode;
}

void model_case_init(struct model_case *ret_case, size_t shape, enum ek_ssl_mode from,
                     enum ek_ssl_mode to, unsigned history)
{
    struct model_case *c = ret_case;
    struct ek_state *room = c->state;
    memset(c, 0, sizeof *c);
    c->state = room;
    c->shape = shapes[shape].name;
    c->from = from;
    c->to = to;
    c->domain_known = history & MODEL_DOMAIN_KNOWN || from > EK_SSL_DISABLED;
    c->certificates_due = history & MODEL_CERTIFICATES_DUE;
    c->policy = (struct ek_policy){.now_s = 1800000000, .former_primary = 0};
    snprintf(c->policy.new_label, sizeof c->policy.new_label, "q7w3k9xm2p4ta");
    fill_spec(c, shape);
    struct ek_state *state;
    if (ek_state_new(c->spec.member_count, &state, NULL) != 0)
        abort();
    model_copy(&c->state, state);
    free(state);
    state = c->state;
    ek_set(state)->initiated = ek_access(state)->authentication = ek_access(state)->own_user =
        EK_YES;
    snprintf(ek_set(state)->set_name, sizeof ek_set(state)->set_name, "%s", set_name);
    ek_set(state)->config_version = ek_set(state)->config_term = 1;
    ek_set(state)->election_term = 0;
    ek_certificates(state)->authority = c->domain_known ? EK_YES : EK_NO;
    if (c->domain_known) {
        memset(ek_certificates(state)->authority_sha256, 0xAA, 32);
        snprintf(ek_transport(state)->domain_label, sizeof ek_transport(state)->domain_label,
                 "k3x9q2aaaaaaa");
    }
    uint64_t all = ((uint64_t)1 << state->member_count) - 1;
    for (int i = 0; i < (int)state->member_count; i++)
        fill_member(c, i, all);
    ek_member(state, 0)->state = EK_MEMBER_PRIMARY;
    ek_member(state, 0)->writable = EK_YES;
}

void model_case_lapse(struct model_case *c, size_t m)
{
    struct ek_member_certificates *certificates = ek_member_certificates(c->state, m);
    c->lapsed = true;
    certificates->certificate_installed.not_after_s = c->policy.now_s;
    certificates->certificate_running.not_after_s = c->policy.now_s;
}

void model_case_age(struct model_case *c)
{
    c->old_files = true;
    for (size_t i = 0; i < c->state->member_count; i++) {
        struct ek_member_certificates *certificates = ek_member_certificates(c->state, i);
        bool tls = ek_member_transport(c->state, i)->mode_running > EK_SSL_DISABLED;
        certificates->old_files = EK_YES;
        certificates->old_files_configured = certificates->old_files_running = tls ? EK_YES : EK_NO;
    }
}

static void empty_member(struct model_case *c, size_t i)
{
    struct ek_member *member = ek_member(c->state, i);
    struct ek_member_transport *transport = ek_member_transport(c->state, i);
    struct ek_member_certificates *certificates = ek_member_certificates(c->state, i);
    struct ek_options_state options_wanted = transport->options_wanted;
    *member = (struct ek_member){.id = -1, .lag_ms = -1};
    *transport = (struct ek_member_transport){.plaintext_clients = -1};
    *certificates = (struct ek_member_certificates){0};
    snprintf(member->name, sizeof member->name, "%s", c->members[i].name);
    transport->options_wanted = options_wanted;
    member->process = member->restart_begun = member->data = EK_NO;
    member->configuration = member->reachable = EK_NO;
    ek_member_access(c->state, i)->key_file = EK_NO;
    certificates->certificate_installed.present = certificates->trust_installed.present = EK_NO;
    certificates->key_password = EK_NO;
    transport->domain_name_bound = EK_NO;
    member->spec_host_resolves = EK_YES;
}

void model_case_init_bare(struct model_case *ret_case, size_t shape, enum ek_ssl_mode to)
{
    struct model_case *c = ret_case;
    model_case_init(c, shape, EK_SSL_DISABLED, to, 0);
    c->bare = true;
    c->policy.former_primary = -1;
    ek_set(c->state)->initiated = EK_NO;
    ek_access(c->state)->authentication = ek_access(c->state)->own_user = EK_UNKNOWN;
    ek_set(c->state)->set_name[0] = 0;
    ek_set(c->state)->config_version = ek_set(c->state)->config_term = 0;
    for (size_t i = 0; i < c->state->member_count; i++)
        empty_member(c, i);
}

struct ek_text_ref model_text(struct model_case *c, const char *text)
{
    struct ek_text_ref ref;
    if (ek_state_add_text(&c->state, text, &ref, NULL) != 0)
        abort();
    return ref;
}

void model_case_done(struct model_case *c)
{
    free(c->state);
    memset(c, 0, sizeof *c);
}

void model_copy(struct ek_state **to, const struct ek_state *from)
{
    if (ek_state_assign(to, from, NULL) != 0)
        abort();
}
