#include "reconciler/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text from outside may carry terminal escapes; none of them reaches a screen. */
static void escape_controls(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t')
            *c = '?';
        else if (*c == 0x7f)
            *c = '?';
}

static void print_into(char *buffer, size_t size, const char *format, va_list args)
{
    vsnprintf(buffer, size, format, args);
    escape_controls(buffer);
}

int ek_fail(struct ek_error *err, enum ek_code code, const char *id, const char *format, ...)
{
    if (!err)
        return code;
    char sentence[sizeof err->sentence];
    va_list args;
    va_start(args, format);
    print_into(sentence, sizeof sentence, format, args);
    va_end(args);
    memset(err, 0, sizeof *err);
    err->code = code;
    snprintf(err->id, sizeof err->id, "%s", id);
    memcpy(err->sentence, sentence, sizeof sentence);
    return code;
}

int ek_wrap(struct ek_error *err, const char *format, ...)
{
    if (!err)
        return EK_BUG;
    char context[sizeof err->sentence];
    char joined[2 * sizeof err->sentence + 4];
    va_list args;
    va_start(args, format);
    print_into(context, sizeof context, format, args);
    va_end(args);
    snprintf(joined, sizeof joined, "%s: %s", context, err->sentence);
    memcpy(err->sentence, joined, sizeof err->sentence - 1);
    err->sentence[sizeof err->sentence - 1] = 0;
    return err->code;
}

int ek_hint(struct ek_error *err, const char *format, ...)
{
    if (!err)
        return EK_BUG;
    va_list args;
    va_start(args, format);
    print_into(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return err->code;
}

int ek_cause(struct ek_error *err, const char *format, ...)
{
    if (!err)
        return EK_BUG;
    va_list args;
    va_start(args, format);
    print_into(err->cause, sizeof err->cause, format, args);
    va_end(args);
    return err->code;
}

static enum ek_code code_of_errno(int number)
{
    switch (number) {
    case ENOENT: return EK_NOT_FOUND;
    case EEXIST: return EK_EXISTS;
    case EACCES:
    case EPERM: return EK_DENIED;
    case ENOMEM: return EK_NO_MEMORY;
    case ETIMEDOUT: return EK_TIMEOUT;
    default: return EK_SYSTEM;
    }
}

int ek_fail_errno(struct ek_error *err, const char *id, const char *what)
{
    int number = errno;
    return ek_fail(err, code_of_errno(number), id, "%s: %s", what, strerror(number));
}
