/* Errors: a closed set of expected failures, each with a sentence for people.
 *
 * Every fallible function returns 0 or a negative `enum ek_code` and takes a
 * `struct ek_error *` as its last parameter. The caller owns the struct; it is
 * set only on failure. All text lives in fixed buffers, so that running out of
 * memory can be reported too. */
#ifndef EK_BASE_ERROR_H
#define EK_BASE_ERROR_H

enum ek_code {
    EK_OK = 0,
    EK_NOT_FOUND = -1,
    EK_EXISTS = -2,
    EK_CONFLICT = -3,
    EK_STALE = -4,
    EK_LOCKED = -5,
    EK_DENIED = -6,
    EK_TIMEOUT = -7,
    EK_INVALID = -8,
    EK_UNSUPPORTED = -9,
    EK_UNREACHABLE = -10,
    EK_BLOCKED = -11,
    EK_CANCELLED = -12,
    EK_NO_MEMORY = -13,
    EK_SYSTEM = -14,
    EK_BUG = -15,
};

/* Where in an input an error stands. line and column count from 1; 0 = unknown. */
struct ek_span {
    char file[256];
    int line;
    int column;
    int length;
};

struct ek_error {
    enum ek_code code;
    char id[12];        /* row of the catalogue, for example "EK-0401"; never empty once set */
    struct ek_span at;  /* where in the input; at.file[0] == 0 when there is no place */
    char sentence[512]; /* what was wrong, one sentence, no trailing full stop needed */
    char hint[384];     /* what would be right or what a person can do; may be empty */
    char cause[512];    /* what lay beneath (a library's message); may be empty */
};

/* Set *err (when not NULL) to `code`, catalogue row `id` and a printf-style
 * sentence; hint, cause and place are cleared. Returns `code`, so that a
 * function can `return ek_fail(err, …)`. Control characters are escaped. */
int ek_fail(struct ek_error *err, enum ek_code code, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Put context in front of a failure that was already reported: "format: sentence".
 * Keeps id, place, hint and cause. Returns err->code (EK_BUG when err is NULL). */
int ek_wrap(struct ek_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add a hint, or the message of a library, to a reported failure. Return err->code. */
int ek_hint(struct ek_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ek_cause(struct ek_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Report the current errno of a system call that failed on `what`, as row `id`:
 * ENOENT gives EK_NOT_FOUND, EACCES and EPERM EK_DENIED, ENOMEM EK_NO_MEMORY,
 * ETIMEDOUT EK_TIMEOUT, anything else EK_SYSTEM. */
int ek_fail_errno(struct ek_error *err, const char *id, const char *what);

#endif
