/* host "ssh": servers that are systemd units of another machine, reached by the OpenSSH client.
 * Nothing is installed there: drivers/host/ssh_helper.sh goes along with each call. */
#include "drivers/host/ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/drivers.h"
#include "drivers/host/files.h"
#include "drivers/host/servers.h"
#include "drivers/host/ssh_call.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"

enum { NUMBER = 24 };

static int servers(const struct ek_host *host, int64_t deadline,
                   struct ek_host_servers *ret_servers, struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    const struct ek_ssh_question question = {.operation = "servers"};
    int result = ek_ssh_ask(host, &question, deadline, &answer, err);
    return result ? result
                  : ek_host_servers_parse(ek_buffer_text(&answer.output), ret_servers, err);
}

static int run(const struct ek_host *host, const struct ek_command *command, int64_t deadline,
               struct ek_command_result *ret_result, struct ek_error *err)
{
    enum { COUNT, LENGTH, SECONDS, HEAD };
    char numbers[HEAD][NUMBER];
    size_t count = 0;
    EK_SSH_ANSWER answer = {0};
    while (command->argv[count])
        count++;
    const char **arguments = calloc(HEAD + count + 1, sizeof *arguments);
    if (!arguments)
        return ek_no_memory(err);
    snprintf(numbers[COUNT], NUMBER, "%zu", count);
    snprintf(numbers[LENGTH], NUMBER, "%zu", command->input_length);
    snprintf(numbers[SECONDS], NUMBER, "%lld", (long long)(ek_time_left_ms(deadline) / 1000 + 1));
    for (size_t i = 0; i < HEAD; i++)
        arguments[i] = numbers[i];
    memcpy(arguments + HEAD, command->argv, count * sizeof *arguments);
    const struct ek_ssh_question question = {.operation = "run",
                                             .arguments = arguments,
                                             .bytes = command->input,
                                             .length = command->input_length,
                                             .subject = command->argv[0],
                                             .changes = true};
    int result = ek_ssh_ask(host, &question, deadline, &answer, err);
    free((void *)arguments);
    if (result != 0)
        return result;
    if (answer.output.length > EK_COMMAND_OUTPUT_MAX ||
        answer.errors.length > EK_COMMAND_OUTPUT_MAX)
        return ek_fail(err, EK_INVALID, "EK-0408", "%s: more than 1 MiB of output",
                       command->argv[0]);
    *ret_result = (struct ek_command_result){
        .output = answer.output, .errors = answer.errors, .status = answer.number};
    answer = (struct ek_ssh_answer){0};
    return 0;
}

/* The answer's first line is the time, the rest the file. */
int ek_ssh_read_file(const struct ek_host *host, const struct ek_file_question *asked,
                     int64_t deadline, struct ek_file *ret_file, struct ek_error *err)
{
    char most[NUMBER];
    EK_SSH_ANSWER answer = {0};
    snprintf(most, sizeof most, "%zu", asked->max);
    const char *const arguments[] = {asked->path, most, NULL};
    const struct ek_ssh_question question = {
        .operation = "read", .arguments = arguments, .subject = asked->path};
    int result = ek_ssh_ask(host, &question, deadline, &answer, err);
    if (result != 0)
        return result;
    const char *text = ek_buffer_text(&answer.output);
    const char *content = strchr(text, '\n');
    if (!content)
        return ek_fail(err, EK_BUG, "EK-0471", "%s: %s: no time of its last change",
                       host->ssh->host, asked->path);
    content++;
    size_t length = answer.output.length - (size_t)(content - text);
    if (length > asked->max)
        return ek_fail(err, EK_INVALID, "EK-0415", "%s: %s: longer than %zu bytes", host->ssh->host,
                       asked->path, asked->max);
    struct ek_file file = {0};
    char *fraction = NULL;
    file.modified_ms = strtoll(text, &fraction, 10) * 1000;
    if (*fraction == '.')
        file.modified_ms += strtoll(fraction + 1, NULL, 10);
    if (length > 0)
        ek_buffer_add(&file.content, content, length);
    if (file.content.failed)
        return ek_buffer_check(&file.content, err);
    *ret_file = file;
    return 0;
}

/* What becomes of owner and mode. */
static const char *ways(const struct ek_file_content *content)
{
    if (!content->keep)
        return "fresh";
    return ek_host_content_has_command(content) ? "give" : "keep";
}

static int write_file(const struct ek_host *host, const struct ek_file_content *content,
                      int64_t deadline, struct ek_error *err)
{
    char mode[NUMBER];
    char length[NUMBER];
    EK_SSH_ANSWER answer = {0};
    snprintf(mode, sizeof mode, "%04o", (unsigned)content->mode & 07777);
    snprintf(length, sizeof length, "%zu", content->length);
    const char *const arguments[] = {content->path, mode, length, ways(content), NULL};
    const struct ek_ssh_question question = {.operation = "write",
                                             .arguments = arguments,
                                             .bytes = content->bytes,
                                             .length = content->length,
                                             .subject = content->path,
                                             .changes = true};
    return ek_ssh_ask(host, &question, deadline, &answer, err);
}

static int remove_file(const struct ek_host *host, const char *path, int64_t deadline,
                       struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    const char *const arguments[] = {path, NULL};
    const struct ek_ssh_question question = {
        .operation = "remove", .arguments = arguments, .subject = path, .changes = true};
    return ek_ssh_ask(host, &question, deadline, &answer, err);
}

static int volatile_directory(const struct ek_host *host, int64_t deadline, char *ret_path,
                              size_t size, struct ek_error *err)
{
    EK_SSH_ANSWER answer = {0};
    const struct ek_ssh_question question = {.operation = "volatile"};
    int result = ek_ssh_ask(host, &question, deadline, &answer, err);
    if (result != 0)
        return result;
    size_t length = strcspn(ek_buffer_text(&answer.output), "\n");
    if (length == 0 || length >= size)
        return ek_fail(err, EK_INVALID, "EK-0413", "%s: name too long", host->ssh->host);
    memcpy(ret_path, answer.output.bytes, length);
    ret_path[length] = 0;
    return 0;
}

const struct ek_host_driver ek_host_ssh = {
    .name = "ssh",
    .facts = ek_ssh_facts,
    .servers = servers,
    .run = run,
    .read_file = ek_ssh_read_file,
    .write_file = write_file,
    .remove_file = remove_file,
    .volatile_directory = volatile_directory,
    .service = ek_ssh_service,
    .fence = ek_ssh_fence,
};
