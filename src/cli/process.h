/* State of the process that main sets up. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

/* The subcommand's name in messages; NULL: none. The name must stay valid. */
void cli_set_command(const char *name);

#endif
