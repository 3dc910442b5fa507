/* What apply says while it works: lines for people, or one JSON object per line. */
#ifndef EK_REPORT_PROGRESS_H
#define EK_REPORT_PROGRESS_H

#include <stdbool.h>

#include "reconciler/base/buffer.h"
#include "reconciler/execute/execute.h"

struct ek_progress {
    const struct ek_deployment_spec *spec;
    bool terminal; /* the line of the step in hand is written over when it is done */
    bool colour;
    bool quiet;
    /* counted from the events */
    int added, changed, destroyed;
    int64_t waiting_since_ms; /* 0: not waiting between steps */
    int64_t said_waiting_ms;  /* when the latest "still waiting" was said */
    bool line_open;           /* terminal: the cursor stands behind an unfinished line */
};

/* Count an event and append what there is to say about it, whole lines or nothing. */
void ek_progress_text(struct ek_progress *progress, const struct ek_event *event,
                      struct ek_buffer *text);

/* The same as one line of JSON. */
void ek_progress_json(struct ek_progress *progress, const struct ek_event *event,
                      struct ek_buffer *text);

/* The first line of a stream of JSON. */
void ek_progress_json_version(struct ek_buffer *text);

#endif
