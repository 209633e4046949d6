/* What commands read: nets from files or the command line. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli/command.h"

#include <stdio.h>

/* fread, which a signal does not cut short: fewer than `size` bytes mean the end, or ferror(file)
 * and errno. */
size_t cli_read(void *data, size_t size, FILE *file);

/* Reads a file of at most `limit` bytes into new memory, NUL-terminated, to be freed. Returns an
 * exit status, after a message if it is not CLI_YES. */
int cli_read_file(const char *path, size_t limit, char **text);

/* A line "name value" of a text, both without blanks around them, `value` possibly empty. They lie
 * in that text. Returns an exit status. */
typedef int (*cli_setting)(void *ctx, char *name, char *value, int line);

/* Goes through the lines of `text`, which it cuts up, but for empty ones and those that begin with
 * '#', until one's status is not CLI_YES, which it returns. Messages name `path` and the line. */
int cli_read_settings(const char *path, char *text, cli_setting setting, void *ctx);

/* A net as it is typed: the path of a file, or the text itself. *text is to be freed; *source names
 * it in messages: the path, or "--net". Returns an exit status as cli_read_file. */
int cli_read_net(const char *argument, char **text, const char **source);

/* Can a file be written there? Checked before long work; creates nothing and changes nothing.
 * Returns an exit status, after a message if it is not CLI_YES. */
int cli_check_output(const char *path);

/* The same for a figure, which --`option` asks for: its name has the ending of one, and this build
 * draws figures (and diagrams, if `diagram`). */
int cli_check_figure(const char *option, const char *path, bool diagram);

/* Is it a file or nothing yet, rather than a device, a pipe or a folder? */
bool cli_is_plain_file(const char *path);

/* "1,28,28" or "[1,28,28]" → shape. False for anything else. */
bool cli_read_shape(const char *text, gr_shape *shape);

#endif
