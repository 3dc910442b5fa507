/* The types of values: text to value and back, one row per type. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reconciler/base/public_key.h"
#include "specs/keys.h"
#include "specs/names.h"
#include "specs/spec.h"
#include "specs/text.h"
#include "specs/window.h"

static bool wrong(struct ek_problem *problem, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool wrong(struct ek_problem *problem, const char *id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *problem = (struct ek_problem){.id = id};
    vsnprintf(problem->sentence, sizeof problem->sentence, format, args);
    va_end(args);
    return false;
}

#define HINT(problem, ...) snprintf((problem)->hint, sizeof(problem)->hint, __VA_ARGS__)

/* The one place where text becomes a number: digits only, and it must fit. */
static bool read_integer(const char *text, size_t digits, int64_t *ret_number)
{
    int64_t number = 0;
    bool negative = *text == '-';
    size_t start = *text == '-' || *text == '+';
    if (digits == start)
        return false;
    for (size_t i = start; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9' || number > (INT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *ret_number = negative ? -number : number;
    return true;
}

static bool keep_text(struct ek_arena *arena, const char *text, void *slot)
{
    char *copy = ek_arena_copy(arena, text, strlen(text));
    memcpy(slot, &copy, sizeof copy);
    return true;
}

static void print_text(const struct ek_key *key, const void *slot, struct ek_buffer *text)
{
    (void)key;
    const char *value;
    memcpy(&value, slot, sizeof value);
    ek_buffer_text_add(text, value ? value : "");
}

static bool parse_name(const struct ek_key *key, const char *text, struct ek_arena *arena,
                       void *slot, struct ek_problem *problem)
{
    if (ek_is_label(text))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0325", "\"%.64s\" is not a valid %s", text, key->key);
    HINT(problem, "small letters, digits and inner hyphens, 63 at most: it becomes a part of DNS "
                  "names");
    return false;
}

static bool parse_set_name(const struct ek_key *key, const char *text, struct ek_arena *arena,
                           void *slot, struct ek_problem *problem)
{
    if (ek_is_word_of(text, "._-", (size_t)key->most))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0325", "\"%.64s\" is not a replica-set name", text);
    HINT(problem, "letters, digits and the characters . _ -, %" PRId64 " at most", key->most);
    return false;
}

static bool parse_host(const struct ek_key *key, const char *text, struct ek_arena *arena,
                       void *slot, struct ek_problem *problem)
{
    (void)key;
    if (ek_is_server_name(text) || ek_is_ipv4(text))
        return keep_text(arena, text, slot);
    int64_t port;
    wrong(problem, "EK-0326", "\"%.64s\" is not a host name", text);
    const char *colon = strrchr(text, ':');
    if (ek_is_ipv6(text))
        HINT(problem, "IPv6 addresses are not taken here yet; give the host a name");
    else if (strstr(text, "://"))
        HINT(problem, "write the name alone, without the scheme");
    else if (colon && read_integer(colon + 1, strlen(colon + 1), &port))
        HINT(problem, "the port is a key of its own: host: %.*s, port: %" PRId64,
             (int)(colon - text > 200 ? 200 : colon - text), text, port);
    else
        HINT(problem, "labels of letters, digits, underscores and inner hyphens, joined by dots");
    return false;
}

static bool parse_domain(const struct ek_key *key, const char *text, struct ek_arena *arena,
                         void *slot, struct ek_problem *problem)
{
    if (ek_is_host_name(text) && strlen(text) <= (size_t)key->most)
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0326", "\"%.64s\" is not a domain for names under it", text);
    HINT(problem, "a DNS domain such as fleet.example.net, %" PRId64 " characters at most",
         key->most);
    return false;
}

static bool parse_address(const struct ek_key *key, const char *text, struct ek_arena *arena,
                          void *slot, struct ek_problem *problem)
{
    (void)key;
    if (ek_is_ipv4(text) || ek_is_ipv6(text))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0329", "\"%.64s\" is not an IP address", text);
    HINT(problem, "an IPv4 or IPv6 address; leave the key out to use what host resolves to");
    return false;
}

/* What is put below a path (a member's name, tls/server.pem, …) must fit in as well. */
enum { PATH_LONGEST = 180 };

static bool parse_path(const struct ek_key *key, const char *text, struct ek_arena *arena,
                       void *slot, struct ek_problem *problem)
{
    size_t length = strlen(text);
    if (length > PATH_LONGEST) {
        wrong(problem, "EK-0327", "%s is a path of %zu bytes", key->key, length);
        HINT(problem, "at most %d bytes", PATH_LONGEST);
        return false;
    }
    if (ek_is_absolute_path(text)) {
        char *copy =
            ek_arena_copy(arena, text, length > 1 && text[length - 1] == '/' ? length - 1 : length);
        memcpy(slot, &copy, sizeof copy);
        return true;
    }
    wrong(problem, "EK-0327", "%s must be an absolute path, not \"%.64s\"", key->key, text);
    HINT(problem, "a path that starts with / and has no . or .. in it");
    return false;
}

static bool parse_program(const struct ek_key *key, const char *text, struct ek_arena *arena,
                          void *slot, struct ek_problem *problem)
{
    if (strchr(text, '/'))
        return parse_path(key, text, arena, slot, problem);
    if (ek_is_word_of(text, "._+-", 255))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0327", "\"%.64s\" is not a program", text);
    HINT(problem, "a name on PATH such as mongod, or an absolute path");
    return false;
}

static bool parse_url(const struct ek_key *key, const char *text, struct ek_arena *arena,
                      void *slot, struct ek_problem *problem)
{
    enum { URL_LONGEST = 1000 };
    size_t length = strlen(text);
    bool printable = length > 0;
    for (const char *at = text; *at; at++)
        printable = printable && *at > 0x20 && *at < 0x7f;
    if (printable && length <= URL_LONGEST)
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0327", "%s is no address of a repository: \"%.64s\"", key->key, text);
    HINT(problem, "an absolute path, or an https, ssh or file URL, %d characters at most",
         URL_LONGEST);
    return false;
}

/* As ssh-keygen -lf prints it. */
static bool parse_fingerprint(const struct ek_key *key, const char *text, struct ek_arena *arena,
                              void *slot, struct ek_problem *problem)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)key;
    if (strncmp(text, "SHA256:", 7) == 0 && strspn(text + 7, letters) == 43 && !text[50])
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0325", "\"%.64s\" is not the fingerprint of a host key", text);
    HINT(problem, "SHA256:... as ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub prints it");
    return false;
}

/* Types that are one word of certain characters. */
struct word_rule {
    const char *what; /* "the name of a system user" */
    const char *allowed;
    size_t longest;
};

static bool parse_word_of(const struct word_rule *rule, const char *text, struct ek_arena *arena,
                          void *slot, struct ek_problem *problem)
{
    if (ek_is_word_of(text, rule->allowed, rule->longest))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0325", "\"%.64s\" is not %s", text, rule->what);
    HINT(problem, "letters, digits and the characters %s, %zu at most", rule->allowed,
         rule->longest);
    return false;
}

static bool parse_user(const struct ek_key *key, const char *text, struct ek_arena *arena,
                       void *slot, struct ek_problem *problem)
{
    static const struct word_rule rule = {"the name of a system user", "._-", 32};
    (void)key;
    return parse_word_of(&rule, text, arena, slot, problem);
}

/* As the server takes them: its words, joined by commas and nothing else. */
static bool parse_protocols(const struct ek_key *key, const char *text, struct ek_arena *arena,
                            void *slot, struct ek_problem *problem)
{
    bool good = strcmp(text, "none") == 0;
    (void)key;
    for (const char *at = text; !good && strncmp(at, "TLS1_", 5) == 0 && strchr("0123", at[5]);
         at += 7) {
        if (!at[5] || (at[6] && at[6] != ','))
            break;
        good = !at[6];
    }
    if (good)
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0325", "\"%.64s\" is not a list of TLS protocols", text);
    HINT(problem, "TLS1_0, TLS1_1, TLS1_2 and TLS1_3 joined by commas, such as TLS1_0,TLS1_1; or "
                  "none");
    return false;
}

static bool parse_ciphers(const struct ek_key *key, const char *text, struct ek_arena *arena,
                          void *slot, struct ek_problem *problem)
{
    if (ek_is_word_of(text, ":!@+_=.,-", (size_t)key->most))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0325", "\"%.64s\" is not a list of ciphers", text);
    HINT(problem, "a cipher list of OpenSSL's, such as HIGH:!aNULL");
    return false;
}

static bool parse_namespace(const struct ek_key *key, const char *text, struct ek_arena *arena,
                            void *slot, struct ek_problem *problem)
{
    static const struct word_rule rule = {"the name of a network namespace", "._-", 64};
    (void)key;
    return parse_word_of(&rule, text, arena, slot, problem);
}

static bool parse_unit(const struct ek_key *key, const char *text, struct ek_arena *arena,
                       void *slot, struct ek_problem *problem)
{
    static const struct word_rule rule = {"a systemd service unit", ":._\\@-", 255};
    (void)key;
    size_t length = strlen(text);
    if (length > 8 && strcmp(text + length - 8, ".service") == 0)
        return parse_word_of(&rule, text, arena, slot, problem);
    wrong(problem, "EK-0325", "\"%.64s\" is not a systemd service unit", text);
    HINT(problem, "a unit such as mongod.service");
    return false;
}

static bool parse_email(const struct ek_key *key, const char *text, struct ek_arena *arena,
                        void *slot, struct ek_problem *problem)
{
    (void)key;
    if (ek_is_email(text))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0328", "\"%.64s\" is not an email address", text);
    HINT(problem, "one address such as dba@example.net, without a display name");
    return false;
}

static bool parse_title(const struct ek_key *key, const char *text, struct ek_arena *arena,
                        void *slot, struct ek_problem *problem)
{
    size_t length = strlen(text);
    bool blank = strspn(text, " ") == length;
    size_t characters = 0;
    bool harmless = true;
    for (size_t i = 0; i < length; characters++) {
        uint32_t character = 0;
        size_t size = ek_utf8_decode(text + i, length - i, &character);
        harmless = harmless && size > 0 && character >= 0x20 && ek_text_width(character) <= 2;
        i += size ? size : 1;
    }
    if (harmless && !blank && text[0] != ' ' && text[length - 1] != ' ' &&
        characters <= (size_t)key->most)
        return keep_text(arena, text, slot);
    wrong(problem, "EK-0330", "%s can't stand in a certificate", key->key);
    HINT(problem, "1 to %" PRId64 " printable characters, no space at either end", key->most);
    return false;
}

static bool parse_integer(const struct ek_key *key, const char *text, struct ek_arena *arena,
                          void *slot, struct ek_problem *problem)
{
    (void)arena;
    int64_t number;
    if (!read_integer(text, strlen(text), &number) || number < key->least || number > key->most)
        return wrong(problem, "EK-0322",
                     "%s must be a whole number from %" PRId64 " to %" PRId64 ", not %.32s",
                     key->key, key->least, key->most, text);
    int value = (int)number;
    memcpy(slot, &value, sizeof value);
    return true;
}

static void print_integer(const struct ek_key *key, const void *slot, struct ek_buffer *text)
{
    (void)key;
    int value;
    memcpy(&value, slot, sizeof value);
    ek_buffer_printf(text, "%d", value);
}

static bool parse_number(const struct ek_key *key, const char *text, struct ek_arena *arena,
                         void *slot, struct ek_problem *problem)
{
    (void)arena;
    char *end = NULL;
    double value = strtod(text, &end);
    if (*end || end == text || !isfinite(value) || value < (double)key->least ||
        value > (double)key->most)
        return wrong(problem, "EK-0322",
                     "%s must be a number from %" PRId64 " to %" PRId64 ", not %.32s", key->key,
                     key->least, key->most, text);
    memcpy(slot, &value, sizeof value);
    return true;
}

static void print_number(const struct ek_key *key, const void *slot, struct ek_buffer *text)
{
    (void)key;
    double value;
    memcpy(&value, slot, sizeof value);
    ek_buffer_printf(text, "%.17g", value);
}

static bool parse_boolean(const struct ek_key *key, const char *text, struct ek_arena *arena,
                          void *slot, struct ek_problem *problem)
{
    (void)arena;
    bool value = text[0] == 't' || text[0] == 'T';
    if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
        return wrong(problem, "EK-0317", "%s must be true or false", key->key);
    memcpy(slot, &value, sizeof value);
    return true;
}

static void print_boolean(const struct ek_key *key, const void *slot, struct ek_buffer *text)
{
    (void)key;
    bool value;
    memcpy(&value, slot, sizeof value);
    ek_buffer_text_add(text, value ? "true" : "false");
}

static bool parse_choice(const struct ek_key *key, const char *text, struct ek_arena *arena,
                         void *slot, struct ek_problem *problem)
{
    bool value = false;
    if (!parse_boolean(key, text, arena, &value, problem))
        return false;
    enum ek_choice choice = value ? EK_CHOICE_YES : EK_CHOICE_NO;
    memcpy(slot, &choice, sizeof choice);
    return true;
}

static void words_of(const struct ek_key *key, struct ek_buffer *list)
{
    for (const struct ek_word *word = key->words; word->word; word++)
        if (!word->later)
            ek_buffer_printf(list, "%s%s", list->length ? ", " : "", word->word);
}

static bool parse_word(const struct ek_key *key, const char *text, struct ek_arena *arena,
                       void *slot, struct ek_problem *problem)
{
    (void)arena;
    const char *words[16] = {0};
    size_t count = 0;
    EK_BUFFER list = {0};
    words_of(key, &list);
    for (const struct ek_word *word = key->words; word->word; word++) {
        if (count < 15)
            words[count++] = word->word;
        if (strcmp(word->word, text) != 0)
            continue;
        if (word->later) {
            wrong(problem, "EK-0321", "%s %s is not supported by this version yet", key->key, text);
            HINT(problem, "this version takes: %s", ek_buffer_text(&list));
            return false;
        }
        if (key->stored)
            memcpy(slot, &word->value, sizeof word->value);
        return true;
    }
    const char *nearest = ek_text_nearest(text, words);
    wrong(problem, "EK-0320", "%s can't be \"%.64s\"", key->key, text);
    if (nearest)
        HINT(problem, "did you mean %s? one of: %s", nearest, ek_buffer_text(&list));
    else
        HINT(problem, "one of: %s", ek_buffer_text(&list));
    return false;
}

static bool parse_constant(const struct ek_key *key, const char *text, struct ek_arena *arena,
                           void *slot, struct ek_problem *problem)
{
    (void)arena;
    (void)slot;
    if (strcmp(text, key->initial) == 0)
        return true;
    return wrong(problem, "EK-0320", "%s must be %s", key->key, key->initial);
}

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

static bool parse_duration(const struct ek_key *key, const char *text, struct ek_arena *arena,
                           void *slot, struct ek_problem *problem)
{
    (void)arena;
    size_t digits = strspn(text, "0123456789");
    int64_t unit = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[digits] == units[i].letter && text[digits + 1] == 0)
            unit = units[i].seconds;
    int64_t number;
    bool fits = read_integer(text, digits, &number);
    if (digits == 0 || digits > 32 || unit == 0) {
        wrong(problem, "EK-0323", "\"%.64s\" is not a duration", text);
        HINT(problem, "a whole number and one unit: 45s, 90m, 12h, 30d or 2w");
        return false;
    }
    EK_BUFFER range = {0};
    ek_text_duration(&range, key->least);
    ek_buffer_text_add(&range, " to ");
    ek_text_duration(&range, key->most);
    if (!fits || number > key->most / unit || number * unit < key->least)
        return wrong(problem, "EK-0324", "%s must be from %s, not %.32s", key->key,
                     ek_buffer_text(&range), text);
    int64_t seconds = number * unit;
    memcpy(slot, &seconds, sizeof seconds);
    return true;
}

static void print_seconds(const struct ek_key *key, const void *slot, struct ek_buffer *text)
{
    (void)key;
    int64_t seconds;
    memcpy(&seconds, slot, sizeof seconds);
    ek_buffer_printf(text, "%" PRId64, seconds);
}

static bool parse_window(const struct ek_key *key, const char *text, struct ek_arena *arena,
                         void *slot, struct ek_problem *problem)
{
    (void)key;
    struct ek_window *window = NULL;
    struct ek_window_problem found = {0};
    if (ek_window_parse(text, &window, &found)) {
        ek_window_free(window);
        return keep_text(arena, text, slot);
    }
    wrong(problem, found.id, "%s", found.sentence);
    HINT(problem, "%s", found.hint);
    problem->offset = found.offset;
    problem->length = found.length;
    return false;
}

static bool parse_plan_key(const struct ek_key *key, const char *text, struct ek_arena *arena,
                           void *slot, struct ek_problem *problem)
{
    (void)key;
    char canonical[EK_PUBLIC_KEY_SIZE];
    if (ek_public_key_parse(text, canonical))
        return keep_text(arena, canonical, slot);
    if (strstr(text, "PRIVATE KEY")) {
        wrong(problem, "EK-1113", "a private key does not belong into the specs");
        HINT(problem, "it is known to whoever can read the repository now: make a new one");
        return false;
    }
    wrong(problem, "EK-1113", "this is no Ed25519 public key");
    HINT(problem, "PEM or base64, as evenkeel key new prints it");
    return false;
}

static bool parse_commit_key(const struct ek_key *key, const char *text, struct ek_arena *arena,
                             void *slot, struct ek_problem *problem)
{
    (void)key;
    if (ek_is_ssh_key(text))
        return keep_text(arena, text, slot);
    wrong(problem, "EK-1113", "this is no OpenSSH public key");
    HINT(problem, "one line as in a .pub file: ssh-ed25519 AAAA... alice@example.net");
    return false;
}

#define LABEL "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
#define HOST_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define HOST_PATTERN "^" HOST_LABEL "(\\." HOST_LABEL ")*$"
#define SERVER_LABEL "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
#define SERVER_PATTERN "^" SERVER_LABEL "(\\." SERVER_LABEL ")*$"
#define PATH_PATTERN "^/"

const struct ek_value_type ek_value_types[EK_TYPE_COUNT] = {
    [EK_TYPE_LATER] = {.people = "not supported yet"},
    [EK_TYPE_MAP] = {.people = "a mapping (key: value)", .schema = "object"},
    [EK_TYPE_LIST] = {.people = "a list", .schema = "array"},
    [EK_TYPE_SCALARS] = {.people = "a list, ", .schema = "array"},
    [EK_TYPE_LABELS] = {.people = "a mapping of names to texts", .schema = "object"},
    [EK_TYPE_CONSTANT] = {"the fixed text", "string", NULL, parse_constant, NULL},
    [EK_TYPE_NAME] = {"a name", "string", "^" LABEL "$", parse_name, print_text},
    [EK_TYPE_SET_NAME] = {"a replica-set name", "string", "^[A-Za-z0-9_][A-Za-z0-9._-]*$",
                          parse_set_name, print_text},
    [EK_TYPE_HOST] = {"a host name", "string", SERVER_PATTERN, parse_host, print_text},
    [EK_TYPE_DOMAIN] = {"a DNS domain", "string", HOST_PATTERN, parse_domain, print_text},
    [EK_TYPE_ADDRESS] = {"an IP address", "string", "^[0-9A-Fa-f:.]+$", parse_address, print_text},
    [EK_TYPE_PATH] = {"an absolute path", "string", PATH_PATTERN, parse_path, print_text},
    [EK_TYPE_PROGRAM] = {"a program", "string", "^(/|[A-Za-z0-9_][A-Za-z0-9._+-]*$)", parse_program,
                         print_text},
    [EK_TYPE_PROTOCOLS] = {"a list of TLS protocols", "string", "^(none|TLS1_[0-3](,TLS1_[0-3])*)$",
                           parse_protocols, print_text},
    [EK_TYPE_CIPHERS] = {"a list of ciphers", "string", "^[A-Za-z0-9:!@+_=.,-]+$", parse_ciphers,
                         print_text},
    [EK_TYPE_USER] = {"a system user", "string", "^[A-Za-z0-9_][A-Za-z0-9._-]*$", parse_user,
                      print_text},
    [EK_TYPE_UNIT] = {"a systemd service unit", "string",
                      "^[A-Za-z0-9_][A-Za-z0-9:._\\\\@-]*\\.service$", parse_unit, print_text},
    [EK_TYPE_NAMESPACE] = {"a network namespace", "string", "^[A-Za-z0-9_][A-Za-z0-9._-]*$",
                           parse_namespace, print_text},
    [EK_TYPE_EMAIL] = {"an email address", "string", "^[^@ ]+@[^@ ]+\\.[^@ ]+$", parse_email,
                       print_text},
    [EK_TYPE_TITLE] = {"a text", "string", NULL, parse_title, print_text},
    [EK_TYPE_URL] = {"the address of a repository", "string", "^[!-~]+$", parse_url, print_text},
    [EK_TYPE_INTEGER] = {"a whole number", "integer", NULL, parse_integer, print_integer},
    [EK_TYPE_NUMBER] = {"a number", "number", NULL, parse_number, print_number},
    [EK_TYPE_BOOLEAN] = {"true or false", "boolean", NULL, parse_boolean, print_boolean},
    [EK_TYPE_CHOICE] = {"true or false", "boolean", NULL, parse_choice, print_integer},
    [EK_TYPE_WORD] = {"a word", "string", NULL, parse_word, print_integer},
    [EK_TYPE_WINDOW] = {"a window such as sat 02:00-05:00 Europe/Berlin", "string", NULL,
                        parse_window, print_text},
    [EK_TYPE_PLAN_KEY] = {"an Ed25519 public key", "string", NULL, parse_plan_key, print_text},
    [EK_TYPE_COMMIT_KEY] = {"an OpenSSH public key", "string",
                            "^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$",
                            parse_commit_key, print_text},
    [EK_TYPE_FINGERPRINT] = {"a host key's fingerprint", "string", "^SHA256:[A-Za-z0-9+/]{43}$",
                             parse_fingerprint, print_text},
    [EK_TYPE_DURATION] = {"a duration such as 30d", "string", "^[0-9]+[smhdw]$", parse_duration,
                          print_seconds},
};
