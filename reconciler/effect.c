/* effect: what each step brings about, one function per row of steps.def. Pure. */
#include <stdio.h>
#include <string.h>

#include "reconciler/step.h"

static struct ek_member_observed *member_of(struct ek_state *state, const struct ek_step *step)
{
    return &state->members[step->member];
}

static void create_authority(const struct ek_deployment_spec *spec, struct ek_state *state,
                             const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)step, (void)policy;
    state->authority = EK_YES;
    memset(state->authority_sha256, 0xCA, sizeof state->authority_sha256);
}

static void bind_name(const struct ek_deployment_spec *spec, struct ek_state *state,
                      const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    memcpy(state->domain_label, step->label, sizeof state->domain_label);
    member_of(state, step)->domain_name_bound = EK_YES;
}

static void install_trust(const struct ek_deployment_spec *spec, struct ek_state *state,
                          const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    struct ek_member_observed *member = member_of(state, step);
    struct ek_trust_state *trust = &member->trust_installed;
    memset(trust, 0, sizeof *trust);
    trust->present = EK_YES;
    trust->count = 1;
    memcpy(trust->sha256[0], state->authority_sha256, sizeof trust->sha256[0]);
    if (member->process == EK_YES && member->mode_running > EK_SSL_DISABLED)
        member->trust_running = (struct ek_trust_state){.present = EK_YES}; /* what, nobody knows */
}

/* A certificate that is not issued yet has no fingerprint; a stand-in that differs from every
 * other member's and from the one before says all that a plan needs: it is a new one. */
static void issue_certificate(const struct ek_deployment_spec *spec, struct ek_state *state,
                              const struct ek_step *step, const struct ek_policy *policy)
{
    struct ek_certificate_state *certificate = &member_of(state, step)->certificate_installed;
    uint8_t before = certificate->present == EK_YES ? certificate->sha256[0] : 0;
    memset(certificate, 0, sizeof *certificate);
    certificate->present = EK_YES;
    memset(certificate->sha256, step->member, sizeof certificate->sha256);
    certificate->sha256[0] = (uint8_t)(before + 1);
    certificate->issued_by_authority = EK_YES;
    certificate->key_sealed = EK_YES;
    certificate->sole_name = EK_YES;
    certificate->not_after_s = policy->now_s + spec->certificates.validity_s;
    ek_domain_name(spec, state->domain_label, (size_t)step->member, certificate->name,
                   sizeof certificate->name);
}

static void install_key_file(const struct ek_deployment_spec *spec, struct ek_state *state,
                             const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    member_of(state, step)->key_file = EK_YES;
}

static void write_configuration(const struct ek_deployment_spec *spec, struct ek_state *state,
                                const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    struct ek_member_observed *member = member_of(state, step);
    member->configuration = EK_YES;
    member->mode_configured = step->mode;
    member->options_configured = member->options_wanted;
    if (step->mode == EK_SSL_DISABLED)
        member->options_configured = (struct ek_options_state){.known = EK_YES};
}

/* A new process runs what its files say. */
static void run_from_files(struct ek_state *state, const struct ek_step *step)
{
    struct ek_member_observed *member = member_of(state, step);
    member->process = EK_YES;
    member->restart_begun = EK_NO;
    member->reachable = EK_YES;
    member->data = EK_YES;
    member->mode_running = member->mode_configured;
    member->options_running = member->options_configured;
    if (member->mode_running == EK_SSL_DISABLED) {
        member->certificate_running = (struct ek_certificate_state){.present = EK_NO};
        member->trust_running = (struct ek_trust_state){.present = EK_NO};
    } else {
        member->certificate_running = member->certificate_installed;
        member->trust_running = member->trust_installed;
    }
}

static void make_ready(struct ek_state *state, const struct ek_step *step)
{
    struct ek_member_observed *member = member_of(state, step);
    int primary = ek_state_primary(state);
    member->lag_ms = 0;
    member->writable = EK_NO;
    if (member->arbiter)
        member->state = EK_MEMBER_ARBITER;
    else if (primary >= 0 && primary != step->member)
        member->state = EK_MEMBER_SECONDARY;
    else { /* nobody else can lead: it does again */
        member->state = EK_MEMBER_PRIMARY;
        member->writable = EK_YES;
    }
    if (primary >= 0)
        member->signing_key = state->members[primary].signing_key;
    for (size_t i = 0; i < state->member_count; i++) {
        state->members[i].healthy_for |= (uint64_t)1 << step->member;
        member->healthy_for |= (uint64_t)1 << i;
    }
}

static void start(const struct ek_deployment_spec *spec, struct ek_state *state,
                  const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    run_from_files(state, step);
    if (state->initiated == EK_YES)
        make_ready(state, step);
    else
        member_of(state, step)->state = EK_MEMBER_UNINITIATED;
}

static void restart(const struct ek_deployment_spec *spec, struct ek_state *state,
                    const struct ek_step *step, const struct ek_policy *policy)
{
    start(spec, state, step, policy);
}

static void initiate(const struct ek_deployment_spec *spec, struct ek_state *state,
                     const struct ek_step *step, const struct ek_policy *policy)
{
    (void)step, (void)policy;
    uint64_t all = (((uint64_t)1 << (state->member_count - 1)) << 1) - 1;
    size_t first = 0;
    state->initiated = EK_YES;
    state->authentication = EK_YES; /* its keyFile turns it on */
    if (state->own_user == EK_UNKNOWN)
        state->own_user = EK_NO;
    state->config_version = 1;
    snprintf(state->set_name, sizeof state->set_name, "%s", spec->set_name);
    for (size_t i = 0; i < state->member_count; i++) {
        struct ek_member_observed *member = &state->members[i];
        const struct ek_member_spec *wanted = &spec->members[i];
        member->id = (int)i;
        member->priority = wanted->priority;
        member->votes = wanted->votes;
        member->hidden = wanted->hidden;
        member->arbiter = wanted->arbiter;
        member->state = wanted->arbiter ? EK_MEMBER_ARBITER : EK_MEMBER_SECONDARY;
        member->writable = EK_NO;
        member->lag_ms = 0;
        member->signing_key = 1;
        member->healthy_for = member->viewed_by = all;
        ek_wanted_host(spec, state->domain_label, i, member->host, sizeof member->host);
        if (member->priority > state->members[first].priority)
            first = i;
    }
    state->members[first].state = EK_MEMBER_PRIMARY;
    state->members[first].writable = EK_YES;
}

static void create_user(const struct ek_deployment_spec *spec, struct ek_state *state,
                        const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)step, (void)policy;
    state->own_user = EK_YES;
}

static void reconfigure(const struct ek_deployment_spec *spec, struct ek_state *state,
                        const struct ek_step *step, const struct ek_policy *policy)
{
    (void)step, (void)policy;
    state->config_version++;
    for (size_t i = 0; i < state->member_count; i++)
        ek_wanted_host(spec, state->domain_label, i, state->members[i].host,
                       sizeof state->members[i].host);
}

static void set_ssl_mode(const struct ek_deployment_spec *spec, struct ek_state *state,
                         const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    member_of(state, step)->mode_running = step->mode;
}

static void step_down(const struct ek_deployment_spec *spec, struct ek_state *state,
                      const struct ek_step *step, const struct ek_policy *policy)
{
    (void)spec, (void)policy;
    struct ek_member_observed *before = member_of(state, step);
    struct ek_member_observed *after = &state->members[step->other];
    before->state = EK_MEMBER_SECONDARY;
    before->writable = EK_NO;
    after->state = EK_MEMBER_PRIMARY;
    after->writable = EK_YES;
    state->election_term++;
}

/* member is the primary now, other the one that should be. */
static void reinstate(const struct ek_deployment_spec *spec, struct ek_state *state,
                      const struct ek_step *step, const struct ek_policy *policy)
{
    step_down(spec, state, step, policy);
}

static const struct ek_step_row rows[] = {
#define EK_STEP(kind_, function, name_, verb_, change_, on_member_, disturbs_, restarts_,          \
                elections_, undone_, facets_, doc_)                                                \
    [EK_STEP_##kind_] = {.kind = EK_STEP_##kind_,                                                  \
                         .name = (name_),                                                          \
                         .verb = (verb_),                                                          \
                         .change = (change_),                                                      \
                         .on_member = (on_member_),                                                \
                         .disturbs = (disturbs_),                                                  \
                         .restarts = (restarts_),                                                  \
                         .elections = (elections_),                                                \
                         .can_be_undone = (undone_),                                               \
                         .facets = (facets_),                                                      \
                         .effect = (function),                                                     \
                         .doc = (doc_)},
#include "reconciler/steps.def"
#undef EK_STEP
};

const struct ek_step_row *ek_step_row(enum ek_step_kind kind)
{
    return &rows[kind];
}

void ek_effect(const struct ek_deployment_spec *spec, struct ek_state *state,
               const struct ek_step *step, const struct ek_policy *policy)
{
    rows[step->kind].effect(spec, state, step, policy);
}
