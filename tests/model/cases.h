/* The small fleets that the model checker walks: specs and observed states made in memory. */
#ifndef EK_TESTS_MODEL_CASES_H
#define EK_TESTS_MODEL_CASES_H

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/certificate/steps.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/transport/steps.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/aspects/users/steps.h"
#include "reconciler/kernel/next.h"

/* What a case has behind it, besides its mode. */
enum model_history {
    MODEL_DOMAIN_KNOWN = 1,     /* certificates of an earlier SSL domain are on the hosts */
    MODEL_CERTIFICATES_DUE = 2, /* they end soon */
};

struct model_case {
    const char *shape; /* "3 members", "PSA", … */
    enum ek_ssl_mode from;
    enum ek_ssl_mode to;
    bool domain_known;     /* certificates of an earlier SSL domain are on the hosts */
    bool certificates_due; /* they end soon */
    bool bare;             /* nothing is there yet */
    bool lapsed;           /* one member's certificate has ended while it runs */
    bool old_files;        /* they are where earlier versions kept them */
    struct ek_member_spec members[EK_MEMBERS_MAX];
    struct ek_deployment_spec spec;
    struct ek_state *state; /* owned */
    struct ek_policy policy;
};

/* Shapes of replica sets; index below model_shape_count(). */
size_t model_shape_count(void);

/* Make one case in place of the one that was there (all zero: none): a settled fleet of that shape
 * in mode `from`, specs that want `to`, and of enum model_history what is true of it. */
void model_case_init(struct model_case *ret_case, size_t shape, enum ek_ssl_mode from,
                     enum ek_ssl_mode to, unsigned history);

/* Member m's certificate has ended while it runs with it. */
void model_case_lapse(struct model_case *c, size_t m);

/* The members' files are where earlier versions kept them, and named there. */
void model_case_age(struct model_case *c);

/* Make one case: hosts on which nothing was ever installed, specs that want a set in mode `to`. */
void model_case_init_bare(struct model_case *ret_case, size_t shape, enum ek_ssl_mode to);

/* Find or add a text to the case's state, which may move; ends the program without memory. */
struct ek_text_ref model_text(struct model_case *c, const char *text);

/* Give back what a case owns. */
void model_case_done(struct model_case *c);

/* Copy a state over one that may be NULL or of another size; ends the program without memory. */
void model_copy(struct ek_state **to, const struct ek_state *from);

#endif
