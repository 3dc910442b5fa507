/* A step: the smallest change that is made and confirmed as one.
 *
 * Every kind is one row of an aspect's steps.def; plan text, JSON, Markdown, metrics, the laws, the
 * model checker and the executor all follow from the row. */
#ifndef EK_KERNEL_STEP_H
#define EK_KERNEL_STEP_H

#include "reconciler/kernel/field.h"

struct ek_step;
struct ek_action; /* how steps are done: reconciler/execute/action.h */
struct ek_note;   /* how steps are told: reconciler/document/note.h */

enum ek_change { EK_CHANGE_ADD, EK_CHANGE_MODIFY, EK_CHANGE_REPLACE, EK_CHANGE_REMOVE };

enum {
    EK_ARGUMENTS_SIZE = 64, /* room for the arguments of any kind, in bytes */
    EK_WHY_SIZE = 160,
    EK_ID_SIZE = 12, /* of a row of the catalogue, with its NUL */
    EK_SENTENCE_SIZE = 384,
};

/* An argument of a kind of step. */
struct ek_argument {
    struct ek_field field;           /* how it is written and read; key NULL ends a list */
    const struct ek_field *value_of; /* the field whose value it is after the step, or NULL */
};

/* A modelled state that a step changes. The state may move when a list grows. */
struct ek_effect {
    const struct ek_deployment_spec *spec;
    const struct ek_policy *policy;
    const struct ek_step *step;
    struct ek_state *state;
};

/* What is looked for after a step. */
struct ek_confirmation {
    const struct ek_situation *observed;
    const struct ek_state *expected; /* the effect on the state that the step was permitted on */
    const struct ek_step *step;
    char *why; /* a sentence about what is missing, of EK_SENTENCE_SIZE */
};

struct ek_step_kind {
    const char *name;      /* stable identifier for JSON: "write-configuration" */
    const char *verb;      /* for people: "write configuration" */
    const char *verbs;     /* for several members at once: "write configurations"; NULL: verb */
    enum ek_change change; /* + ~ -/+ - */
    bool on_member;        /* acts on a member, else on the deployment */
    bool on_all;           /* of the deployment: acts on every member at once */
    bool disturbs;         /* the running service notices: healthy set needed, windows apply */
    bool keeps_secrets;    /* the controller seals or signs something for it */
    bool can_be_undone;
    int restarts;
    int elections;
    const char *doc; /* one sentence for the reference */

    const struct ek_field *const *touches; /* the fields that it changes, NULL last */
    const struct ek_argument *arguments;

    /* MUST. The state that the step should bring about. Pure.
     * EK_NO_MEMORY (EK-0599) where a list grows. */
    int (*effect)(struct ek_effect *effect, struct ek_error *err);

    /* MUST. Whether the observation shows that it took effect; when not, sets why. Pure. */
    bool (*seen)(const struct ek_confirmation *confirmation);

    /* MUST. Do it in the world; see ek_act. */
    int (*act)(const struct ek_action *action, struct ek_error *err);

    /* MAY be NULL: the reason. What plans say beside it, appended to the note. */
    void (*note)(struct ek_note *note);

    /* MAY be NULL: nothing. What progress lines say behind the member ("preferSSL"). */
    void (*detail)(const struct ek_deployment_spec *spec, const struct ek_step *step,
                   struct ek_buffer *text);
};

/* Plain data; the kind is a static row. */
struct ek_step {
    const struct ek_step_kind *kind;
    int member;            /* index, -1: the deployment as a whole */
    int other;             /* who takes over from it, where somebody does; else -1 */
    char why[EK_WHY_SIZE]; /* reason for people */
    _Alignas(max_align_t) unsigned char arguments[EK_ARGUMENTS_SIZE]; /* as the kind's rows say */
};

/* The arguments of a step, as the struct that its aspect declares for them. */
/* NOLINTBEGIN(bugprone-macro-parentheses): type names a type */
#define EK_STEP_ARGUMENTS(function, type)                                                          \
    static inline const type *function##_read(const struct ek_step *step)                          \
    {                                                                                              \
        return (const type *)(const void *)step->arguments;                                        \
    }                                                                                              \
    static inline type *function##_change(struct ek_step *step)                                    \
    {                                                                                              \
        return (type *)(void *)step->arguments;                                                    \
    }                                                                                              \
    _Static_assert(sizeof(type) <= EK_ARGUMENTS_SIZE, "arguments fit into a step")
/* NOLINTEND(bugprone-macro-parentheses) */

#define EK_ARGUMENTS_OF(function, step)                                                            \
    _Generic((step),                                                                               \
        struct ek_step *: function##_change,                                                       \
        const struct ek_step *: function##_read)(step)

/* By name, over all aspects; NULL when there is none. */
const struct ek_step_kind *ek_step_kind_named(const char *name);

/* Whether the step changes the field. */
bool ek_step_touches(const struct ek_step *step, const struct ek_field *field);

/* The value that the step gives the field, as the field's kind has it; NULL where no argument says
 * so. */
const void *ek_step_value(const struct ek_step *step, const struct ek_field *field);

/* Whether two steps are the same: kind, members and arguments, whatever the reasons. */
bool ek_step_same(const struct ek_step *a, const struct ek_step *b);

/* effect: the state that the step should bring about, in place; *state may move. Pure.
 * EK_NO_MEMORY (EK-0599). */
int ek_effect(const struct ek_situation *situation, const struct ek_step *step,
              struct ek_state **state, struct ek_error *err);

/* Whether the observation shows what the step should have brought about. When not, the first
 * difference is written as a sentence into ret_why. */
bool ek_step_seen(const struct ek_situation *observed, const struct ek_state *expected,
                  const struct ek_step *step, char ret_why[EK_SENTENCE_SIZE]);

/* Write why something is not seen; returns false, for `return ek_missing(…)`. */
bool ek_missing(const struct ek_confirmation *confirmation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
