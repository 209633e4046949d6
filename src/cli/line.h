/* The line at the foot of a terminal that tells how far the work is: the next one overwrites it. */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include <gradus/base.h>
#include <stdbool.h>

/* Is there a terminal that can overwrite a line? Where there is none, neither of the others does
 * anything. */
bool cli_line_can(void);
/* Shows the line, as much of it as fits. */
void cli_line(const char *format, ...) GR_PRINTF(1, 2);
/* Takes it away, if there is one: what is printed next begins where it began. */
void cli_line_clear(void);
/* Columns that it may take. */
int cli_line_width(void);

#endif
