/* Recipes: files of options, as `nets/lenet.recipe`.
 *
 *     # comment
 *     net lenet.net
 *     batch 64
 *     exact
 *
 * Each line is a long option of gradus train without its dashes, and its argument. Files that lie
 * beside the recipe, named by `net` and `data`, are found there. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "cli/args.h"

/* Reads the recipe that the option "recipe" names, or the one beside the net that operand 0 is, and
 * takes the options that the command line leaves open from it: for gradus train all, for other
 * commands the net and its input. Does nothing where there is no recipe. Returns CLI_YES, or an
 * exit status after a message with file and line. */
int cli_recipe_read(const cli_command *command, cli_args *args);

/* Does it end in ".net"? NULL does not. */
bool cli_is_net_file(const char *path);

#endif
