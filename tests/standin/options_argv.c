/* The command line, as boost's program_options reads it for mongod. */
#include "log.h"
#include "options.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    struct settings *settings;
    int argc, next;
    char **argv;
    uint32_t shown; /* how many options.argv has */
};

/* One of them, taken apart: `--name=value`, `--name value`, or `-name`. */
struct argument {
    const char *text;  /* as it was typed */
    char *name;        /* without dashes */
    const char *value; /* after `=`, or NULL */
    const struct option_row *row;
    bool parameter; /* setParameter */
};

static void show(struct arguments *a, const char *text)
{
    push_str(&options.argv, &a->shown, text);
}

static const struct option_row *row_of(const char *name)
{
    return option_by_flag(strcmp(name, "f") == 0 ? "config" : name);
}

/* Options with one dash are found by their whole name, too. */
static struct argument take_apart(const char *text)
{
    struct argument arg = {.text = text};
    size_t dashes = strncmp(text, "--", 2) == 0 ? 2 : 1;
    const char *eq = strchr(text + dashes, '=');

    arg.name =
        eq == NULL ? xstrdup(text + dashes) : strndup(text + dashes, (size_t)(eq - text) - dashes);
    arg.value = eq == NULL ? NULL : eq + 1;
    arg.row = row_of(arg.name);
    arg.parameter = strcmp(arg.name, "setParameter") == 0;
    return arg;
}

static bool is_option(const char *text)
{
    struct argument arg;
    bool known;

    if (text[0] != '-' || text[1] == '\0')
        return false;
    arg = take_apart(text);
    known = arg.row != NULL || arg.parameter;
    free(arg.name);
    return known;
}

/* An option as it was written, without a value. */
static const char *name_of(const struct argument *arg, char *name, size_t size)
{
    put(name, size, "%.*s", (int)strcspn(arg->text, "="), arg->text);
    return name;
}

/* The value of an option that needs one. */
static const char *value_of(struct arguments *a, const struct argument *arg)
{
    bool secret = arg->row != NULL && arg->row->type == OPT_PASSWORD;
    const char *value = arg->value;
    char *hidden, name[200];

    if (value != NULL) {
        if (*value == '\0')
            options_refuse("Error parsing command line: the argument for option '%s' should "
                           "follow immediately after the equal sign",
                           name_of(arg, name, sizeof name));
        hidden = xprintf("%.*s<password>", (int)(value - arg->text), arg->text);
        show(a, secret ? hidden : arg->text);
        free(hidden);
        return value;
    }
    if (a->next == a->argc || is_option(a->argv[a->next]))
        options_refuse("Error parsing command line: the required argument for option '%s' is "
                       "missing",
                       arg->text);
    value = a->argv[a->next++];
    show(a, arg->text);
    show(a, secret ? "<password>" : value);
    return value;
}

/* `--setParameter name=value`: twice is once too often only when the values differ. */
static void take_parameter(struct settings *s, const char *assignment)
{
    const char *is = strchr(assignment, '='), *before;
    char *key;

    if (is == NULL)
        options_refuse("Illegal option assignment: \"%s\"", assignment);
    key = xprintf("setParameter.%.*s", (int)(is - assignment), assignment);
    before = settings_get(s, key);
    if (before != NULL && strcmp(before, is + 1) != 0)
        options_refuse("Key Value Option: setParameter has a duplicate key from the same source: "
                       "%s",
                       strchr(key, '.') + 1);
    settings_add(s, key, is + 1, OPT_STRING);
    free(key);
}

static void warn_of_old_name(const struct argument *arg)
{
    const struct option_row *now =
        arg->row->instead == NULL ? NULL : option_by_key(arg->row->instead);

    if (now != NULL)
        log_line('W', "CONTROL", "Option: %s is deprecated. Please use %s instead.", arg->name,
                 now->flag);
    else if (strcmp(arg->name, "sslMode") == 0)
        log_line('W', "CONTROL", "Option: sslMode is deprecated. Please use tlsMode instead.");
}

/* The same name twice, and not an old and a new name of one option. */
static bool typed_before(const struct arguments *a, const struct argument *arg)
{
    int times = 0;

    for (int i = 1; i < a->next; i++) {
        struct argument other = take_apart(a->argv[i]);

        times += a->argv[i][0] == '-' && strcmp(other.name, arg->name) == 0;
        free(other.name);
    }
    return times > 1;
}

static void take_option(struct arguments *a, const struct argument *arg)
{
    const char *value = "true";
    char name[200];

    if (arg->row->type == OPT_SWITCH && arg->value != NULL)
        options_refuse("Error parsing command line: option '%s' does not take any arguments",
                       name_of(arg, name, sizeof name));
    if (arg->row->type == OPT_SWITCH)
        show(a, arg->text);
    else
        value = value_of(a, arg);
    options_check_type(arg->row, arg->name, value);
    warn_of_old_name(arg);
    if (!settings_add(a->settings, option_canonical(arg->row), value, arg->row->type))
        options_refuse("Error parsing command line:  Multiple occurrences of option \"%s%s\"",
                       typed_before(a, arg) ? "--" : "",
                       strcmp(arg->name, "f") == 0 ? "config" : arg->name);
}

/* `-v`, `-vv`, … say how much is logged, and are only shown. */
static bool is_verbosity(const char *text)
{
    return strncmp(text, "-v", 2) == 0 && strspn(text + 1, "v") == strlen(text + 1);
}

static void take(struct arguments *a)
{
    const char *text = a->argv[a->next++];
    struct argument arg;

    if (is_verbosity(text)) {
        show(a, text);
        return;
    }
    arg = take_apart(text);
    if (arg.parameter)
        take_parameter(a->settings, value_of(a, &arg));
    else if (arg.row == NULL)
        options_refuse("Error parsing command line: unrecognised option '%s'", text);
    else
        take_option(a, &arg);
    free(arg.name);
}

static void answer_and_end(const char *text)
{
    if (strcmp(text, "--version") == 0) {
        version_print();
        exit(0);
    }
    if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
        printf("A stand-in for mongod %s: the same options, the same configuration file.\n",
               version.text);
        exit(0);
    }
}

void options_read_arguments(struct settings *s, int argc, char **argv)
{
    struct arguments a = {.settings = s, .argc = argc, .argv = argv, .next = 1};
    int words = 0;

    show(&a, argv[0]);
    while (a.next < argc) {
        const char *text = argv[a.next];

        answer_and_end(text);
        if (text[0] == '-' && text[1] != '\0') {
            take(&a);
            continue;
        }
        if (++words > 3)
            options_refuse("Error parsing command line: too many positional options have been "
                           "specified on the command line");
        if (words == 1)
            settings_add(s, "command", text, OPT_STRING);
        show(&a, text);
        a.next++;
    }
}
