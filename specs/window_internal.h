/* What the window's parser and its clockwork share. */
#ifndef EK_SPECS_WINDOW_INTERNAL_H
#define EK_SPECS_WINDOW_INTERNAL_H

#include <glib.h>

#include "specs/window.h"

enum { EK_DAY_S = 86400, EK_ORDINAL_LAST = -1 };

struct ek_window {
    GTimeZone *zone;
    bool cron;
    unsigned weekdays; /* bit 0: Monday */

    /* days and times */
    int ordinal; /* 0: every such day; 1 to 4: the first … fourth of the month, or the last */
    int64_t begin_s, end_s; /* of the day; end_s <= begin_s: of the day after */

    /* cron */
    int64_t minute_s; /* of the hour */
    unsigned hours;   /* bit 0: midnight */
    unsigned days;    /* bit 1: the first of the month */
    unsigned months;  /* bit 1: January */
    bool either_day;  /* days and weekdays are both narrowed: one of them is enough */
    int64_t lasts_s;
};

#endif
