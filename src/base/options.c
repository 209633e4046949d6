#include "base/base.h"

#include <stdint.h>

gr_status gr_options_copy(const char *type, void *known, size_t known_size, const void *given)
{
    size_t size = known_size;
    memset(known, 0, known_size);
    if (given) memcpy(&size, given, sizeof size);
    if (size < sizeof size)
        return gr_fail(GR_INVALID, "%s.size is %zu: should be the size of the struct, %zu", type,
                       size, known_size);
    for (size_t i = known_size; i < size; i++)
        if (((const uint8_t *)given)[i])
            return gr_fail(GR_UNSUPPORTED,
                           "%s.size is %zu: this library knows %zu bytes, and what follows them "
                           "is not zero",
                           type, size, known_size);
    if (given) memcpy(known, given, size < known_size ? size : known_size);
    memcpy(known, &known_size, sizeof known_size);
    return GR_OK;
}
