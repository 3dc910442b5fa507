/* The stand-in's message parser, fed with anything: `make fuzz`. The first byte chooses the kind of
 * message. */
#include "tests/standin/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message m = {0};

    if (size == 0)
        return 0;
    m.op = (data[0] & 1) == 0 ? OP_MSG : OP_QUERY;
    if (message_parse(&m, data + 1, size - 1) == 0) {
        (void)doc_first_key(&m.command);
        message_done(&m);
    }
    return 0;
}
