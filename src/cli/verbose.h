/* What --verbose tells, on standard error. */
#ifndef CLI_VERBOSE_H
#define CLI_VERBOSE_H

#include <stdbool.h>

/* From now on the remarks of the library are printed. */
void cli_verbose_begin(void);
bool cli_is_verbose(void);
/* Prints time and memory. */
void cli_verbose_end(void);

#endif
