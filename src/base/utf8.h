/* Is a text UTF-8? Internal. */
#ifndef GR_BASE_UTF8_H
#define GR_BASE_UTF8_H

#include "base/base.h"

/* Is this UTF-8 (no overlong forms, no surrogates)? If not, *at is the first bad byte. */
bool gr_utf8_valid(const char *data, size_t size, size_t *at);

#endif
