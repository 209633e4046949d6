/* The configuration file: what a user wants everywhere.
 *
 *     # comment
 *     color never
 *     train.epochs 20
 *     GRADUS_DATA /srv/data
 *
 * Each line is an option, of all commands that have it or (COMMAND.OPTION) of one, or an
 * environment variable of Gradus, and its value. The file is $GRADUS_CONFIG, else gradus/config in
 * $XDG_CONFIG_HOME or ~/.config. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/args.h"

/* Its path, to be freed; NULL: none is wanted (GRADUS_CONFIG is empty), or there is no home. */
char *cli_config_path(void);

/* Reads the file, if there is one, and sets the variables that the environment leaves open; called
 * once, before anything reads them. A wrong line is refused, with file and line, whatever the
 * command is. Returns an exit status. */
int cli_config_load(void);
/* Takes the options that the command line and a recipe leave open. */
int cli_config_apply(const cli_command *command, cli_args *args);

/* Does the environment say what the option would? Then recipes and the file do not. */
bool cli_config_overruled(const char *option);

#endif
