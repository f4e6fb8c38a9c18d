/* $name: a network of signs as one C99 header, made by bnnkit $version.
 *
 * $summary
 * No malloc, no libc, no floating point; the constants belong into flash. Include it in one file:
 *
$usage
 */
#ifndef ${NAME}_H
#define ${NAME}_H

#include <stdint.h>

$macros
typedef $input ${name}_input; /* what the network reads$reads */
typedef $score ${name}_score;

$constants
/* The bits that differ between two rows. Padding is 0 on both sides and never differs. */
static inline uint32_t ${name}_differ(const uint32_t *a, const uint32_t *b, uint32_t words)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t x = a[i] ^ b[i];
        x -= (x >> 1) & UINT32_C(0x55555555);
        x = (x & UINT32_C(0x33333333)) + ((x >> 2) & UINT32_C(0x33333333));
        x = (x + (x >> 4)) & UINT32_C(0x0F0F0F0F);
        total += (x * UINT32_C(0x01010101)) >> 24;
    }
    return total;
}

$functions
/* The class with the largest score, the first of equals. */
static inline uint32_t ${name}_largest(const ${name}_score *scores)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < ${NAME}_CLASSES; c++) {
        if (scores[c] > scores[best]) {
            best = c;
        }
    }
    return best;
}

$predict
#endif
