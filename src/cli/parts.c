#include "cli/process.h"

#include <string.h>

#ifndef GRADUS_PARTS
#define GRADUS_PARTS ""
#endif

const char *cli_parts(void)
{
    return GRADUS_PARTS;
}

bool cli_has_part(const char *name)
{
    size_t length = strlen(name);
    const char *at = GRADUS_PARTS;
    while (*at) {
        size_t n = strcspn(at, " ");
        if (n == length && memcmp(at, name, n) == 0) return true;
        at += n + strspn(at + n, " ");
    }
    return false;
}
