#include "reconciler/command/status.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/base/memory.h"
#include "reconciler/report/status_report.h"

enum { AT_A_TIME = 8 };

struct looking {
    const struct ek_fleet *fleet;
    const atomic_bool *stop;
    struct ek_round *round;
    atomic_size_t next;
};

static void *look_on(void *context)
{
    struct looking *looking = context;
    while (!looking->stop || !atomic_load(looking->stop)) {
        size_t i = atomic_fetch_add(&looking->next, 1);
        if (i >= looking->round->count)
            break;
        ek_fleet_assess(looking->fleet, looking->fleet->chosen[i], 0,
                        &looking->round->assessment[i]);
    }
    return NULL;
}

int ek_round_observe(const struct ek_fleet *fleet, const atomic_bool *stop,
                     struct ek_round *ret_round, struct ek_error *err)
{
    struct ek_round round = {.count = fleet->chosen_count};
    struct looking looking = {.fleet = fleet, .stop = stop, .round = &round};
    pthread_t threads[AT_A_TIME];
    size_t started = 0;
    round.assessment = calloc(round.count + 1, sizeof *round.assessment);
    round.planned = calloc(round.count + 1, sizeof *round.planned);
    if (!round.assessment || !round.planned) {
        free(round.assessment);
        free(round.planned);
        return ek_no_memory(err);
    }
    while (started < AT_A_TIME && started + 1 < round.count &&
           pthread_create(&threads[started], NULL, look_on, &looking) == 0)
        started++;
    look_on(&looking); /* with one deployment, or no threads to be had, by ourselves */
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < round.count; i++)
        if (round.assessment[i].spec && !round.assessment[i].error.code)
            round.planned[round.good++] = ek_assessment_planned(&round.assessment[i]);
    *ret_round = round;
    return 0;
}

void ek_round_done(struct ek_round *round)
{
    for (size_t i = 0; i < round->count; i++)
        ek_assessment_done(&round->assessment[i]);
    free(round->assessment);
    free(round->planned);
    *round = (struct ek_round){0};
}

void ek_round_print(const struct ek_options *options, const struct ek_round *round, bool colour,
                    struct ek_buffer *text)
{
    bool one = options->deployment && round->good == 1;
    if (options->output == EK_OUTPUT_JSON) {
        json_t *json = ek_status_json(round->planned, round->good);
        ek_json_add(json, JSON_INDENT(2), text);
    } else if (options->output == EK_OUTPUT_MARKDOWN) {
        ek_status_markdown(round->planned, round->good, one, text);
    } else if (one) {
        ek_status_detail(&round->planned[0], colour, text);
    } else {
        ek_status_text(round->planned, round->good, colour, text);
    }
}

int ek_command_status(const struct ek_options *options)
{
    struct ek_fleet fleet;
    struct ek_round round = {0};
    struct ek_error err = {0};
    EK_BUFFER text = {0};
    bool said = false;
    int status = EK_EXIT_OK;
    if (options->watch)
        return ek_status_watch(options);
    if (ek_fleet_open(options, &fleet, &said, &err) == 0 &&
        ek_fleet_store(&fleet, false, &err) != 0)
        ek_fleet_done(&fleet);
    if (err.code == 0 && ek_round_observe(&fleet, NULL, &round, &err) != 0)
        ek_fleet_done(&fleet);
    if (err.code != 0) {
        if (!said)
            ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    ek_round_print(options, &round, ek_colour_wanted(options, STDOUT_FILENO), &text);
    ek_print(&text);
    for (size_t i = 0; i < round.count; i++)
        if (round.assessment[i].error.code) {
            ek_say_error(options, &round.assessment[i].error);
            status = EK_EXIT_ERROR;
        }
    ek_round_done(&round);
    ek_fleet_done(&fleet);
    return status;
}
