/* What is installed beside the command and made of the same tables: pages of the manual, and
 * completions of three shells. */
#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include "cli/command.h"

/* The page of a command, or that of `gradus` itself (NULL), for man, on standard output. It bears
 * the day of $SOURCE_DATE_EPOCH, if that is set. */
void cli_man(const cli_command *command);

/* The completions for a shell, on standard output. Returns CLI_BAD after a message if `shell` is
 * none of bash, zsh, fish. */
int cli_completion(const char *shell);

#endif
