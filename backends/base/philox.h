/* Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"
 * (SC 2011), section 3.3. Owns: the block function. The sampler and the generators of tests both draw from
 * it. */
#ifndef STERNA_PHILOX_H
#define STERNA_PHILOX_H

#include <stdint.h>

typedef struct sterna_philox {
    uint32_t word[4];
} sterna_philox;

static inline sterna_philox sterna_philox4x32(uint32_t key0, uint32_t key1, uint32_t c0, uint32_t c1,
                                              uint32_t c2, uint32_t c3)
{
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ key0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return (sterna_philox){{c0, c1, c2, c3}};
}

#endif
