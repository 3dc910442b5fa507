/* Where the machine keeps things; tests put a made-up machine in its place. */
#ifndef EK_DRIVERS_HOST_ROOTS_H
#define EK_DRIVERS_HOST_ROOTS_H

struct ek_host_roots {
    const char *netns;           /* "/run/netns": named network namespaces */
    const char *run;             /* "/run" */
    const char *user_run;        /* $XDG_RUNTIME_DIR, or NULL */
    const char *shm;             /* "/dev/shm" */
    const char *restarting;      /* "/var/lib/evenkeel/restarting": marks of begun restarts */
    const char *members;         /* "/var/lib/evenkeel": a directory for each member */
    const char *certificates;    /* "/etc/evenkeel": keys and certificates of system servers */
    const char *systemd;         /* "/etc/systemd/system": drop-ins that stay */
    const char *systemd_runtime; /* "/run/systemd/system": drop-ins that a reboot forgets */
};

/* The roots in force; static storage. */
struct ek_host_roots ek_host_roots(void);

/* Use others from now on; NULL: the real ones again. Borrowed. For tests. */
void ek_host_roots_override(const struct ek_host_roots *roots);

#endif
