/* What the service manager is told (sd_notify(3)), in its own small protocol: no library.
 *
 * The watchdog is fed by ek_systemd_progress only: whoever calls it says "the loop got on". */
#ifndef EK_LOOP_SYSTEMD_H
#define EK_LOOP_SYSTEMD_H

#include <stdint.h>

struct ek_systemd; /* opaque; used by several threads at once */

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment, so
 * that no child speaks in our name; call it before threads are started. Not under systemd, the
 * functions below do nothing. Never NULL. */
struct ek_systemd *ek_systemd_new(void);
void ek_systemd_free(struct ek_systemd *systemd);

/* READY=1: started, or reloaded. */
void ek_systemd_ready(struct ek_systemd *systemd);
/* RELOADING=1 with the time, as Type=notify-reload wants; ek_systemd_ready ends it. */
void ek_systemd_reloading(struct ek_systemd *systemd);
void ek_systemd_stopping(struct ek_systemd *systemd);

/* STATUS=…, one line for systemctl status; told when it is another one than before. */
void ek_systemd_status(struct ek_systemd *systemd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The loop got on: WATCHDOG=1, at most four times per interval. */
void ek_systemd_progress(struct ek_systemd *systemd);

/* Starting or stopping takes so much longer from now on (a step in hand is finished). */
void ek_systemd_extend(struct ek_systemd *systemd, int64_t ms);

/* Milliseconds within which progress has to be told; 0: there is no watchdog. */
int64_t ek_systemd_watchdog_ms(const struct ek_systemd *systemd);

#endif
