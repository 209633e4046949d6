#include "cli/command.h"
#include "cli/out.h"
#include "cli/process.h"

#include <stdio.h>
#include <string.h>

static const char *fault_command, *fault_place;

void cli_set_command(const char *name)
{
    fault_command = name;
}

void cli_set_place(const char *place)
{
    fault_place = place;
}

static void fault_print(const char *kind, const char *format, va_list list) GR_PRINTF(2, 0);

static void fault_print(const char *kind, const char *format, va_list list)
{
    cli_flush(); /* in the order of events where both streams go to one place */
    fprintf(stderr, "gradus%s%s: %s%s%s", fault_command ? " " : "",
            fault_command ? fault_command : "", fault_place ? fault_place : "",
            fault_place ? ": " : "", kind);
    vfprintf(stderr, format, list);
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
    return cli_fault(cli_exit_code(status), "%s", *message ? message : gr_status_text(status));
}
