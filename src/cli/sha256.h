/* SHA-256 (FIPS 180-4). */
#ifndef CLI_SHA256_H
#define CLI_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { CLI_SHA256_TEXT = 65 }; /* 64 hexadecimal digits and a NUL */

typedef struct cli_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64]; /* what does not fill a block yet */
} cli_sha256;

void cli_sha256_begin(cli_sha256 *hash);
void cli_sha256_add(cli_sha256 *hash, const void *data, size_t size);
/* Writes the digest in lower case; `hash` is then used up. */
void cli_sha256_end(cli_sha256 *hash, char text[CLI_SHA256_TEXT]);

#endif
