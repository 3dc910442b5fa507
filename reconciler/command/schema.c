#include "reconciler/command/command.h"
#include "specs/describe.h"

int ek_command_schema(const struct ek_options *options)
{
    EK_BUFFER text = {0};
    (void)options;
    ek_specs_schema(&text);
    ek_print(&text);
    return EK_EXIT_OK;
}
