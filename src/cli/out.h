/* Standard output and the terminal. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <gradus/base.h>
#include <stdarg.h>

/* Prints on standard output. A fault of writing is remembered, and later text dropped: a command
 * goes on with its work when the reader of its output has gone. On a terminal, lines that are too
 * long go on below between words, and control characters, which come from the user's files, are
 * shown as by cli_visible. */
void cli_print(const char *format, ...) GR_PRINTF(1, 2);
void cli_print_text(const char *text);
/* The same, in lines as they are: what a model writes. */
void cli_print_bytes(const char *bytes, size_t size);
/* The same as it is, on a terminal, too. */
void cli_print_raw(const char *bytes, size_t size);
/* From now on lines stay as they are: this is JSON, or another program's text. */
void cli_keep_lines(void);
void cli_flush(void);
/* From the first of these to the second, text is collected instead of printed. The second returns
 * it, to be freed. */
void cli_capture(void);
char *cli_captured(void);
/* Is nobody there to print for any more? */
bool cli_lost(void);
/* Flushes; turns an exit status into CLI_ENVIRONMENT, with a message, if output was lost. A reader
 * that closed the pipe early has what it wanted: that is no fault. */
int cli_finish(int code);

/* Decides about colour: "always", "never", or "auto" (a terminal that can, and no NO_COLOR). */
void cli_set_color(const char *when);

bool cli_is_terminal(void); /* standard output */
int cli_columns(void);      /* those of the terminal as they are; where it does not tell, 80 */
/* Columns to lay text out for, at least 40: $COLUMNS, else the terminal's, else 0 for no limit. */
int cli_width(void);
bool cli_utf8(void); /* may text outside ASCII be printed? */

typedef enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW } cli_style;
/* The escape sequence that begins a style (CLI_PLAIN ends it); "" without colour. */
const char *cli_color(cli_style style);

/* `unicode` if the terminal shows it, else `ascii`. */
const char *cli_glyph(const char *unicode, const char *ascii);

/* `text` in ASCII, for terminals that show no more: "..." for "…", "?" for what has no such form.
 * To be freed. What cli_print's formats, wrapped text and the names of columns consist of goes
 * through it where it must; what they tell of the user's own files does not. */
char *cli_ascii(const char *text);

/* `text` with what is no character of text written out: "\x1b" for control characters and bytes
 * that are no UTF-8, "\u202e" for those that turn the direction of what follows. The command's own
 * colours stay, and line breaks and tabs unless it is within a line. To be freed. */
char *cli_visible(const char *text, bool in_line);
char *cli_visible_bytes(const char *text, size_t size, bool in_line);

/* Columns that `text`, UTF-8 with escape sequences of colours, takes. */
int cli_text_width(const char *text);
/* Bytes of the longest part from the start of `text` that takes at most `columns`. */
size_t cli_text_cut(const char *text, int columns);
/* Prints words with line breaks, each line indented; `column` is where the first one begins. */
void cli_print_wrapped(const char *text, int indent, int column, int width);
/* A bar of `width` columns, filled by a share from 0 to 1. To be freed. */
char *cli_bar(double share, int width);

/* Text that is laid out into `text[size]`: "1.2 M", "3.4 MiB", "1:02:03", "12.3 s". */
char *cli_show_count(double count, char *text, size_t size);
char *cli_show_bytes(double bytes, char *text, size_t size);
char *cli_show_time(double seconds, char *text, size_t size);
/* Three digits of a time that may be short: "245 ns", "1.32 ms", "2.50 s". */
char *cli_show_moment(double seconds, char *text, size_t size);
/* The shortest decimal that reads back as `value`: "0.1", "1e-30", "nan". */
char *cli_show_real(double value, char *text, size_t size);
/* The same for a float. */
char *cli_show_real32(float value, char *text, size_t size);

double cli_clock(void); /* seconds; what it counts from is no matter */

/* Memory for the command's own use. Ends the process with CLI_ENVIRONMENT if there is none. */
void *cli_alloc(size_t count, size_t size);
void *cli_realloc(void *block, size_t count, size_t size);
/* Formats into new memory, to be freed. */
char *cli_format(const char *format, ...) GR_PRINTF(1, 2);
char *cli_format_list(const char *format, va_list list) GR_PRINTF(1, 0);

#endif
