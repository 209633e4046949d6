/* The report of a gradient check, as printed. */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include "cli/json.h"

#include <gradus/check.h>

/* A table of the entries, remarks about those that are no plain pass, and the verdict. */
void cli_print_check(const gr_check_report *report, double tolerance);
/* {"passed", "tolerance", "entries": [{"name", "shape", "tried", "error", "index", "analytic",
 * "numeric", "kinks", "faults", "verdict"}…]} */
void cli_json_check(cli_json *json, const char *key, const gr_check_report *report,
                    double tolerance);

#endif
