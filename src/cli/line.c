#include "cli/line.h"

#include "cli/out.h"

#include <stdlib.h>
#include <string.h>

static bool line_shown;

bool cli_line_can(void)
{
    const char *kind = getenv("TERM");
    return cli_is_terminal() && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* The last column stays free: some terminals go on to the next line once it is filled. */
int cli_line_width(void)
{
    const int columns = cli_columns();
    return columns > 1 ? columns - 1 : 1;
}

void cli_line(const char *format, ...)
{
    va_list list;
    if (!cli_line_can()) return;
    va_start(list, format);
    char *text = cli_format_list(format, list);
    va_end(list);
    char *plain = cli_visible(text, false);
    const size_t size = cli_text_cut(plain, cli_line_width());
    cli_flush();
    cli_print_raw("\r", 1);
    cli_print_raw(plain, size);
    if (plain[size])
        cli_print_raw(cli_color(CLI_PLAIN),
                      strlen(cli_color(CLI_PLAIN))); /* its end may be cut off */
    cli_print_raw("\033[K", 3);
    cli_flush();
    line_shown = true;
    free(plain);
    free(text);
}

void cli_line_clear(void)
{
    if (!line_shown) return;
    cli_print_raw("\r\033[K", 4);
    cli_flush();
    line_shown = false;
}
