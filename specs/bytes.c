/* The bytes of a file, before any YAML. */
#include <string.h>

#include "specs/node.h"
#include "specs/text.h"

static const char *problem_of(size_t size, uint32_t character)
{
    if (size == 0)
        return "bytes that are not UTF-8";
    if (character == 0)
        return "a NUL byte";
    if (character == '\t' || character == '\n' || character == '\r')
        return NULL;
    if (character < 0x20 || (character >= 0x7f && character < 0xa0))
        return "a control character";
    if (character == 0x2028 || character == 0x2029)
        return "a Unicode line separator";
    if (character == 0xfffe || character == 0xffff)
        return "a character that Unicode reserves";
    return NULL;
}

bool ek_bytes_check(const struct ek_spec_file *file, struct ek_diagnostics *diagnostics)
{
    struct ek_place at = {.line = 1, .column = 1, .length = 1};
    size_t offset = file->length >= 3 && memcmp(file->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (offset < file->length) {
        uint32_t character = 0;
        size_t size = ek_utf8_decode(file->text + offset, file->length - offset, &character);
        const char *problem = problem_of(size, character);
        if (problem) {
            ek_diagnostics_add(diagnostics, EK_WHERE(file, at, NULL), "EK-0302",
                               "the file holds %s", problem);
            ek_diagnostics_hint(diagnostics,
                                "specs are UTF-8 text; inside double quotes a special character "
                                "can be written as an escape");
            return false;
        }
        offset += size;
        bool pair = character == '\r' && offset < file->length && file->text[offset] == '\n';
        if ((character == '\n' || character == '\r') && !pair) {
            at.line++;
            at.column = 1;
        } else if (!pair) {
            at.column++;
        }
    }
    return true;
}
