#include "drivers/git/location.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "reconciler/base/hex.h"

void ek_location_done(struct ek_location *location)
{
    ek_buffer_done(&location->address);
}

static bool decode_path(const char *text, struct ek_buffer *path)
{
    for (; *text; text++) {
        char c = *text;
        if (c == '%') {
            int high = ek_hex_digit(text[1]);
            int low = high < 0 ? -1 : ek_hex_digit(text[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high * 16 + low);
            text += 2;
        }
        ek_buffer_add(path, &c, 1);
    }
    return true;
}

static int parse_file_url(const char *rest, struct ek_location *location, struct ek_error *err)
{
    if (strncmp(rest, "localhost/", 10) == 0)
        rest += 9;
    if (rest[0] != '/' || !decode_path(rest, &location->address))
        return ek_fail(err, EK_INVALID, "EK-0610", "the file:// URL needs an absolute path");
    return 0;
}

/* A URL with a password in it is never repeated in a message. */
static int refuse_password(const char *authority, size_t length, struct ek_error *err)
{
    const char *at = memchr(authority, '@', length);
    const char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!colon)
        return 0;
    ek_fail(err, EK_INVALID, "EK-0610", "the git URL has a password in it");
    return ek_hint(err, "arguments and settings are seen by others: put the password or token "
                        "into a file and name that");
}

static int parse_url(const char *url, const char *rest, struct ek_location *location,
                     struct ek_error *err)
{
    size_t scheme = (size_t)(rest - url) - 3;
    size_t authority = strcspn(rest, "/");
    if (scheme == 4 && strncasecmp(url, "file", 4) == 0)
        return parse_file_url(rest, location, err);
    int result = refuse_password(rest, authority, err);
    if (result != 0)
        return result;
    bool https = scheme == 5 && strncasecmp(url, "https", 5) == 0;
    bool ssh = scheme == 3 && strncasecmp(url, "ssh", 3) == 0;
    if (!https && !ssh) {
        ek_fail(err, EK_UNSUPPORTED, "EK-0610", "specs are not fetched over %.*s://",
                (int)(scheme > 32 ? 32 : scheme), url);
        return ek_hint(err, "use https://, ssh://, host:path, or a path on this machine");
    }
    if (authority == 0 || rest[authority] == 0)
        return ek_fail(err, EK_INVALID, "EK-0610", "%s names no repository on a host", url);
    location->remote = true;
    ek_buffer_text_add(&location->address, url);
    return 0;
}

int ek_location_parse(const char *url, struct ek_location *ret_location, struct ek_error *err)
{
    EK_LOCATION location = {0};
    const char *rest = strstr(url, "://");
    size_t word = strcspn(url, "/:");
    int result = 0;
    if (rest && rest == url + word && word > 0) {
        result = parse_url(url, rest + 3, &location, err);
    } else {
        /* host:path, unless there is a file of that name. */
        bool helper = strncmp(url + word, "::", 2) == 0;
        location.remote = word > 0 && url[word] == ':' && url[word + 1] && access(url, F_OK) != 0;
        if (location.remote && helper)
            return ek_fail(err, EK_UNSUPPORTED, "EK-0610", "%s names a helper program", url);
        ek_buffer_text_add(&location.address, url);
    }
    if (result == 0)
        result = ek_buffer_check(&location.address, err);
    if (result != 0)
        return result;
    *ret_location = location;
    location = (struct ek_location){0};
    return 0;
}
