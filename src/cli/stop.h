/* The wish to end early: Ctrl-C, or a reader of the output that has gone. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only asks to stop; a second one ends the process. */
void cli_catch_stop(void);
bool cli_stop_asked(void);  /* by a signal */
bool cli_stop_wanted(void); /* by a signal, or since nobody reads what is printed */

#endif
