#include "reconciler/command/command.h"
#include "reconciler/loop/journal.h"
#include "specs/describe.h"

int ek_command_schema(const struct ek_options *options)
{
    EK_BUFFER text = {0};
    if (options->log)
        ek_journal_schema(&text);
    else if (options->reference)
        ek_specs_reference(&text);
    else
        ek_specs_schema(&text);
    ek_print(&text);
    return EK_EXIT_OK;
}
