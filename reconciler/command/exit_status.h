/* What the exit status says. One table: the statuses, `evenkeel help exit-status`, the manual.
 * EK_EXIT(NAME, number, "when") */
#ifndef EK_COMMAND_EXIT_STATUS_H
#define EK_COMMAND_EXIT_STATUS_H

#define EK_EXIT_STATUSES                                                                           \
    EK_EXIT(OK, 0, "done; plan: there is nothing to do")                                           \
    EK_EXIT(ERROR, 1, "an error: the specs, a file, a server, or Evenkeel itself")                 \
    EK_EXIT(CHANGES, 2, "plan: there is something to do; apply --detailed-exitcode: it was done")  \
    EK_EXIT(STALE, 3, "the plan no longer fits: the specs or the fleet moved; nothing was done")   \
    EK_EXIT(LOCKED, 4, "another Evenkeel is changing this deployment; nothing was done")           \
    EK_EXIT(REFUSED, 5, "a safety rule or the deployment's own policy forbids the next step")      \
    EK_EXIT(BLOCKED, 6,                                                                            \
            "something is in the way, such as a member that is down; import: the specs were "      \
            "written, but not everything could be seen or can be managed")                         \
    EK_EXIT(PARTLY, 7, "apply failed after at least one step was done; apply again goes on")       \
    EK_EXIT(NOT_APPROVED, 8, "the plan was not agreed to; nothing was done")                       \
    EK_EXIT(VERIFY_FAILED, 9,                                                                      \
            "verify: a check failed or could not be made; history --verify: the trail is broken")  \
    EK_EXIT(USAGE, 64, "the command line makes no sense")                                          \
    EK_EXIT(STOPPED, 130, "stopped by a signal, after the step in hand; apply again goes on")

enum ek_exit_status {
#define EK_EXIT(name, number, when) EK_EXIT_##name = (number),
    EK_EXIT_STATUSES
#undef EK_EXIT
};

#endif
