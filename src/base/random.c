/* Philox4x32-10 from the Random123 library; see random.h for what the key and the counter are. */
#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

void wt_random_words(uint32_t out[4], uint64_t seed, wt_random_purpose purpose, uint64_t a, uint64_t b) {
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    /* b's upper 24 bits share a word with the purpose */
    philox4x32_ctr_t counter = {
        {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32) ^ ((uint32_t)purpose << 24)}};
    philox4x32_ctr_t words = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) out[i] = words.v[i];
}

static double to_uniform(uint32_t high, uint32_t low) {
    uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
    return (double)bits * 0x1p-53;
}

double wt_random_uniform(uint64_t seed, wt_random_purpose purpose, uint64_t a, uint64_t b) {
    uint32_t words[4];
    wt_random_words(words, seed, purpose, a, b);
    return to_uniform(words[0], words[1]);
}

double wt_random_normal(uint64_t seed, wt_random_purpose purpose, uint64_t a, uint64_t b) {
    uint32_t words[4];
    wt_random_words(words, seed, purpose, a, b);
    double radius = sqrt(-2.0 * log(1.0 - to_uniform(words[0], words[1]))); /* the argument is in (0, 1] */
    return radius * cos(2.0 * 3.14159265358979323846 * to_uniform(words[2], words[3]));
}

/* One round keyed by (seed, purpose, a, round): mixes `half`, of `bits` bits. */
static uint64_t feistel_round(uint64_t half, int bits, uint64_t seed, wt_random_purpose purpose, uint64_t a,
                              int round) {
    uint32_t words[4];
    wt_random_words(words, seed ^ ((uint64_t)(round + 1) << 56), purpose, a, half);
    return ((uint64_t)words[0] << 32 | words[1]) & ((UINT64_C(1) << bits) - 1);
}

uint64_t wt_random_permute(uint64_t index, uint64_t count, uint64_t seed, wt_random_purpose purpose,
                           uint64_t a) {
    if (count < 2) return index;
    int bits = 1; /* of each half: 2^(2·bits) ≥ count, and less than 4·count */
    while (bits < 32 && (count - 1) >> (2 * bits) != 0) bits++;
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    do {
        uint64_t left = index >> bits, right = index & mask;
        for (int round = 0; round < 6; round++) {
            uint64_t mixed = left ^ feistel_round(right, bits, seed, purpose, a, round);
            left = right;
            right = mixed;
        }
        index = left << bits | right;
    } while (index >= count);
    return index;
}
