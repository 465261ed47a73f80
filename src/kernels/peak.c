/*
 * The multiply-add peak of a core: chains of multiply-adds on registers alone, so many that neither the
 * instruction's latency nor memory is the limit. What kernels are measured against. Compiled once for each
 * instruction set (WT_ISA names it); in the baseline, whose CPU may have no fused multiply-add, it is a loop
 * that the compiler makes the best of, which then is a lower bound of the peak.
 *
 * Vectors of the compiler instead of intrinsics: one source for all. Two conditions hold it together: this
 * file alone is compiled with contraction, without which there would be no fused multiply-add in it; and each
 * chain begins with another value, or the compiler would see that all are the same and keep one.
 */
#include "vector_unit.h"

#define NAME(suffix) JOIN(wt_, WT_ISA, suffix)

#if defined(__AVX512F__)
enum { BYTES = 64, CHAINS = 24 };
#elif defined(__AVX2__)
enum { BYTES = 32, CHAINS = 12 };
#elif defined(__aarch64__)
enum { BYTES = 16, CHAINS = 24 };
#else
enum { BYTES = 16, CHAINS = 12 };
#endif

typedef float vector __attribute__((vector_size(BYTES)));
enum { WIDTH = BYTES / sizeof(float) };

static vector repeat(float value) {
    return (vector){0} + value;
}

/* So that nothing is left out as unused. */
static void use_sums(const vector *sums) {
    volatile float sink = 0.0f;
    for (int n = 0; n < CHAINS; n++) sink = sink + sums[n][0];
}

double NAME(_peak_fp32)(int64_t rounds) {
    /* a ← 0.999·a + 0.001 stays near 1: no denormals, no infinity */
    const vector factor = repeat(0.999f), term = repeat(0.001f);
    vector sums[CHAINS];
    for (int n = 0; n < CHAINS; n++) sums[n] = repeat(1.0f + 0.01f * (float)n);
    for (int64_t i = 0; i < rounds; i++) {
#pragma GCC unroll 24
        for (int n = 0; n < CHAINS; n++) sums[n] = sums[n] * factor + term;
    }
    use_sums(sums);
    return 2.0 * WIDTH * CHAINS * (double)rounds;
}

#ifdef __AVX512F__
/* In assembly, so that the compiler needs not know the instruction. 32 products and 32 additions each; the
 * products of a pair cancel. */
double NAME(_peak_bf16)(int64_t rounds) {
    typedef uint16_t bf16_vector __attribute__((vector_size(BYTES)));
    enum { ONE = 0x3f80, MINUS_ONE = 0xbf80 };
    bf16_vector ones, signs;
    for (int i = 0; i < BYTES / 2; i++) {
        ones[i] = ONE;
        signs[i] = i % 2 ? MINUS_ONE : ONE;
    }
    vector sums[CHAINS];
    for (int n = 0; n < CHAINS; n++) sums[n] = repeat(1.0f + 0.01f * (float)n);
    for (int64_t i = 0; i < rounds; i++) {
#pragma GCC unroll 24
        for (int n = 0; n < CHAINS; n++) {
            vector sum = sums[n]; /* an element of an array would stay in memory */
            __asm__ volatile("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(ones), "v"(signs));
            sums[n] = sum;
        }
    }
    use_sums(sums);
    return 4.0 * WIDTH * CHAINS * (double)rounds;
}
#endif
