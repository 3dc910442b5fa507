/* How the replica set shows itself: what is made, and what restarts and elections cost. */
#include "reconciler/document/show.h"
#include "reconciler/aspects/replica_set/rows.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/document/note.h"
#include "reconciler/document/words.h"

static void disagrees(const struct ek_deployment_spec *spec, const struct ek_state *state, size_t m,
                      struct ek_buffer *text)
{
    const struct ek_member *member = ek_member(state, m);
    const char *lost = ek_state_text(state, member->options_lost);
    const char *added = ek_state_text(state, member->options_added);
    (void)spec;
    if (lost[0])
        ek_buffer_printf(text, "%s runs with options that its next start would lose: %s",
                         member->name, lost);
    else if (added[0])
        ek_buffer_printf(text, "%s would start with options that it does not run with: %s",
                         member->name, added);
}

static void changes(struct ek_showing *s)
{
    if (!ek_show_has_step(s, &ek_step_initiate))
        return;
    ek_show_change(
        s, EK_CHANGE_ADD, "replica set",
        ek_arena_printf(s->arena, "%s, %s, sslMode %s from the first start", s->spec->set_name,
                        ek_counted(s->arena, (int)s->spec->member_count, "member", "members"),
                        ek_mode_word(s->spec, s->spec->ssl_mode)));
}

void ek_note_start(struct ek_note *note)
{
    ek_buffer_printf(note->text, "sslMode %s%s",
                     ek_mode_word(note->spec, ek_start_arguments(note->step)->mode), note->why);
}

void ek_note_restart(struct ek_note *note)
{
    const char *who = "secondary; nobody notices";
    if (note->spec->members[note->step->member].arbiter)
        who = "arbiter; nobody notices";
    if (note->lonely)
        who = "no member to spare: writes pause while it restarts";
    ek_buffer_printf(note->text, "%s%s", who, note->why);
}

void ek_note_reconfigure(struct ek_note *note)
{
    long long version = (long long)ek_reconfigure_arguments(note->step)->config_version;
    ek_buffer_printf(note->text, "%s; version %lld -> %lld", note->step->why, version, version + 1);
}

void ek_note_election(struct ek_note *note)
{
    ek_buffer_printf(note->text, "election %d of %d, handoff, about 1-2 s without writes%s",
                     note->election, note->plan->elections, note->why);
}

const struct ek_show ek_replica_set_show = {.disagrees = disagrees, .changes = changes};
