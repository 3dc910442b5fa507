/* Maintenance windows: "sat 02:00-05:00 Europe/Berlin", "mon-fri 01:00-03:00 UTC",
 * "daily 22:00-04:00 America/New_York", "first sun 02:00-06:00 UTC",
 * "0 2 * * 6 for 3h Europe/Berlin".
 *
 * A window of days and times is open whenever the zone's clock shows a time in it: a time that
 * is skipped in spring never comes, one that comes twice in autumn is open twice. A window by
 * the five fields of cron opens when the clock first shows that minute (or skips it), and stays
 * open for so long by any clock. Zones are the system's (tz database, through GLib); apart from
 * that everything here is pure. */
#ifndef EK_SPECS_WINDOW_H
#define EK_SPECS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ek_window; /* opaque, never changes; may be used by several threads */

/* What is wrong with a text, and where in it. */
struct ek_window_problem {
    const char *id; /* EK-11xx */
    size_t offset;  /* bytes from the beginning */
    size_t length;  /* of what is wrong, at least 1; may lie behind the end */
    char sentence[256];
    char hint[256];
};

/* False with *ret_problem filled when the text is no window. The caller owns *ret_window. */
bool ek_window_parse(const char *text, struct ek_window **ret_window,
                     struct ek_window_problem *ret_problem);
void ek_window_free(struct ek_window *window);

bool ek_window_open_at(const struct ek_window *window, int64_t at_s);

struct ek_windows_answer {
    bool open;
    int64_t changes_s; /* when `open` changes next; 0: not within the next years */
    size_t which;      /* the window that is open, or that opens next; `count` for none */
};

/* How it is with several windows together: open while any of them is. */
void ek_windows_at(const struct ek_window *const *windows, size_t count, int64_t at_s,
                   struct ek_windows_answer *ret_answer);

#endif
