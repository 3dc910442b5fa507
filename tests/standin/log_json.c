#include "log_json.h"
#include "server.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The format (or how it begins), the number, the text, and what becomes of the arguments, in their
 * order, separated by blanks: `name` keeps one, `_` leaves one out, `name+` is a number out of
 * text, `name$` is a date, `name?` true or false, `error=N` makes one the reason of an error N,
 * `error:` takes two (name and reason), `@name` shows the attached document and leaves one out,
 * `name="text"` needs none, and neither do `error!N`, whose reason is the whole line, and `name~`,
 * which is the line's rest. A row is for that major version and later, and comes before the row for
 * earlier ones. */
static const struct row {
    const char *fmt;
    int64_t id;
    const char *text, *attr;
    int64_t since;
} rows[] = {
    {"MongoDB starting : pid=", 4615611, "MongoDB starting",
     "pid port dbPath host architecture=\"64-bit\"", 4},
    {"Error creating service context: ", 20575, "Error creating service context", "error~", 4},
    {"db version v", 23403, "Build Info", "@buildInfo", 4},
    {"options: ", 21951, "Options set by command line", "@options", 4},
    {"Listening on ", 23015, "Listening on", "address", 4},
    {"waiting for connections on port ", 23016, "Waiting for connections", "port ssl", 4},
    {"connection accepted from ", 22943, "Connection accepted",
     "remote connectionId connectionCount _", 4},
    {"end connection ", 22944, "Connection ended", "remote connectionCount _", 4},
    {"received client metadata from ", 51800, "client metadata", "remote client+ @doc", 4},
    {"Error receiving request from client: SSLHandshakeFailed: ", 22988,
     "Error receiving request from client. Ending connection from remote",
     "error=141 remote connectionId", 4},
    {"SSL mode is set to 'preferred' and connection ", 23838,
     "SSL mode is set to 'preferred' and connection to remote is not using SSL.",
     "connectionId remote", 4},
    {"no SSL certificate provided by peer; connection rejected", 23255,
     "No SSL certificate provided by peer; connection rejected", "", 4},
    {"no SSL certificate provided by peer", 23234, "No SSL certificate provided by peer", "", 4},
    {"SSL peer certificate validation failed: ", 23256, "SSL peer certificate validation failed",
     "error", 4},
    {"The server certificate does not match the host name. ", 23257,
     "The server certificate does not match the remote host name",
     "remoteHost _ certificateNames _ _ _", 4},
    {"The provided SSL certificate is expired or not yet valid.", 28652,
     "The provided SSL certificate is expired or not yet valid", "", 4},
    {"Fatal Assertion 28652 ", 23091, "Fatal assertion", "msgid=28652", 4},
    {"Fatal Assertion 28559 ", 23091, "Fatal assertion", "msgid=28559", 4},
    {"Fatal Assertion 51121 ", 23091, "Fatal assertion", "msgid=51121", 4},
    {"\n\n***aborting after fassert() failure", 23092,
     "\n\n***aborting after fassert() failure\n\n", "", 4},
    {"cannot read certificate file: ", 23248, "Cannot read certificate file", "keyFile error", 4},
    {"cannot read PEM key file: ", 23251, "Cannot read PEM key", "keyFile error", 5},
    {"cannot use PEM key file: ", 23252, "Cannot use PEM key", "keyFile error", 5},
    {"Unable to fetch password: ", 23239, "Unable to fetch password", "error=8", 5},
    {"Certificate information: ", 4913010, "Certificate information",
     "subject issuer thumbprint notValidBefore$ notValidAfter$ keyFile type=\"Server\"", 5},
    {"cannot read PEM key file: ", 23250, "Cannot read PEM key file", "keyFile error", 4},
    {"cannot use PEM key file: ", 23251, "Cannot use PEM key file", "keyFile error", 4},
    {"successfully set parameter %s to %s (was ", 23435, "Successfully set parameter to new value",
     "parameterName newValue oldValue", 4},
    {"successfully set parameter ", 23436, "Successfully set parameter to new value",
     "parameterName newValue", 4},
    {"Successfully rotated X509 certificates.", 4913400, "Successfully rotated X509 certificates.",
     "", 4},
    {"Certificate rotation completed successfully", 4988500,
     "Certificate rotation completed successfully", "message", 4},
    {"SASL ", 5286307, "Failed to authenticate",
     "isSpeculative=false isClusterMember=false mechanism user db client result=18 error", 7},
    {"Successfully authenticated as principal ", 5286306, "Successfully authenticated",
     "isSpeculative=false isClusterMember=false user db client result=0", 7},
    {"SASL ", 20249, "Authentication failed",
     "mechanism speculative=false principalName authenticationDatabase remote extraInfo={} error",
     5},
    {"Refused by certificate: ", 20428, "Failed to authenticate",
     "client mechanism=\"MONGODB-X509\" user db error=18", 5},
    {"Authenticated by certificate: ", 20429, "Successfully authenticated",
     "client mechanism=\"MONGODB-X509\" user db", 5},
    {"Failed to authenticate in transitionToAuth", 20108,
     "Failed to authenticate in transitionToAuth, falling back to no authentication", "", 4},
    {"SASL ", 20249, "Authentication failed",
     "mechanism principalName authenticationDatabase remote error", 4},
    {"Authenticated by ", 20250, "Authentication succeeded",
     "mechanism speculative? principalName authenticationDatabase remote extraInfo={}", 5},
    {"Successfully authenticated as principal ", 20250, "Authentication succeeded",
     "principalName authenticationDatabase remote", 4},
    {"permissions on ", 20254, "Read security file failed", "error!30", 4},
    {"Error reading file ", 20254, "Read security file failed", "error!30", 4},
    {"error opening file: ", 20254, "Read security file failed", "error!30", 4},
    {"error reading file: ", 20254, "Read security file failed", "error!12", 4},
    {"invalid char in key file ", 20254, "Read security file failed", "error!12", 4},
    {"Only strings and sequences are supported", 20254, "Read security file failed", "error!12", 4},
    {"Security key file ", 20254, "Read security file failed", "error!50981", 4},
    {" security key in ", 20255, "Security key size is out range",
     "filename size minimumLength=6 maximumLength=1024", 4},
    {"Only two keys are supported", 20258, "Only two keys are supported in the security key file",
     "numKeys filename", 4},
    {"Failed global initialization: BadValue: ", 20574, "Error during global initialization",
     "error=2", 4},
    {"Failed global initialization: InvalidSSLConfiguration: ", 20574,
     "Error during global initialization", "error=140", 4},
    {"Failed global initialization: FileNotOpen: ", 20574, "Error during global initialization",
     "error=38", 4},
    {"Option: ", 23321, "Option: This name is deprecated. Please use the preferred name instead.",
     "deprecatedName preferredName", 4},
    {"No client certificate validation can be performed ", 22133,
     "No client certificate validation can be performed since no CA file has been provided. Please "
     "specify an sslCAFile parameter",
     "", 4},
    {"Automatically disabling TLS 1.0, ", 23285,
     "Automatically disabling TLS 1.0, to force-enable TLS 1.0 specify --sslDisabledProtocols "
     "'none'",
     "", 4},
    {"Found no addresses for ", 23021, "Found no addresses for peer", "peer~", 4},
    {"Failed to set up listener: SocketException: ", 20568, "Error setting up listener",
     "error=9001", 4},
    {"exception in initAndListen: ", 20557, "DBException in initAndListen, terminating", "error~",
     4},
    {"got signal ", 23377, "Received signal", "signal error", 4},
    {"will terminate after current cmd ends", 23381, "will terminate after current cmd ends", "",
     4},
    {"Entering quiesce mode", 4695102, "Entering quiesce mode for shutdown", "quiesceTimeMillis",
     4},
    {"shutdown: going to close listening sockets...", 20562,
     "Shutdown: going to close listening sockets", "", 4},
    {"now exiting", 20565, "Now exiting", "", 4},
    {"shutting down with code:", 23138, "Shutting down", "exitCode", 4},
    {"transition to primary complete; ", 21331,
     "Transition to primary complete; database writes are now permitted", "", 4},
    {"transition to %s from ", 21358, "Replica set state transition", "newState oldState", 4},
    {"Member %s is now in state %s", 21215, "Member is in new state", "hostAndPort newState", 4},
    {"Member %s is now in state PRIMARY", 21215, "Member is in new state",
     "hostAndPort newState=\"PRIMARY\"", 4},
    {"New replica set config in use: ", 21392, "New replica set config in use", "@config", 4},
    {"This node is %s in the config", 21393, "Found self in config", "hostAndPort", 4},
    {"This node is not a member of the config", 21394, "This node is not a member of the config",
     "", 4},
    {"replSetInitiate admin command received", 21356,
     "replSetInitiate admin command received from client", "", 4},
    {"replSetReconfig admin command received", 21352,
     "replSetReconfig admin command received from client", "@newConfig", 4},
    {"replSetReconfig config object parses ok", 21353, "replSetReconfig config object parses ok",
     "numMembers", 4},
    {"Waiting for the current config to propagate", 4508702,
     "Waiting for the current config to propagate to a majority of nodes", "", 4},
    {"Removed 'newlyAdded' config field", 4634504, "Removed 'newlyAdded' config field", "memberId",
     4},
    {"Stepping down the ReplicationCoordinator for shutdown", 4784900,
     "Stepping down the ReplicationCoordinator for shutdown", "waitTimeMillis", 4},
    {"Attempting to enter quiesce mode", 4794602, "Attempting to enter quiesce mode", "", 4},
    {"Exiting quiesce mode", 4695103, "Exiting quiesce mode for shutdown", "", 4},
    {"Attempting to step down in response to replSetStepDown command", 21579,
     "Attempting to step down in response to replSetStepDown command", "", 4},
    {"election succeeded, assuming primary role in term ", 21450,
     "Election succeeded, assuming primary role", "term", 4},
    {"conducting a dry run election ", 21438,
     "Conducting a dry run election to see if we could be elected", "currentTerm", 4},
    {"%srunning for election in term ", 21444, "Dry election run succeeded, running for election",
     "_ newTerm", 4},
    {"Starting an election, since we've seen no PRIMARY", 4615652,
     "Starting an election, since we've seen no PRIMARY in election timeout period",
     "electionTimeoutPeriodMillis", 4},
    {"Starting an election for a priority takeover", 4615660,
     "Starting an election for a priority takeover", "", 4},
    {"Starting an election due to step up request", 4615657,
     "Starting an election due to step up request", "", 4},
    {"VoteRequester(term %lld) failed", 51799, "VoteRequester processResponse",
     "term from failReason=\"failed to receive response\" error=6", 4},
    {"VoteRequester(term %lld) received", 51799, "VoteRequester processResponse",
     "term vote from _ message", 4},
    {"Handing off election to ", 21347, "Handing off election", "target", 4},
    {"can't see a majority of the set, ", 21809,
     "Can't see a majority of the set, relinquishing primary", "", 4},
    {"Caught up to the latest optime known via heartbeats", 21364,
     "Caught up to the latest optime known via heartbeats after becoming primary", "", 4},
    {"sync source candidate: ", 21799, "Sync source candidate chosen", "syncSource", 4},
    {"Heartbeat to %s failed after 2 retries", 23974, "Heartbeat failed after max retries",
     "target maxHeartbeatRetries=2 error:", 4},
    {"** WARNING: Using the XFS filesystem", 22297,
     "Using the XFS filesystem is strongly recommended with the WiredTiger storage engine. See "
     "http://dochub.mongodb.org/core/prodnotes-filesystem",
     "", 4},
    {"** WARNING: You are running this process as the root user", 22138,
     "You are running this process as the root user, which is not recommended", "", 4},
};

/* Lines that are of another severity or part there than in 4.2. */
static const struct {
    int id;
    char severity;
    const char *component;
} moved[] = {{20557, 'E', "CONTROL"}, {21347, 'I', "REPL"}};

static const struct row *row_of(const char *fmt)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strncmp(fmt, rows[i].fmt, strlen(rows[i].fmt)) == 0 &&
            version_at_least((int)rows[i].since, 0))
            return &rows[i];
    return NULL;
}

struct argument {
    char *text;
    bool number;
};

/* The next conversion of the format with its argument; false when there is none. */
static bool next_argument(const char **fmt, va_list *ap, struct argument *ret)
{
    const char *p = *fmt;
    int longs = 0, precision = -1;
    bool size = false;

    for (; (p = strchr(p, '%')) != NULL && p[1] == '%'; p += 2)
        ;
    if (p == NULL)
        return false;
    for (p++; strchr("0123456789.-lz*", *p) != NULL && *p != '\0'; p++) {
        longs += *p == 'l';
        size = size || *p == 'z';
        if (*p == '*')
            precision = va_arg(*ap, int);
    }
    ret->number = *p != 's' && *p != 'c';
    if (*p == 's') {
        const char *s = va_arg(*ap, const char *);

        ret->text = precision >= 0 ? strndup(s, (size_t)precision) : xstrdup(s);
    } else if (*p == 'c') {
        ret->text = xprintf("%c", va_arg(*ap, int));
    } else if (size) {
        ret->text = xprintf("%zu", va_arg(*ap, size_t));
    } else {
        ret->text = longs == 2   ? xprintf("%lld", va_arg(*ap, long long))
                    : longs == 1 ? xprintf("%ld", va_arg(*ap, long))
                                 : xprintf("%d", va_arg(*ap, int));
    }
    *fmt = p + 1;
    return true;
}

static void json_string(bson_string_t *to, const char *text)
{
    char *escaped = bson_utf8_escape_for_json(text, -1);

    bson_string_append_printf(to, "\"%s\"", escaped == NULL ? "" : escaped);
    bson_free(escaped);
}

static void json_key(bson_string_t *to, const char *name, size_t n)
{
    bson_string_append_printf(to, "%s\"%.*s\":", to->len > 1 ? "," : "", (int)n, name);
}

static void json_error(bson_string_t *to, int code, const char *name, const char *reason)
{
    json_key(to, "error", 5);
    bson_string_append_printf(to, "{\"code\":%d,\"codeName\":\"%s\",\"errmsg\":", code, name);
    json_string(to, reason);
    bson_string_append(to, "}");
}

static void json_document(bson_string_t *to, const bson_t *doc)
{
    char *text = doc == NULL ? NULL : bson_as_relaxed_extended_json(doc, NULL);

    bson_string_append(to, text == NULL ? "{}" : text);
    bson_free(text);
}

/* What a line's attributes are made from. */
struct source {
    const char *fmt, *rest; /* what follows next in the format; the line without its beginning */
    const char *message;
    const bson_t *attached;
    va_list *ap;
};

/* One word of a row's last column. */
static void add_attr(bson_string_t *to, const char *word, size_t n, struct source *from)
{
    struct argument a = {NULL, false}, b = {NULL, false};
    const char *is = memchr(word, '=', n);

    if (is != NULL && strncmp(word, "error=", 6) != 0) { /* the same for every such line */
        json_key(to, word, (size_t)(is - word));
        bson_string_append_printf(to, "%.*s", (int)(n - (size_t)(is + 1 - word)), is + 1);
        return;
    }
    if (strncmp(word, "error!", 6) == 0) {
        int code = (int)strtol(word + 6, NULL, 10);

        json_error(to, code, code_name(code), from->message);
        return;
    }
    if (word[n - 1] == '~') {
        json_key(to, word, n - 1);
        json_string(to, from->rest);
        return;
    }
    if (!next_argument(&from->fmt, from->ap, &a))
        return;
    if (is != NULL) {
        int code = (int)strtol(is + 1, NULL, 10);

        json_error(to, code, code_name(code), a.text);
    } else if (word[n - 1] == ':' && next_argument(&from->fmt, from->ap, &b)) {
        json_error(to, code_number(a.text), a.text, b.text);
    } else if (*word == '@') {
        json_key(to, word + 1, n - 1);
        json_document(to, from->attached);
    } else if (*word != '_') {
        bool plus = word[n - 1] == '+', date = word[n - 1] == '$', truth = word[n - 1] == '?';

        json_key(to, word, plus || date || truth ? n - 1 : n);
        if (plus) {
            bson_string_append_printf(to, "\"conn%s\"", a.text);
        } else if (date) {
            bson_string_append_printf(to, "{\"$date\":\"%s\"}", a.text);
        } else if (a.number || truth) {
            bson_string_append(to, a.text);
        } else if (strcmp(word, "ssl") == 0) {
            json_string(to, *a.text == '\0' ? "off" : "on");
        } else {
            json_string(to, a.text);
        }
    }
    free(a.text);
    free(b.text);
}

/* The words of the row's last column; they may hold blanks between quotation marks. */
static char *attributes(const char *words, struct source *from)
{
    bson_string_t *s = bson_string_new("{");

    while (*words != '\0') {
        size_t n = 0;
        bool quoted = false;

        while (words[n] != '\0' && (quoted || words[n] != ' ')) {
            quoted ^= words[n] == '"';
            n++;
        }
        add_attr(s, words, n, from);
        words += n + (words[n] == ' ');
    }
    bson_string_append(s, "}");
    return bson_string_free(s, false);
}

char *log_json(const struct log_place *at, const char *fmt, va_list ap)
{
    const char *component = at->component;
    char severity = at->severity;
    const struct row *row = row_of(fmt);
    bson_string_t *s = bson_string_new(NULL);
    char *attr, *message;
    va_list copy;

    for (size_t i = 0; row != NULL && i < COUNT_OF(moved); i++) {
        if (moved[i].id == row->id) {
            severity = moved[i].severity;
            component = moved[i].component;
        }
    }
    va_copy(copy, ap);
    message = xvprintf(fmt, copy);
    va_end(copy);
    bson_string_append_printf(s, "{\"t\":{\"$date\":\"%s\"},\"s\":\"%c\",  \"c\":\"%s\",%*s",
                              at->stamp, severity, component, 9 - (int)strlen(component), "");
    bson_string_append_printf(s, "\"id\":%lld,%*s\"ctx\":", row == NULL ? 0 : (long long)row->id,
                              row == NULL        ? 7
                              : row->id > 999999 ? 1
                                                 : 3,
                              "");
    json_string(s, at->context);
    bson_string_append(s, ",\"msg\":");
    json_string(s, row == NULL ? message : row->text);
    if (row != NULL) {
        va_copy(copy, ap);
        attr = attributes(row->attr, &(struct source){.fmt = fmt,
                                                      .message = message,
                                                      .rest = message + strcspn(message, ":") + 2,
                                                      .attached = at->attached,
                                                      .ap = &copy});
        va_end(copy);
        if (strcmp(attr, "{}") != 0)
            bson_string_append_printf(s, ",\"attr\":%s", attr);
        free(attr);
    }
    free(message);
    bson_string_append(s, at->startup ? ",\"tags\":[\"startupWarnings\"]}\n" : "}\n");
    return bson_string_free(s, false);
}
