#include "specs/names.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* Letters, digits, inner hyphens, and what else `also` allows. */
static bool is_host_label(const char *text, size_t length, const char *also)
{
    if (length == 0 || length > 63 || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(text[i]) && text[i] != '-' && !strchr(also, text[i]))
            return false;
    return true;
}

bool ek_is_label(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!is_lower(*c) && !is_digit(*c) && *c != '-')
            return false;
    return is_host_label(text, strlen(text), "");
}

static bool is_name_of_labels(const char *text, const char *also)
{
    if (strlen(text) > 253)
        return false;
    for (const char *label = text;;) {
        size_t length = strcspn(label, ".");
        if (!is_host_label(label, length, also))
            return false;
        if (label[length] == 0)
            return strspn(label, "0123456789") != length;
        label += length + 1;
    }
}

bool ek_is_host_name(const char *text)
{
    return is_name_of_labels(text, "");
}

bool ek_is_server_name(const char *text)
{
    return is_name_of_labels(text, "_");
}

bool ek_is_ipv4(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

bool ek_is_ipv6(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

bool ek_is_local_host(const char *text)
{
    return strcasecmp(text, "localhost") == 0 || strcmp(text, "::1") == 0 ||
           strcmp(text, "0.0.0.0") == 0 || (ek_is_ipv4(text) && strncmp(text, "127.", 4) == 0);
}

bool ek_is_absolute_path(const char *text)
{
    if (text[0] != '/' || strlen(text) > 1024)
        return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    for (const char *segment = text + 1; *segment;) {
        size_t length = strcspn(segment, "/");
        bool dots = (length == 1 && segment[0] == '.') ||
                    (length == 2 && segment[0] == '.' && segment[1] == '.');
        if (length == 0 || dots)
            return false;
        segment += length + (segment[length] == '/');
    }
    return true;
}

bool ek_is_email(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at || at == text || at - text > 64 || text[0] == '.' || at[-1] == '.')
        return false;
    for (const char *c = text; c < at; c++)
        if (!is_alphanumeric(*c) && !strchr(".!#$%&'*+/=?^_`{|}~-", *c))
            return false;
    return ek_is_host_name(at + 1) && strchr(at + 1, '.');
}

bool ek_is_word_of(const char *text, const char *allowed, size_t longest)
{
    size_t length = strlen(text);
    if (length == 0 || length > longest || (!is_alphanumeric(text[0]) && text[0] != '_'))
        return false;
    for (const char *c = text; *c; c++)
        if (!is_alphanumeric(*c) && !strchr(allowed, *c))
            return false;
    return true;
}

bool ek_is_ssh_key(const char *text)
{
    /* Each type and the base64 of its length and itself, as far as that ends at whole digits. */
    static const struct {
        const char *type;
        const char *begins;
    } types[] = {
        {"ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5"},
        {"ssh-rsa", "AAAAB3NzaC1yc2E"},
        {"ecdsa-sha2-nistp256", "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY"},
        {"ecdsa-sha2-nistp384", "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ"},
        {"ecdsa-sha2-nistp521", "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjE"},
        {"sk-ssh-ed25519@openssh.com", "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"},
        {"sk-ecdsa-sha2-nistp256@openssh.com",
         "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb2"},
    };
    size_t type = strcspn(text, " ");
    const char *key = text + type + (text[type] == ' ');
    size_t digits = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    size_t padding = strspn(key + digits, "=");
    const char *after = key + digits + padding;
    bool known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types && !known; i++)
        known = strlen(types[i].type) == type && memcmp(types[i].type, text, type) == 0 &&
                digits > 60 && strncmp(key, types[i].begins, strlen(types[i].begins)) == 0;
    for (const char *c = text; *c; c++)
        known = known && *c >= ' ' && *c <= '~';
    return known && padding <= 2 && (digits + padding) % 4 == 0 && (*after == 0 || *after == ' ');
}
