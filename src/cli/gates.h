/* Gates of the user's own, from a shared object. */
#ifndef CLI_GATES_H
#define CLI_GATES_H

#include "cli/command.h"

#include <gradus/gates.h>

/* For the table of a command that reads nets or expressions. */
#define CLI_GATES_OPTION                                                                           \
    {                                                                                              \
        .name = "gates", .kind = CLI_TEXT, .argument = "FILE.so",                                  \
        .help = "a shared object with gates of your own, which texts then call by their names"     \
    }

/* Loads the object that the option names, if the command has it and it is given. Returns an exit
 * status, after a message if it is not CLI_YES. */
int cli_load_gates(const cli_args *args);
/* What has been loaded, for as long as the process lives; NULL: nothing. */
const gr_gates *cli_gates(void);

#endif
