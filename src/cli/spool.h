/* Standard input where a file is asked for. */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

/* `name`, or, if that is "-", the path of a file with all of standard input, which goes with the
 * process. Ends the process after a message where there is no room for it. */
const char *cli_spool(const char *name);
/* What messages call it: "-" for that path, else `name` itself. */
const char *cli_spool_name(const char *name);
/* `message` with "-" for that path, to be freed. */
char *cli_spool_message(const char *message);

#endif
