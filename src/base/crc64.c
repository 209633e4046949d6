/* CRC-64/XZ (the polynomial of ECMA-182, reflected): finds every run of up to 64 changed bits, so
 * every changed byte, with certainty. Eight bytes a round (Kounavis and Berry 2005, "A systematic
 * approach to building high performance software-based CRC generators"). */
#include "base/crc64.h"

void gr_crc64_start(gr_crc64 *crc)
{
    const uint64_t polynomial = 0xC96C5795D7870F42u;
    for (unsigned i = 0; i < 256; i++) {
        uint64_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? polynomial : 0);
        crc->table[0][i] = value;
    }
    for (int k = 1; k < 8; k++) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t before = crc->table[k - 1][i];
            crc->table[k][i] = before >> 8 ^ crc->table[0][before & 0xFF];
        }
    }
    crc->sum = ~(uint64_t)0;
}

static uint64_t crc64_go_on(const gr_crc64 *crc, uint64_t sum, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (; size >= 8; size -= 8, byte += 8) {
        uint64_t word; /* little-endian, as the files themselves */
        memcpy(&word, byte, 8);
        sum ^= word;
        uint64_t next = 0;
        _Pragma("GCC unroll 8") for (int k = 0; k < 8; k++)
        {
            next ^= crc->table[7 - k][sum >> 8 * k & 0xFF];
        }
        sum = next;
    }
    for (; size > 0; size--, byte++) sum = sum >> 8 ^ crc->table[0][(sum ^ *byte) & 0xFF];
    return sum;
}

void gr_crc64_add(gr_crc64 *crc, const void *data, size_t size)
{
    crc->sum = crc64_go_on(crc, crc->sum, data, size);
}

uint64_t gr_crc64_end(const gr_crc64 *crc)
{
    return ~crc->sum;
}

uint64_t gr_crc64_of(const gr_crc64 *tables, const void *data, size_t size)
{
    return ~crc64_go_on(tables, ~(uint64_t)0, data, size);
}
