/* Remarks to the program that uses the library. */
#include "base/base.h"

#include <stdio.h>

static gr_log_fn *log_fn;
static void *log_user;

void gr_set_log(gr_log_fn *fn, void *user)
{
    log_fn = fn;
    log_user = user;
}

void gr_remark(gr_log_level level, const char *format, ...)
{
    if (!log_fn) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length >= 0) log_fn(log_user, level, text);
}
