#include "cli/out.h"

#include "cli/command.h"
#include "cli/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { OUT_MIN_WIDTH = 40, OUT_MAX_WIDTH = 1000 };

static int out_error;  /* errno of the first write that failed */
static bool out_color; /* set once by cli_set_color */
static bool out_exact; /* set once by cli_keep_lines */
static FILE *out_copy; /* what takes the text instead of standard output; NULL: nothing */
static char *out_copied;
static size_t out_copied_size;

static void out_list(const char *format, va_list list) GR_PRINTF(1, 0);

static bool out_shown(void)
{
    return !out_copy && cli_is_terminal();
}

static void out_list(const char *format, va_list list)
{
    if (out_shown()) {
        char *text = cli_format_list(format, list);
        cli_print_text(text);
        free(text);
    } else if (vfprintf(out_copy ? out_copy : stdout, format, list) < 0 && !out_copy) {
        out_error = errno;
    }
}

void cli_print(const char *format, ...)
{
    va_list list;
    char *plain = NULL;
    if (out_error && !out_copy) return;
    for (const char *at = format; *at && !plain; at++)
        if ((unsigned char)*at >= 0x80 && !cli_utf8()) plain = cli_ascii(format);
    va_start(list, format);
    out_list(plain ? plain : format, list);
    va_end(list);
    free(plain);
}

void cli_print_text(const char *text)
{
    if (!out_shown() || out_exact) {
        cli_print_bytes(text, strlen(text));
        return;
    }
    char *visible = cli_visible(text, false);
    cli_flow(visible);
    free(visible);
}

void cli_print_bytes(const char *bytes, size_t size)
{
    if (!out_shown()) {
        cli_print_raw(bytes, size);
        return;
    }
    char *text = cli_visible_bytes(bytes, size, false);
    cli_flow_flush();
    cli_print_raw(text, strlen(text));
    free(text);
}

void cli_keep_lines(void)
{
    out_exact = true;
}

void cli_print_raw(const char *bytes, size_t size)
{
    if (out_copy)
        fwrite(bytes, 1, size, out_copy);
    else if (!out_error && fwrite(bytes, 1, size, stdout) < size)
        out_error = errno;
}

void cli_capture(void)
{
    out_copy = open_memstream(&out_copied, &out_copied_size);
    if (!out_copy) exit(cli_fault(CLI_ENVIRONMENT, "out of memory"));
}

char *cli_captured(void)
{
    const bool whole = fclose(out_copy) == 0;
    out_copy = NULL;
    if (!whole) exit(cli_fault(CLI_ENVIRONMENT, "out of memory"));
    return out_copied;
}

bool cli_lost(void)
{
    return out_error != 0;
}

void cli_flush(void)
{
    if (out_shown()) cli_flow_flush();
    if (!out_error && !out_copy && fflush(stdout) != 0) out_error = errno;
}

int cli_finish(int code)
{
    cli_flush();
    if (!out_error || out_error == EPIPE) return code;
    return cli_fault(CLI_ENVIRONMENT, "standard output: %s", strerror(out_error));
}

/* ---- The terminal --------------------------------------------------------------------------- */

bool cli_is_terminal(void)
{
    static int terminal = -1; /* every print asks */
    if (terminal < 0) terminal = isatty(STDOUT_FILENO) == 1;
    return terminal;
}

/* Of the terminal itself; 0: it does not tell. */
static int out_columns(void)
{
    struct winsize size;
    return cli_is_terminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* What $COLUMNS says; 0: nothing. */
static long out_wanted_columns(void)
{
    const char *columns = getenv("COLUMNS");
    return columns ? strtol(columns, NULL, 10) : 0;
}

int cli_columns(void)
{
    const long wanted = out_wanted_columns(), real = out_columns();
    if (wanted > 0 && (real <= 0 || wanted < real)) return (int)wanted;
    return real > 0 ? (int)real : 80;
}

int cli_width(void)
{
    long width = out_wanted_columns();
    if (width <= 0) width = out_columns();
    if (width <= 0) return cli_is_terminal() ? 80 : 0;
    if (width < OUT_MIN_WIDTH) return OUT_MIN_WIDTH;
    return width > OUT_MAX_WIDTH ? OUT_MAX_WIDTH : (int)width;
}

static const char *out_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool cli_utf8(void)
{
    const char *locale = out_environment("LC_ALL");
    if (!locale) locale = out_environment("LC_CTYPE");
    if (!locale) locale = out_environment("LANG");
    if (!locale) return false;
    return strstr(locale, "UTF-8") || strstr(locale, "utf8") || strstr(locale, "UTF8") ||
           strstr(locale, "utf-8");
}

const char *cli_glyph(const char *unicode, const char *ascii)
{
    return cli_utf8() ? unicode : ascii;
}

void cli_set_color(const char *when)
{
    const char *kind = getenv("TERM");
    bool capable = cli_is_terminal() && kind && strcmp(kind, "dumb") != 0;
    bool automatic = capable && !out_environment("NO_COLOR");
    out_color = strcmp(when, "always") == 0 || (strcmp(when, "auto") == 0 && automatic);
}

const char *cli_color(cli_style style)
{
    static const char *const codes[] = {
        [CLI_PLAIN] = "\033[0m", [CLI_BOLD] = "\033[1m",   [CLI_DIM] = "\033[2m",
        [CLI_RED] = "\033[31m",  [CLI_GREEN] = "\033[32m", [CLI_YELLOW] = "\033[33m",
    };
    return out_color ? codes[style] : "";
}

/* ---- Memory --------------------------------------------------------------------------------- */

void *cli_realloc(void *block, size_t count, size_t size)
{
    void *grown = size && count > SIZE_MAX / size ? NULL : realloc(block, count * size + 1);
    if (!grown) exit(cli_fault(CLI_ENVIRONMENT, "out of memory"));
    return grown;
}

double cli_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void *cli_alloc(size_t count, size_t size)
{
    void *block = cli_realloc(NULL, count, size);
    memset(block, 0, count * size);
    return block;
}

char *cli_format_list(const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    size_t size = length < 0 ? 1 : (size_t)length + 1;
    char *text = cli_alloc(size, 1);
    vsnprintf(text, size, format, list);
    return text;
}

char *cli_format(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = cli_format_list(format, list);
    va_end(list);
    return text;
}
