/* A compiled program as a table: what runs, in which order, by which kernel, where. */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <gradus/profile.h>

/* What a step computes: the name of its gate, what it was built for, the ops of a fused gate:
 * "fc1", "softmax", "adam: mul, add, sqrt". In new memory. */
char *cli_step_title(const gr_step_info *step);

/* Prints it, as text or one JSON object. Returns an exit status, after a message if it is not
 * CLI_YES. */
int cli_plan_print(const gr_program *program, bool as_json);

#endif
