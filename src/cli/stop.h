/* The wish to end early: Ctrl-C, or a reader of the output that has gone. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <gradus/train.h>
#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only asks to stop; a later one ends the process. A
 * terminal, `timeout` and a shell may each pass on the same wish: those that come together are one.
 */
void cli_catch_stop(void);
/* Signals end the process again, as they did at first. */
void cli_release_stop(void);
/* The wish ends this trainer's step, too; NULL: none's. */
void cli_stop_trainer(gr_trainer *trainer);

bool cli_stop_asked(void);  /* by a signal */
bool cli_stop_wanted(void); /* by a signal, or since nobody reads what is printed */
/* `code`, or, where that is CLI_INTERRUPTED, 128 and the signal that came. */
int cli_stop_status(int code);

#endif
