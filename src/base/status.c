/* Status words and this thread's message. */
#include "base/base.h"

#include <stdio.h>

#define STATUS_MESSAGE 2048

static _Thread_local char status_message[STATUS_MESSAGE];

#define STATUS_STRING_(x) #x
#define STATUS_STRING(x) STATUS_STRING_(x)

const char *gr_version(void)
{
    return STATUS_STRING(GR_VERSION_MAJOR) "." STATUS_STRING(GR_VERSION_MINOR) "." STATUS_STRING(
        GR_VERSION_PATCH);
}

const char *gr_status_text(gr_status status)
{
    static const char *const words[] = {
#define STATUS_WORDS(name, text) text,
        GR_STATUS_TABLE(STATUS_WORDS)
#undef STATUS_WORDS
    };
    size_t index = (size_t)status;
    return index < GR_LEN(words) ? words[index] : "unknown status";
}

const char *gr_message(void)
{
    return status_message;
}

/* A message that was cut must not end in half a UTF-8 character. */
static void status_trim(char *text, size_t capacity)
{
    size_t length = strlen(text);
    if (length + 1 < capacity) return;
    while (length > 0 && ((unsigned char)text[length - 1] & 0xC0) == 0x80) length--;
    if (length > 0 && ((unsigned char)text[length - 1] & 0x80)) length--;
    text[length] = '\0';
}

gr_status gr_fail_v(gr_status status, const char *format, va_list args)
{
    /* Through a second buffer: an argument may be the present message. */
    char text[STATUS_MESSAGE];
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
    status_trim(text, sizeof text);
    memcpy(status_message, text, strlen(text) + 1);
    return status;
}

gr_status gr_fail(gr_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gr_fail_v(status, format, args);
    va_end(args);
    return status;
}

gr_status gr_fail_prefix(gr_status status, const char *format, ...)
{
    char text[STATUS_MESSAGE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0) length = 0;
    size_t used = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    size_t rest = strlen(status_message), room = sizeof text - 1 - used;
    if (rest > room) rest = room;
    memcpy(text + used, status_message, rest);
    text[used + rest] = '\0';
    status_trim(text, sizeof text);
    memcpy(status_message, text, strlen(text) + 1);
    return status;
}

gr_status gr_no_memory(size_t bytes)
{
    return gr_fail(GR_NO_MEMORY, "out of memory: %zu bytes could not be allocated", bytes);
}
