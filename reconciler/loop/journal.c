#include "reconciler/loop/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"

#ifndef EK_VERSION
#define EK_VERSION "unknown"
#endif

enum { MESSAGE_MAX = 8192 };

static const struct {
    const char *word;
    enum ek_journal_level level;
    const char *doc;
} rows[EK_JOURNAL_EVENTS] = {
#define EK_JOURNAL(name, word, level, doc) [EK_JOURNAL_##name] = {word, EK_LEVEL_##level, doc},
#include "reconciler/loop/journal.def"
#undef EK_JOURNAL
};

struct ek_journal {
    int fd;
    enum ek_journal_form form;
    enum ek_journal_level least;
    pthread_mutex_t lock;
};

const char *ek_journal_word(enum ek_journal_event event)
{
    return rows[event].word;
}

const char *ek_journal_doc(enum ek_journal_event event)
{
    return rows[event].doc;
}

static const char *level_word(enum ek_journal_level level)
{
    static const char *const words[] = {[EK_LEVEL_ERROR] = "error",
                                        [EK_LEVEL_WARNING] = "warning",
                                        [EK_LEVEL_INFO] = "info",
                                        [EK_LEVEL_DEBUG] = "debug"};
    return words[level];
}

/* ---- text that came from anywhere --------------------------------------------------------- */

/* Length of the well-formed UTF-8 sequence at `at`, 0 when it is none or stands for a C1 control
 * or a surrogate. */
static size_t sequence(const unsigned char *at)
{
    size_t length = at[0] < 0x80 ? 1 : 0;
    if (at[0] >= 0xC2 && at[0] < 0xF5)
        length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    bool wrong = (at[0] == 0xC2 && at[1] < 0xA0) || (at[0] == 0xE0 && at[1] < 0xA0) ||
                 (at[0] == 0xED && at[1] >= 0xA0) || (at[0] == 0xF0 && at[1] < 0x90) ||
                 (at[0] == 0xF4 && at[1] >= 0x90);
    return length > 1 && wrong ? 0 : length;
}

/* A JSON string with its quotes; in text without them. Controls never get through. */
static void add_text(const char *value, bool json, struct ek_buffer *text)
{
    if (json)
        ek_buffer_text_add(text, "\"");
    for (const char *at = value; *at && at - value < MESSAGE_MAX;) {
        unsigned char byte = (unsigned char)*at;
        size_t length = sequence((const unsigned char *)at);
        if (json && (byte == '"' || byte == '\\'))
            ek_buffer_printf(text, "\\%c", *at);
        else if (!json && byte == '\n')
            ek_buffer_text_add(text, " ");
        else if (length == 1 && (byte < 0x20 || byte == 0x7F))
            ek_buffer_printf(text, json ? "\\u%04x" : "\\x%02x", byte);
        else if (length == 0)
            ek_buffer_text_add(text, json ? "\\ufffd" : "?");
        else
            ek_buffer_add(text, at, length);
        at += length ? length : 1;
    }
    if (json)
        ek_buffer_text_add(text, "\"");
}

static void add_time(int64_t at_ms, struct ek_buffer *text)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    char shown[32];
    gmtime_r(&seconds, &parts);
    strftime(shown, sizeof shown, "%Y-%m-%dT%H:%M:%S", &parts);
    ek_buffer_printf(text, "%s.%03" PRId64 "Z", shown, at_ms % 1000);
}

/* ---- lines -------------------------------------------------------------------------------- */

struct field {
    const char *name;
    const char *value;
};

static void json_line(const struct ek_journal_entry *entry, const struct field *fields,
                      size_t count, struct ek_buffer *text)
{
    ek_buffer_text_add(text, "{\"time\":\"");
    add_time(entry->at_ms, text);
    ek_buffer_printf(text, "\",\"level\":\"%s\",\"event\":\"%s\"",
                     level_word(rows[entry->event].level), rows[entry->event].word);
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].value || !fields[i].value[0])
            continue;
        ek_buffer_printf(text, ",\"%s\":", fields[i].name);
        add_text(fields[i].value, true, text);
    }
    if (entry->duration_ms > 0)
        ek_buffer_printf(text, ",\"duration_ms\":%" PRId64, entry->duration_ms);
    if (entry->event == EK_JOURNAL_STARTED)
        ek_buffer_text_add(text, ",\"format_version\":\"1.0\",\"version\":\"" EK_VERSION "\"");
    ek_buffer_text_add(text, "}\n");
}

static void text_line(const struct ek_journal_entry *entry, enum ek_journal_form form,
                      struct ek_buffer *text)
{
    if (form == EK_JOURNAL_SYSTEMD) {
        ek_buffer_printf(text, "<%d>", (int)rows[entry->event].level);
    } else {
        add_time(entry->at_ms, text);
        ek_buffer_printf(text, " %-7s ", level_word(rows[entry->event].level));
    }
    const char *whom =
        entry->deployment && entry->deployment[0] ? entry->deployment : entry->repository;
    if (whom && whom[0]) {
        if (whom == entry->deployment && entry->account && entry->account[0]) {
            add_text(entry->account, false, text);
            ek_buffer_text_add(text, "/");
        }
        add_text(whom, false, text);
        ek_buffer_text_add(text, ": ");
    }
    ek_buffer_text_add(text, rows[entry->event].word);
    if (entry->step && entry->step[0]) {
        ek_buffer_text_add(text, ": ");
        add_text(entry->step, false, text);
    }
    if (entry->message && entry->message[0]) {
        ek_buffer_text_add(text, ": ");
        add_text(entry->message, false, text);
    }
    if (entry->duration_ms > 0)
        ek_buffer_printf(text, " (%" PRId64 ".%03" PRId64 " s)", entry->duration_ms / 1000,
                         entry->duration_ms % 1000);
    if (entry->commit && entry->commit[0]) {
        ek_buffer_text_add(text, " commit ");
        char shown[13];
        snprintf(shown, sizeof shown, "%s", entry->commit);
        add_text(shown, false, text);
    }
    if (entry->id && entry->id[0]) {
        ek_buffer_text_add(text, " [");
        add_text(entry->id, false, text);
        ek_buffer_text_add(text, "]");
    }
    ek_buffer_text_add(text, "\n");
}

void ek_journal_line(const struct ek_journal_entry *entry, enum ek_journal_form form,
                     struct ek_buffer *text)
{
    const struct field fields[] = {
        {"account", entry->account},
        {"deployment", entry->deployment},
        {"repository", entry->repository},
        {"step", entry->step},
        {"commit", entry->commit},
        {"plan", entry->plan},
        {"id", entry->id},
        {"message", entry->message},
    };
    struct ek_journal_entry timed = *entry;
    if (timed.at_ms == 0)
        timed.at_ms = ek_wall_ms();
    if (form == EK_JOURNAL_JSON)
        json_line(&timed, fields, sizeof fields / sizeof *fields, text);
    else
        text_line(&timed, form, text);
}

/* ---- writing ------------------------------------------------------------------------------ */

struct ek_journal *ek_journal_new(int fd, enum ek_journal_form form, enum ek_journal_level least)
{
    struct ek_journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return NULL;
    *journal = (struct ek_journal){.fd = fd, .form = form, .least = least};
    pthread_mutex_init(&journal->lock, NULL);
    return journal;
}

void ek_journal_free(struct ek_journal *journal)
{
    if (!journal)
        return;
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

enum ek_journal_form ek_journal_form_of(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM"); /* "DEVICE:INODE" */
    struct stat status;
    char *colon = NULL;
    char *end = NULL;
    if (!stream || fstat(fd, &status) != 0)
        return EK_JOURNAL_TEXT;
    uintmax_t device = strtoumax(stream, &colon, 10);
    if (colon == stream || *colon != ':')
        return EK_JOURNAL_TEXT;
    uintmax_t inode = strtoumax(colon + 1, &end, 10);
    bool ours = end > colon + 1 && *end == 0 && status.st_dev == device && status.st_ino == inode;
    return ours ? EK_JOURNAL_SYSTEMD : EK_JOURNAL_TEXT;
}

const char *ek_journal_text(const struct ek_buffer *text)
{
    return text->failed ? "(no memory for the words)" : ek_buffer_text(text);
}

void ek_journal_write(struct ek_journal *journal, const struct ek_journal_entry *entry)
{
    if (!journal || rows[entry->event].level > journal->least)
        return;
    EK_BUFFER text = {0};
    ek_journal_line(entry, journal->form, &text);
    pthread_mutex_lock(&journal->lock);
    ek_fd_write_all(journal->fd, text.bytes, text.length);
    pthread_mutex_unlock(&journal->lock);
}

void ek_journal_error(struct ek_journal *journal, const struct ek_journal_entry *entry,
                      const struct ek_error *err)
{
    struct ek_journal_entry told = *entry;
    EK_BUFFER message = {0};
    ek_buffer_text_add(&message, err->sentence);
    if (err->cause[0])
        ek_buffer_printf(&message, "; cause: %s", err->cause);
    if (err->hint[0])
        ek_buffer_printf(&message, "; hint: %s", err->hint);
    told.id = err->id;
    told.message = message.failed ? err->sentence : ek_buffer_text(&message);
    ek_journal_write(journal, &told);
}
