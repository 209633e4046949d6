/* A short hash of bytes, to tell whether something is what it was: FNV-1a of 64 bits (Fowler, Noll,
 * Vo 1991). Anyone can make another text of the same hash; sha256.h is for files from elsewhere. */
#ifndef CLI_HASH_H
#define CLI_HASH_H

#include <stddef.h>
#include <stdint.h>

#define CLI_HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of what `hash` is of, and then `bytes`. */
static inline uint64_t cli_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
