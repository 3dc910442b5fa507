/* What people set under net.tls and a server without TLS does not take: kept in its file as
 * comments, which become keys again with TLS. */
#ifndef EK_DRIVERS_HOST_SERVER_KEPT_H
#define EK_DRIVERS_HOST_SERVER_KEPT_H

#include "drivers/host/text_edit.h"
#include "drivers/host/yaml_tree.h"
#include "reconciler/base/buffer.h"

/* The comment lines, indented as `key`, for what is set in its section, which goes away: net.tls,
 * or net.ssl with its old names. Without what Evenkeel writes itself. */
void ek_server_keep(const struct ek_text_edit *edit, const struct ek_yaml_node *key,
                    const struct ek_yaml_node *section, struct ek_buffer *ret_lines);

/* Whether such comments hold that key. */
bool ek_server_has_kept(const struct ek_text_edit *edit, const char *key);

/* Take the comments out of the text, and give their keys as lines that are indented by `column`;
 * not those of `others`, names that are there already. */
void ek_server_bring_back(struct ek_text_edit *edit, const char *const *others, size_t other_count,
                          size_t column, struct ek_buffer *ret_lines);

#endif
