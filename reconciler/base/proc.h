/* What the kernel tells of a process in /proc. */
#ifndef EK_BASE_PROC_H
#define EK_BASE_PROC_H

/* Fields of /proc/PID/stat, counted from the state. */
enum ek_proc_stat {
    EK_PROC_STATE = 0,
    EK_PROC_THREADS = 17,
    EK_PROC_START = 19 /* clock ticks since the machine started */
};

/* Where a field begins in the text of /proc/PID/stat; "" when it has none. */
const char *ek_proc_stat_field(const char *stat, enum ek_proc_stat field);

#endif
