#include "drivers/host/ssh_call.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/command.h"
#include "drivers/host/ssh_connection.h"
#include "drivers/host/ssh_helper.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/hex.h"

/* A file of 1 MiB and what stands around it. */
enum { OUTPUT_MAX = (1 << 20) + (1 << 16) };

void ek_ssh_answer_done(struct ek_ssh_answer *answer)
{
    ek_buffer_wipe(&answer->output);
    ek_buffer_wipe(&answer->errors);
}

/* ---- the question ---- */

static int add_line(const char *word, struct ek_buffer *text, struct ek_error *err)
{
    if (strchr(word, '\n'))
        return ek_fail(err, EK_INVALID, "EK-0415", "'%s' has a line end in it", word);
    ek_buffer_printf(text, "%s\n", word);
    return 0;
}

int ek_ssh_question_text(const struct ek_host *host, const struct ek_ssh_question *question,
                         char ret_marker[static EK_SSH_MARKER + 1], struct ek_buffer *ret_text,
                         struct ek_error *err)
{
    unsigned char random[EK_SSH_MARKER / 2];
    size_t length;
    char name[EK_HOST_NAME_SIZE];
    if (RAND_bytes(random, sizeof random) != 1)
        return ek_fail(err, EK_SYSTEM, "EK-0472", "no random bytes");
    ek_hex(random, sizeof random, ret_marker);
    const char *helper = ek_ssh_helper(&length);
    ek_buffer_add(ret_text, helper, length);
    ek_host_name(host, name);
    const char *const head[] = {ret_marker, question->operation,
                                host->server_user ? host->server_user : "",
                                host->unit ? host->unit : "", name};
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof head / sizeof *head; i++)
        result = add_line(head[i], ret_text, err);
    for (const char *const *word = question->arguments; result == 0 && word && *word; word++)
        result = add_line(*word, ret_text, err);
    if (result == 0 && question->length > 0)
        ek_buffer_add(ret_text, question->bytes, question->length);
    return result == 0 ? ek_buffer_check(ret_text, err) : result;
}

/* ---- the answer ---- */

struct word {
    const char *word;
    enum ek_code code;
    const char *id;
    const char *sentence; /* behind host and subject */
    const char *hint;
};

static const struct word words[] = {
    {"missing", EK_NOT_FOUND, "EK-0415", "no such file or directory", ""},
    {"denied", EK_DENIED, "EK-0415", "not permitted", ""},
    {"not_a_file", EK_INVALID, "EK-0415", "not a regular file", ""},
    {"failed", EK_SYSTEM, "EK-0415", "not done", ""},
    {"systemctl", EK_SYSTEM, "EK-0416", "systemctl failed", ""},
    {"command_lines", EK_UNSUPPORTED, "EK-0418", "the unit's command line is not a single one", ""},
    {"no_user", EK_NOT_FOUND, "EK-0419", "the server's user does not exist there", ""},
    {"no_program", EK_NOT_FOUND, "EK-0406", "no such program there", ""},
    {"not_in_memory", EK_UNSUPPORTED, "EK-0413", "its /run is not in memory", ""},
    {"not_ours", EK_DENIED, "EK-0414", "a directory for passwords is somebody else's", ""},
    {"not_root", EK_DENIED, "EK-0465", "the login is an ordinary user's",
     "set provider.ssh.sudo, or log in as root"},
    {"cut", EK_UNREACHABLE, "EK-0466", "the connection was cut; nothing was done", "run it again"},
    {"no_openssl", EK_UNSUPPORTED, "EK-0467", "openssl(1) is missing there", "install openssl"},
    {"no_systemd", EK_UNSUPPORTED, "EK-0467", "systemctl(1) is missing there", ""},
    {"no_flock", EK_UNSUPPORTED, "EK-0467", "flock(1) is missing there", "install util-linux"},
    {"full", EK_SYSTEM, "EK-0468", "its disk is full; the old file is untouched",
     "make room there and run it again"},
    {"refused", EK_DENIED, "EK-0469", "the helper does not do that", ""},
    {"masked", EK_CONFLICT, "EK-0470", "the unit is masked", "systemctl unmask it, on the host"},
};

int ek_ssh_last_word(const struct ek_host *host, const char *subject, const char *word,
                     const char *said, struct ek_error *err)
{
    size_t length = strcspn(word, " \n");
    if (length == 2 && strncmp(word, "ok", 2) == 0)
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == length && strncmp(word, words[i].word, length) == 0) {
            ek_fail(err, words[i].code, words[i].id, "%s: %s%s%s", host->ssh->host,
                    subject ? subject : "", subject ? ": " : "", words[i].sentence);
            ek_hint(err, "%s", words[i].hint);
            return ek_cause(err, "%s", said), words[i].code;
        }
    return ek_fail(err, EK_BUG, "EK-0471", "%s: the helper's last word was '%.*s'", host->ssh->host,
                   (int)length, word);
}

/* Programs that end before our shell runs speak for themselves. */
static bool sudo_refused(const char *errors)
{
    static const char *const refusals[] = {"is not allowed to",     "not in the sudoers file",
                                           "may not run sudo",      "sudo: a terminal is required",
                                           "must have a tty",       "sudo: not found",
                                           "sudo': No such file",   "sudo: command not found",
                                           "a password is required"};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strstr(errors, refusals[i]))
            return true;
    return false;
}

static int no_answer(const struct ek_host *host, const struct ek_command_result *ended, bool begun,
                     struct ek_error *err)
{
    enum { CLIENT_FAILED = 255 }; /* the client ends with it when its connection does */
    const char *name = host->ssh->host;
    const char *errors = ek_buffer_text(&ended->errors);
    if (begun)
        return ek_fail(err, EK_UNREACHABLE, "EK-0466", "%s: the connection was lost", name);
    if (host->ssh->sudo && sudo_refused(errors)) {
        ek_fail(err, EK_DENIED, "EK-0465", "%s: sudo refused", name);
        ek_hint(err, "install contrib/sudoers of this very version on the host");
    } else if (ended->status == CLIENT_FAILED) {
        ek_fail(err, EK_UNREACHABLE, "EK-0466", "%s: the connection was lost", name);
    } else {
        ek_fail(err, EK_UNSUPPORTED, "EK-0471",
                "%s: the login's shell did not run a POSIX shell for us", name);
    }
    return ek_cause(err, "%s%s", errors, ek_buffer_text(&ended->output));
}

/* The bytes between the marker's lines; what a login script printed before is no part of them. */
static bool unframe(const struct ek_buffer *text, const char *marker, struct ek_buffer *ret_inside,
                    const char **ret_word)
{
    char begin[EK_SSH_MARKER + 16];
    char end[EK_SSH_MARKER + 16];
    if (text->length == 0)
        return false;
    snprintf(begin, sizeof begin, "\n%s begin\n", marker);
    snprintf(end, sizeof end, "\n%s end", marker);
    const char *from = memmem(text->bytes, text->length, begin, strlen(begin));
    if (!from)
        return false;
    from += strlen(begin);
    size_t left = (size_t)(text->bytes + text->length - from);
    const char *to = memmem(from, left, end, strlen(end));
    /* "begin" ends the line that "end" would begin with when nothing stands between them. */
    if (!to && left >= strlen(end) - 1 && memcmp(from, end + 1, strlen(end) - 1) == 0)
        to = from - 1;
    const char *line_end =
        to ? memchr(to + 1, '\n', (size_t)(text->bytes + text->length - to - 1)) : NULL;
    if (!line_end)
        return false;
    if (to > from)
        ek_buffer_add(ret_inside, from, (size_t)(to - from));
    *ret_word = to + strlen(end) + (to[strlen(end)] == ' ');
    return true;
}

/* One question on its way. */
struct call {
    const struct ek_host *host;
    const struct ek_ssh_connection *connection;
    const struct ek_ssh_question *question;
    int64_t deadline;
    char marker[EK_SSH_MARKER + 1];
};

static int understand(const struct call *call, const struct ek_command_result *ended,
                      struct ek_ssh_answer *ret_answer, struct ek_error *err)
{
    struct ek_ssh_answer answer = {0};
    const char *word = "";
    const char *unused;
    int result;
    (void)unframe(&ended->errors, call->marker, &answer.errors, &unused);
    if (unframe(&ended->output, call->marker, &answer.output, &word)) {
        result = ek_ssh_last_word(call->host, call->question->subject, word,
                                  ek_buffer_text(&answer.errors), err);
    } else {
        bool begun = memmem(ek_buffer_text(&ended->output), ended->output.length, call->marker,
                            EK_SSH_MARKER) != NULL;
        result = no_answer(call->host, ended, begun, err);
    }
    if (result == 0)
        result = ek_buffer_check(&answer.output, err);
    if (result == 0)
        result = ek_buffer_check(&answer.errors, err);
    if (result != 0) {
        ek_ssh_answer_done(&answer);
        return result;
    }
    answer.number = word[2] == ' ' ? (int)strtol(word + 3, NULL, 10) : 0;
    *ret_answer = answer;
    return 0;
}

static int exchange(struct call *call, struct ek_ssh_answer *ret_answer, struct ek_error *err)
{
    const char *arguments[EK_SSH_ARGUMENTS];
    EK_BUFFER remote = {0};
    EK_SECRET_BUFFER text = {0};
    EK_COMMAND_RESULT ended = {0};
    int result = ek_ssh_question_text(call->host, call->question, call->marker, &text, err);
    if (result != 0)
        return result;
    ek_ssh_remote_command(call->host->ssh->sudo, &remote);
    result = ek_buffer_check(&remote, err);
    if (result != 0)
        return result;
    ek_ssh_arguments(call->connection, ek_buffer_text(&remote), arguments);
    const struct ek_command command = {
        .argv = arguments, .input = text.bytes, .input_length = text.length};
    const struct ek_command_setting setting = {.whole_environment = true, .output_max = OUTPUT_MAX};
    result = ek_command_run(&command, &setting, call->deadline, &ended, err);
    if (result != 0) {
        ek_wrap(err, "%s: %s", call->host->ssh->host, call->question->operation);
        return result;
    }
    return understand(call, &ended, ret_answer, err);
}

/* Once on each new connection: has the host what is needed there? */
static int greet(const struct ek_host *host, struct ek_ssh_connection *connection, int64_t deadline,
                 struct ek_error *err)
{
    const struct ek_ssh_question question = {.operation = "hello"};
    struct call call = {
        .host = host, .connection = connection, .question = &question, .deadline = deadline};
    EK_SSH_ANSWER answer = {0};
    int result = exchange(&call, &answer, err);
    if (result == 0)
        ek_ssh_greeted(connection);
    return result;
}

int ek_ssh_connect(const struct ek_host *host, int64_t deadline,
                   struct ek_ssh_connection **ret_connection, struct ek_error *err)
{
    struct ek_ssh_connection *connection = NULL;
    bool fresh;
    int result = ek_ssh_enter(host, deadline, &connection, &fresh, err);
    if (result != 0)
        return result;
    if (fresh)
        result = greet(host, connection, deadline, err);
    if (result != 0)
        ek_ssh_leave(connection);
    else
        *ret_connection = connection;
    return result;
}

int ek_ssh_ask(const struct ek_host *host, const struct ek_ssh_question *question, int64_t deadline,
               struct ek_ssh_answer *ret_answer, struct ek_error *err)
{
    struct ek_ssh_connection *connection = NULL;
    int result = ek_ssh_connect(host, deadline, &connection, err);
    if (result != 0)
        return result;
    struct call call = {
        .host = host, .connection = connection, .question = question, .deadline = deadline};
    /* Now: had a lost connection to be made anew, the fence went with the old one. */
    if (question->changes)
        result = ek_ssh_fence_check(host, err);
    if (result == 0)
        result = exchange(&call, ret_answer, err);
    ek_ssh_leave(connection);
    return result;
}
