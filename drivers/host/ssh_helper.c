#include "drivers/host/ssh_helper.h"

#include <string.h>

#include "reconciler/base/hash.h"

__asm__(".pushsection .rodata\n"
        ".global ek_ssh_helper_text\n"
        ".hidden ek_ssh_helper_text\n"
        "ek_ssh_helper_text:\n"
        ".incbin \"drivers/host/ssh_helper.sh\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char ek_ssh_helper_text[];

const char *ek_ssh_helper(size_t *ret_length)
{
    *ret_length = strlen(ek_ssh_helper_text) - 1;
    return ek_ssh_helper_text;
}

/* No quote, backslash, line end or exclamation mark: within single quotes it means the same to
 * every shell. One compound command: sudo compares words joined by blanks, so that the beginning
 * of it up to any blank could be run alone; none of these is a complete command. */
static void add_start(struct ek_buffer *text)
{
    char digest[EK_SHA256_HEX_SIZE];
    size_t length;
    const char *helper = ek_ssh_helper(&length);
    ek_sha256_hex(helper, length, digest);
    ek_buffer_printf(
        text,
        "if t=$(/usr/bin/head -c %zu); case $(printf %%s \"$t\" | /usr/bin/sha256sum) in "
        "%s*) true;; *) echo the helper is not this text >&2; exit 3;; esac; "
        "then eval \"$t\"; fi",
        length, digest);
}

void ek_ssh_remote_command(bool sudo, struct ek_buffer *ret_command)
{
    ek_buffer_printf(ret_command, "env LC_ALL=C %s/bin/sh -c '", sudo ? "sudo -n " : "");
    add_start(ret_command);
    ek_buffer_text_add(ret_command, "'");
}

void ek_ssh_sudoers_command(struct ek_buffer *ret_command)
{
    EK_BUFFER start = {0};
    add_start(&start);
    ek_buffer_text_add(ret_command, "/bin/sh -c ");
    for (const char *c = ek_buffer_text(&start); *c; c++) {
        if (strchr("\\=:,*?[]!", *c))
            ek_buffer_text_add(ret_command, "\\");
        ek_buffer_add(ret_command, c, 1);
    }
}
