/* Random numbers as a pure function of key and counter, and streams of them. */
#include "base/base.h"

#include <math.h>

gr_philox4 gr_philox(uint64_t key, uint64_t counter_low, uint64_t counter_high)
{
    uint32_t x0 = (uint32_t)counter_low, x1 = (uint32_t)(counter_low >> 32);
    uint32_t x2 = (uint32_t)counter_high, x3 = (uint32_t)(counter_high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * x0, p1 = (uint64_t)0xCD9E8D57u * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* the golden ratio */
        k1 += 0xBB67AE85u; /* √3 − 1 */
    }
    return (gr_philox4){{x0, x1, x2, x3}};
}

gr_rng gr_rng_new(uint64_t seed, uint64_t stream)
{
    return (gr_rng){.key = seed, .stream = stream, .next = 0};
}

uint64_t gr_rng_u64(gr_rng *rng)
{
    gr_philox4 block = gr_philox(rng->key, rng->next / 2, rng->stream); /* two draws a block */
    int half = rng->next++ % 2 ? 2 : 0;
    return (uint64_t)block.v[half + 1] << 32 | block.v[half];
}

double gr_rng_uniform(gr_rng *rng)
{
    return (double)(gr_rng_u64(rng) >> 11) * 0x1p-53;
}

double gr_rng_normal(gr_rng *rng)
{
    double radius = sqrt(-2 * log(1 - gr_rng_uniform(rng))); /* 1 − u is never 0 */
    return radius * cos(6.283185307179586476925 * gr_rng_uniform(rng));
}

uint64_t gr_rng_below(gr_rng *rng, uint64_t bound)
{
    uint64_t refuse = (0 - bound) % bound; /* 2^64 mod bound: the draws that would be too many */
    uint64_t draw;
    do {
        draw = gr_rng_u64(rng);
    } while (draw < refuse);
    return draw % bound;
}

void gr_rng_shuffle(gr_rng *rng, int64_t *items, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)gr_rng_below(rng, (uint64_t)i + 1);
        int64_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}
