#include "base/utf8.h"

bool gr_utf8_valid(const char *data, size_t size, size_t *at)
{
    const unsigned char *byte = (const unsigned char *)data;
    for (size_t i = 0; i < size;) {
        *at = i;
        size_t more = byte[i] < 0x80                       ? 0
                      : byte[i] >= 0xC2 && byte[i] < 0xE0  ? 1
                      : byte[i] >= 0xE0 && byte[i] < 0xF0  ? 2
                      : byte[i] >= 0xF0 && byte[i] <= 0xF4 ? 3
                                                           : 4;
        if (more == 4 || more > size - i - 1) return false;
        for (size_t k = 1; k <= more; k++) {
            if ((byte[i + k] & 0xC0) != 0x80) return false;
        }
        /* Overlong forms, surrogates, and what lies beyond U+10FFFF show in the second byte. */
        if ((byte[i] == 0xE0 && byte[i + 1] < 0xA0) || (byte[i] == 0xED && byte[i + 1] > 0x9F) ||
            (byte[i] == 0xF0 && byte[i + 1] < 0x90) || (byte[i] == 0xF4 && byte[i + 1] > 0x8F)) {
            return false;
        }
        i += more + 1;
    }
    return true;
}
