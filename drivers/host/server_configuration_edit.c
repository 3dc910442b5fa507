/* Editing the server's configuration: libyaml says where things stand, bytes are
 * replaced there, and nothing else in the file moves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_configuration.h"
#include "drivers/host/server_edit_check.h"
#include "drivers/host/server_kept.h"
#include "drivers/host/server_tls_names.h"
#include "drivers/host/text_edit.h"
#include "drivers/host/yaml_tree.h"
#include "reconciler/base/memory.h"

struct wanted {
    const char *key;
    const char *raw; /* the value; NULL: the password's expansion, or not wanted */
    char *value;     /* as written in the file */
    bool left;       /* as it was found */
};

enum {
    WANTED_MODE,
    WANTED_FILE,
    WANTED_CA,
    WANTED_ALLOW,
    WANTED_PROTOCOLS,
    WANTED_CIPHERS,
    WANTED_PASSWORD,
    WANTED_COUNT
};

struct editor {
    const char *path;
    const struct ek_server_tls *tls;
    struct ek_text_edit *edit;
    const struct ek_yaml_node *root, *net_key, *net;
    size_t end_line; /* the first line that is not the document's any more */
    size_t step;     /* how many columns a level is indented by */
    char *command;   /* the __exec command, or NULL */
    struct wanted wanted[WANTED_COUNT];
    struct ek_error *err;
};

static int refuse_at(const struct editor *editor, size_t line, size_t column, const char *why)
{
    ek_fail(editor->err, EK_UNSUPPORTED, "EK-0411", "%s: %s", editor->path, why);
    if (editor->err) {
        snprintf(editor->err->at.file, sizeof editor->err->at.file, "%s", editor->path);
        editor->err->at.line = (int)line + 1;
        editor->err->at.column = (int)column + 1;
    }
    return EK_UNSUPPORTED;
}

static int refuse(const struct editor *editor, const struct ek_yaml_node *node, const char *why)
{
    return refuse_at(editor, node->line, node->column, why);
}

static bool is_null(const struct ek_yaml_node *node)
{
    return !node || (node->kind == EK_YAML_SCALAR && !*node->value && !node->block_text &&
                     node->line == node->end_line && node->column == node->end_column);
}

static bool is_blank_line(const struct ek_text_edit *edit, size_t line)
{
    size_t at = ek_text_line(edit, line);
    size_t end = ek_text_line(edit, line + 1);
    while (at < end && strchr(" \t\r\n", edit->text[at]))
        at++;
    return at == end;
}

/* The last line that holds something of the node. */
static size_t last_line(const struct ek_text_edit *edit, const struct ek_yaml_node *node)
{
    if (!node->flow && node->count > 0 && node->kind != EK_YAML_SCALAR)
        return last_line(edit, node->values[node->count - 1]);
    size_t line = node->end_line;
    if (node->end_column == 0 && line > node->line)
        line--;
    while (node->block_text && line > node->line && is_blank_line(edit, line))
        line--;
    return line;
}

/* Behind a section: its last line, and comments that are indented deeper than its key. */
static size_t section_end(const struct ek_text_edit *edit, const struct ek_yaml_node *key,
                          const struct ek_yaml_node *value)
{
    size_t line = last_line(edit, value);
    if (line < key->line)
        line = key->line;
    for (line++; line < edit->line_count; line++) {
        size_t start = ek_text_line(edit, line);
        size_t indent = strspn(edit->text + start, " ");
        if (indent <= key->column || edit->text[start + indent] != '#')
            break;
    }
    return line;
}

static bool starts_its_line(const struct ek_text_edit *edit, const struct ek_yaml_node *key)
{
    size_t start = ek_text_line(edit, key->line);
    return start + strspn(edit->text + start, " ") == ek_text_at(edit, key->line, key->column);
}

static bool plain_throughout(const struct ek_yaml_node *node)
{
    if (node->marked || node->kind == EK_YAML_ALIAS)
        return false;
    for (size_t i = 0; i < node->count; i++)
        if ((node->keys && !plain_throughout(node->keys[i])) || !plain_throughout(node->values[i]))
            return false;
    return true;
}

static int check_mapping(const struct editor *editor, const struct ek_yaml_node *key,
                         const struct ek_yaml_node *mapping, const char *name)
{
    char why[120];
    snprintf(why, sizeof why, "%s is not in block style, one key per line", name);
    if (!starts_its_line(editor->edit, key))
        return refuse(editor, key, why);
    if (is_null(mapping))
        return 0;
    if (mapping->kind != EK_YAML_MAPPING || mapping->flow)
        return refuse(editor, mapping, why);
    for (size_t i = 0; i < mapping->count; i++)
        if (!starts_its_line(editor->edit, mapping->keys[i]))
            return refuse(editor, mapping->keys[i], why);
    return 0;
}

static size_t line_of(const struct ek_text_edit *edit, size_t offset)
{
    size_t line = 0;
    while (line + 1 < edit->line_count && ek_text_line(edit, line + 1) <= offset)
        line++;
    return line;
}

/* Where a line ends by something that servers and we may count differently; the text's length:
 * nowhere. */
static size_t odd_line_end(const struct ek_text_edit *edit)
{
    for (size_t i = 0; i < edit->length; i++) {
        if (edit->text[i] == '\r' && (i + 1 == edit->length || edit->text[i + 1] != '\n'))
            return i;
        if (edit->length - i >= 2 && memcmp(edit->text + i, "\xC2\x85", 2) == 0)
            return i;
        if (edit->length - i >= 3 && (memcmp(edit->text + i, "\xE2\x80\xA8", 3) == 0 ||
                                      memcmp(edit->text + i, "\xE2\x80\xA9", 3) == 0))
            return i;
    }
    return edit->length;
}

static int check_dotted(const struct editor *editor, const struct ek_yaml_node *mapping,
                        const char *const *prefixes)
{
    for (size_t i = 0; mapping && i < mapping->count; i++)
        for (const char *const *prefix = prefixes; *prefix; prefix++)
            if (strncmp(mapping->keys[i]->value, *prefix, strlen(*prefix)) == 0)
                return refuse(editor, mapping->keys[i], "TLS options are written as dotted keys");
    return 0;
}

/* Find net and make sure that what follows may rely on lines and columns. */
static int find_net(struct editor *editor, const struct ek_yaml_tree *tree)
{
    static const char *const in_root[] = {"net.tls", "net.ssl", NULL};
    static const char *const in_net[] = {"tls.", "ssl.", NULL};
    if (tree->more_documents)
        return refuse_at(editor, tree->next_line, 0, "the file holds more than one document");
    editor->end_line = tree->ends_explicitly ? tree->end_line : editor->edit->line_count;
    size_t odd = odd_line_end(editor->edit);
    if (odd < editor->edit->length)
        return refuse_at(editor, line_of(editor->edit, odd), 0, "a line ends in an unusual way");
    editor->root = is_null(tree->root) ? NULL : tree->root;
    if (!editor->root)
        return 0;
    if (editor->root->kind != EK_YAML_MAPPING)
        return ek_yaml_fail(editor->err, editor->path, editor->root->line, editor->root->column,
                            "the file must hold keys and values");
    if (editor->root->marked || editor->root->flow)
        return refuse(editor, editor->root, "the file is not in plain block style");
    int result = check_dotted(editor, editor->root, in_root);
    editor->net = ek_yaml_find(editor->root, "net", &editor->net_key);
    if (result != 0 || !editor->net)
        return result;
    if (!plain_throughout(editor->net))
        return refuse(editor, editor->net, "net uses anchors, aliases or tags");
    result = check_mapping(editor, editor->net_key, editor->net, "net");
    if (result != 0)
        return result;
    if (is_null(editor->net))
        editor->net = NULL;
    return check_dotted(editor, editor->net, in_net);
}

/* ---- writing ---- */

static void find_step(struct editor *editor)
{
    const struct ek_yaml_node *root = editor->root;
    editor->step = 2;
    for (size_t i = 0; root && i < root->count; i++) {
        const struct ek_yaml_node *value = root->values[i];
        bool here = !editor->net || value == editor->net;
        if (here && value->kind == EK_YAML_MAPPING && !value->flow &&
            value->column > root->keys[i]->column) {
            editor->step = value->column - root->keys[i]->column;
            return;
        }
    }
}

/* Whether TLS is on there and clients need a certificate, said or not; or whether it is said. */
static bool certificates_decided(const struct editor *editor)
{
    static const char *const sections[] = {"tls", "ssl"};
    static const char allow[] = "allowConnectionsWithoutCertificates";
    for (size_t i = 0; editor->net && i < 2; i++) {
        const struct ek_yaml_node *section = ek_yaml_find(editor->net, sections[i], NULL);
        if (!section || section->kind != EK_YAML_MAPPING)
            continue;
        const struct ek_yaml_node *mode = ek_yaml_find(section, "mode", NULL);
        const struct ek_yaml_node *authorities = ek_yaml_find(section, "CAFile", NULL);
        bool on =
            !is_null(mode) && mode->kind == EK_YAML_SCALAR && strcmp(mode->value, "disabled") != 0;
        if (ek_yaml_find(section, allow, NULL) ||
            (i == 1 && ek_yaml_find(section, "weakCertificateValidation", NULL)) ||
            (on && !is_null(authorities)))
            return true;
    }
    return ek_server_has_kept(editor->edit, allow);
}

static bool want_value(struct editor *editor, size_t row, const char *raw, bool quoted)
{
    struct wanted *wanted = &editor->wanted[row];
    wanted->raw = raw;
    wanted->value = !raw ? NULL : quoted ? ek_server_quoted(raw) : strdup(raw);
    return wanted->value || !raw;
}

static int want(struct editor *editor)
{
    static const char *const keys[WANTED_COUNT] = {"mode",
                                                   "certificateKeyFile",
                                                   "CAFile",
                                                   "allowConnectionsWithoutCertificates",
                                                   "disabledProtocols",
                                                   "tlsCipherConfig",
                                                   EK_TLS_PASSWORD_KEY};
    const struct ek_server_tls *tls = editor->tls;
    enum ek_choice allow = tls->allow_connections_without_certificates;
    for (size_t row = 0; row < WANTED_COUNT; row++)
        editor->wanted[row].key = keys[row];
    editor->wanted[WANTED_ALLOW].left = allow == EK_CHOICE_DEFAULT && certificates_decided(editor);
    editor->wanted[WANTED_PROTOCOLS].left = !tls->disabled_protocols;
    editor->wanted[WANTED_CIPHERS].left = !tls->ciphers;
    bool all = want_value(editor, WANTED_MODE, ek_tls_mode_name(tls->mode), false) &&
               want_value(editor, WANTED_FILE, tls->certificate_key_file, true) &&
               want_value(editor, WANTED_CA, tls->ca_file, true) &&
               want_value(editor, WANTED_PROTOCOLS, tls->disabled_protocols, true) &&
               want_value(editor, WANTED_CIPHERS, tls->ciphers, true);
    if (all && !editor->wanted[WANTED_ALLOW].left)
        all = want_value(editor, WANTED_ALLOW, allow == EK_CHOICE_NO ? "false" : "true", false);
    if (tls->password_file) {
        EK_BUFFER command = {0};
        ek_server_password_command(tls->password_file, &command);
        editor->command = ek_buffer_take(&command);
        all = all && editor->command != NULL;
    }
    return all ? 0 : ek_no_memory(editor->err);
}

static bool is_wanted(const struct editor *editor, size_t row)
{
    return row == WANTED_PASSWORD ? editor->command != NULL : editor->wanted[row].value != NULL;
}

static void add_line(const struct editor *editor, struct ek_buffer *lines, size_t column,
                     const char *key, const char *value)
{
    ek_buffer_printf(lines, "%*s%s:%s%s%s", (int)column, "", key, *value ? " " : "", value,
                     editor->edit->line_end);
}

static void add_wanted(const struct editor *editor, struct ek_buffer *lines, size_t column,
                       size_t row)
{
    const struct wanted *wanted = &editor->wanted[row];
    if (row != WANTED_PASSWORD) {
        add_line(editor, lines, column, wanted->key, wanted->value);
        return;
    }
    char *command = ek_server_quoted(editor->command);
    if (!command) {
        ek_buffer_fail(lines);
        return;
    }
    add_line(editor, lines, column, wanted->key, "");
    add_line(editor, lines, column + editor->step, "__exec", command);
    add_line(editor, lines, column + editor->step, "type", "\"string\"");
    add_line(editor, lines, column + editor->step, "trim", "\"whitespace\"");
    free(command);
}

static void replace(const struct editor *editor, size_t from, size_t to, const struct ek_buffer *by)
{
    editor->edit->failed |= by->failed;
    ek_text_replace(editor->edit, from, to, ek_buffer_text(by));
}

/* The keys that were kept as comments, but those that the section has, or gets. */
static void bring_back(const struct editor *editor, size_t column, struct ek_buffer *lines)
{
    enum { OTHERS = 64 };
    const char *others[OTHERS];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct ek_yaml_node *section =
            editor->net ? ek_yaml_find(editor->net, i ? "ssl" : "tls", NULL) : NULL;
        for (size_t k = 0; section && section->keys && k < section->count && count < OTHERS / 2;
             k++)
            others[count++] =
                i ? ek_tls_name_of_ssl(section->keys[k]->value) : section->keys[k]->value;
    }
    for (size_t row = 0; row < WANTED_COUNT; row++)
        if (!editor->wanted[row].left)
            others[count++] = editor->wanted[row].key;
    EK_BUFFER kept = {0};
    ek_server_bring_back(editor->edit, others, count, column, &kept);
    ek_buffer_add(lines, ek_buffer_text(&kept), kept.length);
    ek_buffer_fail_with(lines, &kept);
}

/* Those of the wanted keys that `present` lacks; the section's own key first if asked. */
static void insert_missing(const struct editor *editor, size_t line, size_t column,
                           const char *section, const bool *present)
{
    EK_BUFFER lines = {0};
    if (section)
        add_line(editor, &lines, column, section, "");
    size_t inner = section ? column + editor->step : column;
    for (size_t row = 0; row < WANTED_COUNT; row++)
        if (!present[row] && is_wanted(editor, row))
            add_wanted(editor, &lines, inner, row);
    bring_back(editor, inner, &lines);
    if (lines.length == 0 && !lines.failed)
        return;
    size_t at = ek_text_line(editor->edit, line);
    replace(editor, at, at, &lines);
}

static void remove_lines(const struct editor *editor, const struct ek_yaml_node *key,
                         const struct ek_yaml_node *value)
{
    ek_text_replace(editor->edit, ek_text_line(editor->edit, key->line),
                    ek_text_line(editor->edit, section_end(editor->edit, key, value)), "");
}

static bool text_is(const struct ek_yaml_node *mapping, const char *key, const char *text)
{
    const struct ek_yaml_node *node = ek_yaml_find(mapping, key, NULL);
    return node && node->kind == EK_YAML_SCALAR && strcmp(node->value, text) == 0;
}

static bool has_value(const struct editor *editor, size_t row, const struct ek_yaml_node *value)
{
    if (row != WANTED_PASSWORD)
        return value->kind == EK_YAML_SCALAR && strcmp(value->value, editor->wanted[row].raw) == 0;
    return value->kind == EK_YAML_MAPPING && value->count == 3 &&
           text_is(value, "__exec", editor->command) && text_is(value, "type", "string") &&
           text_is(value, "trim", "whitespace");
}

static void set_value(const struct editor *editor, size_t row, const struct ek_yaml_node *key,
                      const struct ek_yaml_node *value)
{
    struct ek_text_edit *edit = editor->edit;
    if (has_value(editor, row, value))
        return;
    if (row != WANTED_PASSWORD && value->kind == EK_YAML_SCALAR && !value->block_text &&
        value->line == value->end_line && value->line == key->line) {
        EK_BUFFER text = {0};
        ek_buffer_printf(&text, "%s%s", is_null(value) ? " " : "", editor->wanted[row].value);
        replace(editor, ek_text_at(edit, value->line, value->column),
                ek_text_at(edit, value->end_line, value->end_column), &text);
        return;
    }
    EK_BUFFER lines = {0};
    add_wanted(editor, &lines, key->column, row);
    size_t last = last_line(edit, value);
    replace(editor, ek_text_line(edit, key->line), ek_text_line(edit, last + 1), &lines);
}

static void rename_key(const struct editor *editor, const struct ek_yaml_node *key,
                       const char *name)
{
    struct ek_text_edit *edit = editor->edit;
    ek_text_replace(edit, ek_text_at(edit, key->line, key->column),
                    ek_text_at(edit, key->end_line, key->end_column), name);
}

static size_t row_of(const struct editor *editor, const char *name)
{
    size_t row = 0;
    while (row < WANTED_COUNT && strcmp(editor->wanted[row].key, name) != 0)
        row++;
    return row < WANTED_COUNT && editor->wanted[row].left ? WANTED_COUNT : row;
}

/* One key of the section that is there; `ssl`: it still has its old name. */
static void edit_child(const struct editor *editor, const struct ek_yaml_node *section,
                       size_t index, bool ssl, bool *present)
{
    const struct ek_yaml_node *key = section->keys[index];
    const struct ek_yaml_node *value = section->values[index];
    const char *name = ssl ? ek_tls_name_of_ssl(key->value) : key->value;
    bool renamed = strcmp(name, key->value) != 0;
    size_t row = row_of(editor, name);
    bool managed = row < WANTED_COUNT;
    bool gone = strcmp(name, "sslOnNormalPorts") == 0; /* has no name under net.tls */
    if (renamed && ek_yaml_find(section, name, NULL))
        gone = true;
    if (gone || (managed && !is_wanted(editor, row))) {
        remove_lines(editor, key, value);
        return;
    }
    if (managed)
        present[row] = true;
    bool whole_lines = managed && row == WANTED_PASSWORD && !has_value(editor, row, value);
    if (renamed && !whole_lines)
        rename_key(editor, key, name);
    if (managed)
        set_value(editor, row, key, value);
}

static int turn_on(struct editor *editor)
{
    bool present[WANTED_COUNT] = {false};
    const struct ek_yaml_node *key = NULL;
    const struct ek_yaml_node *ssl_key = NULL;
    const struct ek_yaml_node *section = ek_yaml_find(editor->net, "tls", &key);
    const struct ek_yaml_node *ssl = ek_yaml_find(editor->net, "ssl", &ssl_key);
    size_t root_column = editor->root ? editor->root->column : 0;
    if (!editor->net) {
        bool no_key = !editor->net_key;
        size_t line = no_key ? editor->end_line : editor->net_key->line + 1;
        if (no_key) {
            EK_BUFFER net = {0};
            add_line(editor, &net, root_column, "net", "");
            size_t at = ek_text_line(editor->edit, line);
            replace(editor, at, at, &net);
        }
        insert_missing(editor, line, root_column + editor->step, "tls", present);
        return 0;
    }
    if (!section && !ssl) {
        insert_missing(editor, last_line(editor->edit, editor->net) + 1, editor->net->column, "tls",
                       present);
        return 0;
    }
    if (ssl) {
        int result = check_mapping(editor, ssl_key, ssl, "net.ssl");
        if (result != 0)
            return result;
    }
    if (section && ssl)
        remove_lines(editor, ssl_key, ssl);
    bool from_ssl = !section;
    if (from_ssl) {
        section = ssl;
        key = ssl_key;
        rename_key(editor, key, "tls");
    }
    int result = check_mapping(editor, key, section, "net.tls");
    if (result != 0)
        return result;
    if (is_null(section)) {
        insert_missing(editor, key->line + 1, key->column + editor->step, NULL, present);
        return 0;
    }
    for (size_t i = 0; i < section->count; i++)
        edit_child(editor, section, i, from_ssl, present);
    insert_missing(editor, last_line(editor->edit, section) + 1, section->column, NULL, present);
    return 0;
}

/* The server refuses every TLS key while the mode is disabled, so the section goes away as a whole;
 * what people set there themselves stays as comments. */
static int turn_off(struct editor *editor)
{
    static const char *const names[] = {"tls", "ssl"};
    size_t removed = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct ek_yaml_node *key;
        const struct ek_yaml_node *section = ek_yaml_find(editor->net, names[i], &key);
        if (!section)
            continue;
        EK_BUFFER kept = {0};
        ek_server_keep(editor->edit, key, section, &kept);
        replace(editor, ek_text_line(editor->edit, key->line),
                ek_text_line(editor->edit, section_end(editor->edit, key, section)), &kept);
        removed++;
    }
    if (removed > 0 && removed == editor->net->count) { /* an empty net is no option either */
        size_t line = editor->net_key->line;
        ek_text_replace(editor->edit, ek_text_line(editor->edit, line),
                        ek_text_line(editor->edit, line + 1), "");
    }
    return 0;
}

/* What was kept as a comment may be what people made of it meanwhile: a file that could not be
 * edited again is not written. */
static int check_editable(const struct ek_buffer *text, const char *path, struct ek_error *err)
{
    EK_YAML_TREE tree = {0};
    EK_TEXT_EDIT edit = {0};
    struct editor editor = {.path = path, .edit = &edit, .err = err};
    int result = ek_yaml_tree_parse(ek_buffer_text(text), text->length, path, &tree, err);
    if (result == 0)
        result = ek_text_edit_init(&edit, ek_buffer_text(text), text->length, err);
    return result ? result : find_net(&editor, &tree);
}

int ek_server_configuration_edit(const struct ek_server_text *file, const struct ek_server_tls *tls,
                                 struct ek_buffer *ret_text, struct ek_error *err)
{
    const char *text = file->bytes;
    const char *path = file->path;
    size_t length = file->length;
    size_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    EK_YAML_TREE tree = {0};
    EK_TEXT_EDIT edit = {0};
    EK_BUFFER body = {0};
    if (tls->mode == EK_SSL_UNKNOWN)
        return ek_fail(err, EK_BUG, "EK-0599", "%s: an unknown sslMode was to be written", path);
    int result = ek_yaml_tree_parse(text + mark, length - mark, path, &tree, err);
    if (result != 0)
        return result;
    result = ek_text_edit_init(&edit, text + mark, length - mark, err);
    if (result != 0)
        return result;
    struct editor editor = {.path = path, .tls = tls, .edit = &edit, .err = err};
    result = find_net(&editor, &tree);
    find_step(&editor);
    if (result == 0)
        result = want(&editor);
    if (result == 0) {
        result = tls->mode == EK_SSL_DISABLED ? turn_off(&editor) : turn_on(&editor);
    }
    for (size_t i = 0; i < WANTED_COUNT; i++)
        free(editor.wanted[i].value);
    free(editor.command);
    if (result != 0)
        return result;
    ek_buffer_add(&body, text, mark);
    EK_BUFFER edited = {0};
    ek_text_apply(&edit, &edited);
    ek_buffer_add(&body, ek_buffer_text(&edited), edited.length);
    ek_buffer_fail_with(&body, &edited);
    result = ek_buffer_check(&body, err);
    if (result == 0)
        result = check_editable(&edited, path, err);
    if (result == 0)
        result = ek_server_edit_check(file, &body, tls, err);
    if (result != 0)
        return result;
    *ret_text = body;
    body = (struct ek_buffer){0};
    return 0;
}
