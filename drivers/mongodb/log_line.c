#include "drivers/mongodb/log_line.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOG_ID_PLAINTEXT = 23838,
    LOG_ID_NO_CERTIFICATE = 23234,
    LOG_ID_ACCEPTED = 22943,
    LOG_ID_METADATA = 51800,
    LOG_ID_SET = 23435,
};

/* The number after the first occurrence of `mark`, or -1. */
static int64_t number_after(const char *line, const char *mark)
{
    const char *at = strstr(line, mark);
    if (!at)
        return -1;
    at += strlen(mark);
    char *end;
    long long number = strtoll(at, &end, 10);
    return end == at ? -1 : number;
}

/* Seconds east of Greenwich of "Z", "+0130", "+01:30"; false: no zone. */
static bool zone_of(const char *zone, int64_t *ret_east_s)
{
    int digits[4];
    size_t count = 0;
    if (*zone == 'Z') {
        *ret_east_s = 0;
        return true;
    }
    if (*zone != '+' && *zone != '-')
        return false;
    for (const char *at = zone + 1; count < 4 && ((*at >= '0' && *at <= '9') || *at == ':'); at++)
        if (*at != ':')
            digits[count++] = *at - '0';
    if (count < 4)
        return false;
    int64_t minutes = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3];
    *ret_east_s = *zone == '-' ? -minutes * 60 : minutes * 60;
    return true;
}

/* "2026-11-22T02:24:43.886+0000", "…+00:00" or "…Z"; 0: another form. */
static int64_t seconds_of(const char *text)
{
    struct tm parts = {0};
    int64_t east_s = 0;
    const char *zone = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
    if (zone && *zone == '.')
        zone += 1 + strspn(zone + 1, "0123456789");
    return zone && zone_of(zone, &east_s) ? (int64_t)timegm(&parts) - east_s : 0;
}

static bool starts_with(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
}

bool ek_connection_is_internal(const char *application, const char *driver)
{
    return (application && strcmp(application, "evenkeel") == 0) ||
           starts_with(driver, "NetworkInterfaceTL") || starts_with(driver, "MongoDB Internal");
}

static enum ek_log_word set_word(const char *parameter)
{
    if (starts_with(parameter, "tlsMode") || starts_with(parameter, "sslMode"))
        return EK_LOG_MODE_SET;
    return starts_with(parameter, "disableNon") ? EK_LOG_LOGGING_SET : EK_LOG_OTHER;
}

/* ---- up to 4.2: text ---- */

static void read_text(const char *line, struct ek_log_line *read)
{
    static const char set[] = "uccessfully set parameter ";
    const char *parameter;
    read->at_s = seconds_of(line);
    if (strstr(line, "is not using SSL")) {
        read->word = EK_LOG_PLAINTEXT;
        read->connection = number_after(line, "' and connection ");
    } else if (strstr(line, "no SSL certificate provided by peer")) {
        read->word = EK_LOG_NO_CERTIFICATE;
        read->connection = number_after(line, "[conn");
    } else if (strstr(line, "connection accepted from ")) {
        read->word = EK_LOG_ACCEPTED;
        read->connection = number_after(line, " #");
    } else if (strstr(line, "received client metadata from ")) {
        if (strstr(line, "{ name: \"evenkeel\" }") || strstr(line, "name: \"NetworkInterfaceTL") ||
            strstr(line, "name: \"MongoDB Internal"))
            read->word = EK_LOG_INTERNAL;
        read->connection = number_after(line, "[conn");
    } else if ((parameter = strstr(line, set))) {
        read->word = set_word(parameter + sizeof set - 1);
    }
}

/* ---- 4.4 and newer: one JSON object per line ---- */

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t context_of(const json_t *entry)
{
    const char *context = text_at(entry, "ctx");
    return context ? number_after(context, "conn") : -1;
}

static void read_metadata(const json_t *entry, struct ek_log_line *read)
{
    const json_t *document = json_object_get(json_object_get(entry, "attr"), "doc");
    const char *application = text_at(json_object_get(document, "application"), "name");
    if (ek_connection_is_internal(application,
                                  text_at(json_object_get(document, "driver"), "name")))
        read->word = EK_LOG_INTERNAL;
    read->connection = context_of(entry);
}

static void read_json(const char *line, struct ek_log_line *read)
{
    json_t *entry = json_loads(line, 0, NULL);
    const json_t *attributes = json_object_get(entry, "attr");
    const json_t *connection = json_object_get(attributes, "connectionId");
    read->at_s = seconds_of(text_at(json_object_get(entry, "t"), "$date"));
    read->connection = json_is_integer(connection) ? json_integer_value(connection) : -1;
    switch (json_integer_value(json_object_get(entry, "id"))) {
    case LOG_ID_PLAINTEXT: read->word = EK_LOG_PLAINTEXT; break;
    case LOG_ID_ACCEPTED: read->word = EK_LOG_ACCEPTED; break;
    case LOG_ID_NO_CERTIFICATE:
        read->word = EK_LOG_NO_CERTIFICATE;
        read->connection = context_of(entry);
        break;
    case LOG_ID_METADATA: read_metadata(entry, read); break;
    case LOG_ID_SET: read->word = set_word(text_at(attributes, "parameterName")); break;
    default: break;
    }
    json_decref(entry);
}

void ek_log_line_read(const char *line, struct ek_log_line *ret_line)
{
    *ret_line = (struct ek_log_line){.connection = -1};
    if (line[0] == '{')
        read_json(line, ret_line);
    else
        read_text(line, ret_line);
}
