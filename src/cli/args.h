/* Parsing of a command line by a command's table. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "cli/command.h"

/* The commands of commands.def, in its order; NULL ends them. */
extern const cli_command *const cli_commands[];

/* Options that every command has. */
extern const cli_option cli_common_options[];

/* Parses argv[0…argc-1], which follow the command's name. Options may stand before, between and
 * after operands; "--" ends them. Returns CLI_YES, or CLI_BAD after a message; *args is NULL then.
 * With --help nothing else is required. Free with cli_args_free. */
int cli_args_parse(const cli_command *command, int argc, char **argv, cli_args **args);
void cli_args_free(cli_args *args);

/* ---- Options from elsewhere than the command line ------------------------------------------ */

bool cli_args_has(const cli_args *args, const char *name); /* does the command have the option? */
/* Sets an option that the command line leaves open; "" is the argument of a flag. Returns CLI_YES,
 * or CLI_BAD after a message: unknown, set before, not such an argument. `text` must live as long
 * as args. */
int cli_args_set(cli_args *args, const char *name, const char *text);
/* The same for what is taken if nothing else says so: an option that has been set stays. */
int cli_args_default(cli_args *args, const char *name, const char *text);
/* Is `text` an argument of the option? CLI_YES, or CLI_BAD after a message. */
int cli_option_check(const cli_option *option, const char *text);
/* `memory`, which is freed with args. */
void *cli_args_keep(cli_args *args, void *memory);

/* The word nearest to `word` by edit distance, near enough to have been meant; else NULL.
 * Candidates are words[0…n-1]. */
const char *cli_nearest(const char *word, const char *const *words, int n);

/* The help of a command, or of all of them (NULL), on standard output. */
void cli_help(const cli_command *command);
int cli_help_width(void); /* that it is laid out for */

#endif
