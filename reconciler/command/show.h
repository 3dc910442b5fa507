/* What a plan file holds, printed. */
#ifndef EK_COMMAND_SHOW_H
#define EK_COMMAND_SHOW_H

#include "reconciler/command/options.h"
#include "reconciler/document/plan_file.h"

/* Print a plan file as the options want it, from the file alone. */
int ek_plan_file_print(const struct ek_options *options, const struct ek_plan_file *file,
                       const char *next_command, struct ek_error *err);

#endif
