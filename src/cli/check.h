/* What the files of gradus check share. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/command.h"

#include <gradus/check.h>

/* The options of gr_check as the command line gives them; `samples` is what 0 means. */
gr_check_options cli_check_options(const cli_args *args, int64_t samples);
/* Prints the report, headed by `title`, and frees it. Returns the exit status of the verdict. */
int cli_check_conclude(const cli_args *args, const char *title, gr_check_report *report);

/* Checks the gradient of a net's or model's loss by its parameters and its input. */
int cli_check_net(const cli_args *args);

#endif
