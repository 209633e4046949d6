#include "cli/command.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *fault_command, *fault_place;
static bool fault_quiet;
static char **fault_held;

void cli_set_command(const char *name)
{
    fault_command = name;
}

void cli_set_quiet(bool quiet)
{
    fault_quiet = quiet;
}

bool cli_is_quiet(void)
{
    return fault_quiet;
}

void cli_hold_fault(char **held)
{
    fault_held = held;
}

void cli_set_place(const char *place)
{
    fault_place = place;
}

static void fault_print(const char *kind, const char *format, va_list list) GR_PRINTF(2, 0);

static void fault_list(const char *format, va_list list) GR_PRINTF(1, 0);

/* Messages quote names and texts of files, whatever is in those. */
static void fault_list(const char *format, va_list list)
{
    char *text = cli_format_list(format, list), *shown = cli_visible(text, false);
    fputs(shown, stderr);
    free(shown);
    free(text);
}

static void fault_print(const char *kind, const char *format, va_list list)
{
    if (fault_held) {
        char *text = cli_format_list(format, list);
        free(*fault_held);
        *fault_held =
            cli_format("%s%s%s", fault_place ? fault_place : "", fault_place ? ": " : "", text);
        free(text);
        return;
    }
    cli_line_clear();
    cli_flush(); /* in the order of events where both streams go to one place */
    fprintf(stderr, "gradus%s%s: %s%s%s", fault_command ? " " : "",
            fault_command ? fault_command : "", fault_place ? fault_place : "",
            fault_place ? ": " : "", kind);
    char *plain = cli_utf8() ? NULL : cli_ascii(format);
    fault_list(plain ? plain : format, list);
    free(plain);
    fputc('\n', stderr);
}

int cli_fault(int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fault_print("", format, list);
    va_end(list);
    return code;
}

int cli_bad(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fault_print("", format, list);
    va_end(list);
    return CLI_BAD;
}

void cli_warn(const char *format, ...)
{
    va_list list;
    if (fault_quiet) return;
    va_start(list, format);
    fault_print("warning: ", format, list);
    va_end(list);
}

int cli_exit_code(gr_status status)
{
    switch (status) {
    case GR_OK:
        return CLI_YES;
    case GR_NO_MEMORY:
    case GR_NOT_FOUND:
    case GR_IO:
    case GR_BUSY:
    case GR_UNSUPPORTED:
    case GR_INTERNAL:
        return CLI_ENVIRONMENT;
    case GR_CANCELLED:
        return CLI_INTERRUPTED;
    default:
        return CLI_BAD;
    }
}

int cli_failed(gr_status status)
{
    const char *message = gr_message();
    char *text = cli_spool_message(*message ? message : gr_status_text(status));
    const int code = cli_fault(cli_exit_code(status), "%s", text);
    free(text);
    return code;
}
