/* import ADDRESS: specs of a replica set that is there already. */
#include "reconciler/command/import.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/secret_file.h"
#include "reconciler/base/sizes.h"
#include "reconciler/command/fleet.h"
#include "reconciler/report/plan_report.h"
#include "specs/names.h"

enum { PASSWORD_MAX = 4096, SPECS_MODE = 0644 };

/* One run of the command. */
struct run {
    const struct ek_options *options;
    struct ek_import_request request;
    char host[EK_DNS_NAME_SIZE];
    char database[128]; /* authSource of the address, or "" */
    char user[256];     /* of the address, or "" */
    char source[300];   /* mongodb://HOST:PORT */
    struct ek_secret *password;
    char *paths[4]; /* absolute, of what the request names */
    size_t path_count;
    struct ek_fleet settings;
    struct ek_import_tree tree;
    struct ek_import import;
    char deployment[64];
    char account[64];
    char authority[64];
};

static void run_done(struct run *run)
{
    ek_secret_free(run->password);
    for (size_t i = 0; i < run->path_count; i++)
        free(run->paths[i]);
    ek_import_done(&run->import);
    ek_import_tree_done(&run->tree);
    ek_fleet_done(&run->settings);
}

/* ---- the address ---------------------------------------------------------------------- */

static int wrong_address(struct ek_error *err, const char *why)
{
    ek_fail(err, EK_INVALID, "EK-0804", "the address %s", why);
    return ek_hint(err, "evenkeel import mongodb://db-a.example.net:27017");
}

/* "user@", never with a password: whoever may list processes, or read the shell's history, has it
 * then. */
static int take_user(struct run *run, const char *begin, const char *end, struct ek_error *err)
{
    if (memchr(begin, ':', (size_t)(end - begin))) {
        ek_fail(err, EK_INVALID, "EK-1412", "there is a password in the address");
        return ek_hint(err, "change that password: it may have been seen. Name the user with "
                            "--user, and a file with its password with --password-file");
    }
    if (end == begin || (size_t)(end - begin) >= sizeof run->user ||
        memchr(begin, '%', (size_t)(end - begin)))
        return wrong_address(err, "has a user that can't be read: give --user");
    snprintf(run->user, sizeof run->user, "%.*s", (int)(end - begin), begin);
    return 0;
}

/* Of what may follow "?" one thing matters: how to talk to a server is found out. */
static void take_database(struct run *run, const char *query)
{
    static const char wanted[] = "authSource=";
    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&')
        if (strncmp(at, wanted, strlen(wanted)) == 0) {
            const char *value = at + strlen(wanted);
            snprintf(run->database, sizeof run->database, "%.*s", (int)strcspn(value, "&"), value);
        }
}

static bool split_host(struct run *run, const char *text)
{
    if (!ek_import_split(text, run->host, sizeof run->host, &run->request.port))
        return false;
    run->request.host = run->host;
    return ek_is_server_name(run->host) || ek_is_ipv4(run->host) || ek_is_ipv6(run->host);
}

static int take_address(struct run *run, const char *address, struct ek_error *err)
{
    static const char scheme[] = "mongodb://";
    char host[EK_DNS_NAME_SIZE];
    if (strncmp(address, "mongodb+srv://", 14) == 0)
        return wrong_address(err, "is of mongodb+srv: name one member, mongodb://HOST:PORT");
    const char *text = address;
    if (strncmp(text, scheme, strlen(scheme)) == 0)
        text += strlen(scheme);
    else if (strstr(text, "://"))
        return wrong_address(err, "is no address of a server");
    size_t length = strcspn(text, "/?");
    const char *query = strchr(text + length, '?');
    const char *at = memrchr(text, '@', length);
    int result = at ? take_user(run, text, at, err) : 0;
    if (result != 0)
        return result;
    if (at) {
        length -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    if (memchr(text, ',', length))
        return wrong_address(err, "names several members: one is enough, and knows the others");
    if (length >= sizeof host)
        return wrong_address(err, "is too long");
    snprintf(host, sizeof host, "%.*s", (int)length, text);
    if (!split_host(run, host))
        return wrong_address(err, "is not of the form mongodb://HOST:PORT");
    if (query)
        take_database(run, query + 1);
    bool v6 = strchr(run->host, ':') != NULL;
    snprintf(run->source, sizeof run->source, "mongodb://%s%s%s:%d", v6 ? "[" : "", run->host,
             v6 ? "]" : "", run->request.port);
    return 0;
}

/* ---- the options ---------------------------------------------------------------------- */

/* Specs want absolute paths. */
static int take_path(struct run *run, const char *path, const char **ret_path, struct ek_error *err)
{
    if (!path)
        return 0;
    char *real = realpath(path, NULL);
    if (!real)
        return ek_fail_errno(err, "EK-0501", path);
    run->paths[run->path_count++] = real;
    *ret_path = real;
    return 0;
}

static int take_ssh(struct run *run, struct ek_error *err)
{
    const struct ek_options *options = run->options;
    struct ek_ssh *ssh = &run->request.ssh;
    char *after = NULL;
    long port = options->ssh_port ? strtol(options->ssh_port, &after, 10) : 0;
    if (options->ssh_port &&
        (!isdigit((unsigned char)*options->ssh_port) || *after || port < 1 || port > 65535))
        return ek_fail(err, EK_INVALID, "EK-0803", "--ssh-port can't be \"%s\"", options->ssh_port);
    if (options->ssh_user && !ek_is_word_of(options->ssh_user, "._-", 32))
        return ek_fail(err, EK_INVALID, "EK-0803", "--ssh-user can't be \"%s\"", options->ssh_user);
    ssh->user = options->ssh_user;
    ssh->port = (int)port;
    int result = take_path(run, options->ssh_identity_file, &ssh->identity_file, err);
    if (result == 0)
        result = take_path(run, options->ssh_known_hosts, &ssh->known_hosts, err);
    if (result == 0)
        result = take_path(run, options->ssh_config, &ssh->config, err);
    return result;
}

static int read_password(struct run *run, struct ek_error *err)
{
    const struct ek_secret_file file = {run->options->password_file, PASSWORD_MAX, "EK-0501",
                                        "EK-1413"};
    EK_SECRET_BUFFER text = {0};
    int result = ek_secret_file_read(&file, &text, err);
    if (result != 0)
        return result;
    size_t length = strcspn(ek_buffer_text(&text), "\r\n");
    if (length == 0)
        return ek_fail(err, EK_INVALID, "EK-1413", "%s holds no password", file.path);
    return ek_secret_make(text.bytes, length, &run->password, err);
}

static int take_login(struct run *run, struct ek_error *err)
{
    const struct ek_options *options = run->options;
    struct ek_import_request *request = &run->request;
    const char *user = options->user ? options->user : run->user[0] ? run->user : NULL;
    if ((user != NULL) != (options->password_file != NULL)) {
        ek_fail(err, EK_INVALID, "EK-0804", "%s",
                user ? "a user needs --password-file" : "--password-file needs --user");
        return ek_hint(err, "evenkeel import mongodb://HOST --user root --password-file FILE");
    }
    if (options->certificate_key_file && access(options->certificate_key_file, R_OK) != 0)
        return ek_fail_errno(err, "EK-0501", options->certificate_key_file);
    request->user = user;
    request->user_database = run->database[0] ? run->database : NULL;
    request->client_certificate = options->certificate_key_file;
    request->ca_file = options->ca_file;
    int result = user ? read_password(run, err) : 0;
    request->password = run->password;
    return result;
}

static int check_label(const char *option, const char *value, struct ek_error *err)
{
    if (!value || ek_is_label(value))
        return 0;
    ek_fail(err, EK_INVALID, "EK-0803", "%s can't be \"%s\"", option, value);
    return ek_hint(err, "small letters, digits and inner hyphens, 63 at most");
}

static int take_options(struct run *run, struct ek_error *err)
{
    const struct ek_options *options = run->options;
    int result = options->argument_count == 1 ? take_address(run, options->arguments[0], err)
                                              : wrong_address(err, "of a member is missing");
    if (result == 0)
        result = check_label("--deployment", options->deployment, err);
    if (result == 0)
        result = check_label("--account", options->account, err);
    if (result == 0)
        result = take_ssh(run, err);
    if (result == 0)
        result = take_login(run, err);
    run->request.provider = options->provider == 1 ? EK_PROVIDER_LOCAL : EK_PROVIDER_HOSTS;
    run->request.reach = options->reach == 1 ? EK_REACH_LOCAL : EK_REACH_SSH;
    run->request.patience_ms = options->import_timeout_ms;
    if (result == 0)
        result = ek_fleet_settings(&run->settings, err);
    run->request.state_directory = run->settings.controller.state_directory;
    return result;
}

/* ---- names ---------------------------------------------------------------------------- */

/* "orders" of "specs/orders.yaml". */
static void name_of_file(const char *out, char ret_name[static 64])
{
    char stem[256];
    const char *slash = strrchr(out, '/');
    const char *name = slash ? slash + 1 : out;
    snprintf(stem, sizeof stem, "%.*s", (int)strcspn(name, "."), name);
    ek_import_label(stem, ret_name);
}

static void choose_names(struct run *run)
{
    const struct ek_options *options = run->options;
    const struct ek_import *import = &run->import;
    const struct ek_specs *around = &run->tree.specs;
    if (options->deployment)
        snprintf(run->deployment, sizeof run->deployment, "%s", options->deployment);
    else if (import->deployment[0])
        snprintf(run->deployment, sizeof run->deployment, "%s", import->deployment);
    else if (options->out)
        name_of_file(options->out, run->deployment);
    if (!run->deployment[0])
        ek_import_label(import->set_name, run->deployment);
    if (!run->deployment[0])
        snprintf(run->deployment, sizeof run->deployment, "imported");
    const char *account = options->account             ? options->account
                          : import->account[0]         ? import->account
                          : around->account_count == 1 ? around->accounts[0].name
                                                       : "default";
    snprintf(run->account, sizeof run->account, "%.63s", account);
    if (import->authority[0])
        snprintf(run->authority, sizeof run->authority, "%s", import->authority);
    else
        snprintf(run->authority, sizeof run->authority, "%.60s-ca", run->account);
}

/* One that is there already for this account is as good. */
static bool find_authority(struct run *run)
{
    const struct ek_specs *around = &run->tree.specs;
    if (ek_specs_authority(around, run->account, run->authority))
        return true;
    for (size_t i = 0; i < around->authority_count && !run->import.authority[0]; i++)
        if (strcmp(around->authorities[i].account, run->account) == 0) {
            snprintf(run->authority, sizeof run->authority, "%.63s", around->authorities[i].name);
            return true;
        }
    return false;
}

static bool has_account(const struct run *run)
{
    for (size_t i = 0; i < run->tree.specs.account_count; i++)
        if (strcmp(run->tree.specs.accounts[i].name, run->account) == 0)
            return true;
    return false;
}

static int write_specs(struct run *run, struct ek_buffer *ret_text, struct ek_error *err)
{
    choose_names(run);
    struct ek_import_setting setting = {
        .deployment = run->deployment,
        .account = run->account,
        .authority = run->authority,
        .account_is_guessed = !run->options->account && !run->import.account[0],
        .account_is_there = has_account(run),
        .authority_is_there = find_authority(run),
        .source = run->source,
    };
    ek_import_write(&run->import, &run->request, &setting, ret_text);
    return ek_buffer_check(ret_text, err);
}

/* ---- the file ------------------------------------------------------------------------- */

static int is_there(const char *path, struct ek_error *err)
{
    ek_fail(err, EK_EXISTS, "EK-1411", "%s is there already; nothing was written", path);
    return ek_hint(err, "give another name, or --force to replace it");
}

/* Whole or not at all, and never over a file that came meanwhile. */
static int write_file(const struct ek_options *options, const struct ek_buffer *text,
                      struct ek_error *err)
{
    char folder[PATH_MAX];
    EK_BUFFER temporary = {0};
    const char *out = options->out;
    const char *slash = strrchr(out, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - out) : 0, out);
    int result = folder[0] ? ek_directory_make(folder, 0755, err) : 0;
    if (result == 0 && options->force)
        return ek_file_write(out, text->bytes, text->length, SPECS_MODE, err);
    ek_buffer_printf(&temporary, "%s.import-%d", out, (int)getpid());
    if (result == 0)
        result = ek_buffer_check(&temporary, err);
    if (result == 0)
        result =
            ek_file_write(ek_buffer_text(&temporary), text->bytes, text->length, SPECS_MODE, err);
    if (result != 0)
        return result;
    if (renameat2(AT_FDCWD, ek_buffer_text(&temporary), AT_FDCWD, out, RENAME_NOREPLACE) != 0) {
        result = errno == EEXIST ? is_there(out, err) : ek_fail_errno(err, "EK-0502", out);
        unlink(ek_buffer_text(&temporary));
    }
    return result;
}

/* ---- what is said --------------------------------------------------------------------- */

static void report(const struct run *run, const char *specs)
{
    const struct ek_options *options = run->options;
    const struct ek_import_report report = {
        .import = &run->import,
        .account = run->account,
        .deployment = run->deployment,
        .file = options->out,
    };
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_JSON) {
        ek_json_add(ek_import_json(&report, specs), JSON_INDENT(2), &text);
        ek_print(&text);
        return;
    }
    bool aside = !options->out && !options->check;
    ek_import_text(&report, ek_colour_wanted(options, aside ? STDERR_FILENO : STDOUT_FILENO),
                   &text);
    if (!aside) {
        ek_print(&text);
        return;
    }
    ek_buffer_text_add(&text, "\n");
    if (!options->quiet)
        ek_print_aside(&text);
    EK_BUFFER yaml = {0};
    ek_buffer_text_add(&yaml, specs);
    ek_print(&yaml);
}

static int unseen(const struct run *run)
{
    struct ek_error err = {0};
    if (!ek_import_has(&run->import, EK_NOTE_UNSEEN) &&
        !ek_import_has(&run->import, EK_NOTE_IN_THE_WAY))
        return EK_EXIT_OK;
    ek_fail(&err, EK_BLOCKED, "EK-1410", "not everything could be seen, or managed as it is");
    ek_hint(&err, "the listing, and the specs' comments, say what and why");
    ek_say_error(run->options, &err);
    return ek_exit_status_of(&err);
}

/* The first plan, as evenkeel plan would show it. */
static int check(struct run *run, const struct ek_specs *specs)
{
    EK_BUFFER name = {0};
    EK_BUFFER text = {0};
    struct ek_assessment assessment = {0};
    ek_buffer_printf(&name, "%s/%s", run->account, run->deployment);
    const struct ek_deployment_spec *spec = ek_specs_deployment(specs, ek_buffer_text(&name));
    if (!spec)
        return EK_EXIT_ERROR;
    ek_assess(specs, spec, &run->settings.controller, EK_LOOK_PATIENCE_MS, &assessment);
    int status = ek_plan_status(&assessment, 1);
    if (assessment.error.code) {
        ek_say_error(run->options, &assessment.error);
    } else {
        struct ek_planned planned = ek_assessment_planned(&assessment);
        const struct ek_plan_set set = {
            .source = {.directory = run->options->out ? run->options->out : "not written yet"},
            .planned = &planned,
            .count = 1,
            .next_command = "evenkeel apply",
            .fleet = ""};
        bool colour = ek_colour_wanted(run->options, STDOUT_FILENO);
        ek_buffer_text_add(&text, "\nThe first plan:\n\n");
        ek_plan_text(&set, colour, &text);
        if (run->options->output == EK_OUTPUT_TEXT)
            ek_print(&text);
        else
            ek_print_aside(&text);
    }
    ek_assessment_done(&assessment);
    return status;
}

static int import(struct run *run, int *ret_status, struct ek_error *err)
{
    const struct ek_options *options = run->options;
    EK_BUFFER text = {0};
    struct ek_specs specs = {0};
    int result = take_options(run, err);
    if (result == 0 && options->out && !options->force && access(options->out, F_OK) == 0)
        result = is_there(options->out, err);
    if (result == 0)
        result = ek_import_tree_open(options->out, &run->tree, err);
    if (result == 0)
        result = ek_import_discover(&run->request, &run->import, err);
    if (result == 0)
        result = write_specs(run, &text, err);
    if (result == 0)
        result = ek_import_tree_parse(options, &run->tree, &text, &specs, err);
    if (result == 0 && options->out)
        result = write_file(options, &text, err);
    if (result == 0) {
        report(run, ek_buffer_text(&text));
        *ret_status = options->check ? check(run, &specs) : EK_EXIT_OK;
        if (*ret_status == EK_EXIT_OK || *ret_status == EK_EXIT_CHANGES) {
            int status = unseen(run);
            *ret_status = status == EK_EXIT_OK ? *ret_status : status;
        }
    }
    ek_specs_free(&specs);
    return result;
}

int ek_command_import(const struct ek_options *options)
{
    struct ek_error err = {0};
    int status = EK_EXIT_OK;
    struct run *run = calloc(1, sizeof *run);
    if (!run) {
        ek_no_memory(&err);
        ek_say_error(options, &err);
        return EK_EXIT_ERROR;
    }
    run->options = options;
    run->settings.options = options;
    if (import(run, &status, &err) != 0) {
        ek_say_error(options, &err);
        status = ek_exit_status_of(&err);
    }
    run_done(run);
    free(run);
    return status;
}
