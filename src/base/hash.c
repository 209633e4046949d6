/* A hash of bytes that never changes: names of variables seed random numbers by it. */
#include "base/base.h"

uint64_t gr_hash(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *byte = data;
    uint64_t hash = 0xCBF29CE484222325u ^ seed; /* FNV-1a */
    for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 0x100000001B3u;
    hash ^= hash >> 33; /* the final mix of MurmurHash3: every bit reaches every other */
    hash *= 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 33;
    hash *= 0xC4CEB9FE1A85EC53u;
    hash ^= hash >> 33;
    return hash;
}

uint64_t gr_hash_text(const char *text)
{
    return gr_hash(text, strlen(text), 0);
}
