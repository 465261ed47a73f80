/*
 * Counter-based random numbers: a pure function of a key and a counter, so that
 * nothing depends on which rank, thread or tile asks, and nothing is stored.
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 */
#ifndef WAVETRAIN_RANDOM_H
#define WAVETRAIN_RANDOM_H

#include <stdint.h>

/* What a number is drawn for: draws for different purposes are unrelated. */
typedef enum {
    WT_RANDOM_INITIAL = 1, /* initial parameters: a = hash of the name, b = element */
    WT_RANDOM_ORDER,       /* order of an epoch: a = epoch */
    WT_RANDOM_VALIDATION,  /* order of the validation windows (constant seed) */
    WT_RANDOM_SPLIT,       /* files into train, validation, test */
    WT_RANDOM_GENERATE,    /* a = stream, b = sample */
    WT_RANDOM_SIMULATE,    /* simulated signals: a = utterance, b = sample */
    /* training windows drawn with replacement: a = position, b = 0, or 1 item and 2 window */
    WT_RANDOM_SAMPLING,
    WT_RANDOM_TEST,
    WT_RANDOM_NOISE,        /* on inputs: a = step, b = window and element */
    WT_RANDOM_CONDITION,    /* conditions that are dropped: a = step, b = window */
    WT_RANDOM_DROPOUT = 32, /* a = step and microbatch, b = layer and element */
    WT_RANDOM_SWEEP = 64,   /* points of a sweep: a = hash of the key's name, b = point */
} wt_random_purpose;

/* Four 32-bit words of (seed, purpose, a, b). b is taken below 2^56. */
void wt_random_words(uint32_t out[4], uint64_t seed, wt_random_purpose purpose, uint64_t a, uint64_t b);

/* In [0, 1), 53 bits. */
double wt_random_uniform(uint64_t seed, wt_random_purpose purpose, uint64_t a, uint64_t b);

/* Standard normal (Box-Muller). */
double wt_random_normal(uint64_t seed, wt_random_purpose purpose, uint64_t a, uint64_t b);

/*
 * Where position `index` of 0 … count−1 goes under a keyed permutation: a Feistel
 * network over the next even number of bits with cycle-walking (Black & Rogaway 2002).
 * Any position costs the same; nothing is stored.
 */
uint64_t wt_random_permute(uint64_t index, uint64_t count, uint64_t seed, wt_random_purpose purpose,
                           uint64_t a);

#endif
