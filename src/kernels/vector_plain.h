/* Four floats of plain C, for any processor: the primitives that row_kernels.c takes of a vector unit. A
 * fused multiply-add is two roundings here. */
#ifndef WAVETRAIN_VECTOR_PLAIN_H
#define WAVETRAIN_VECTOR_PLAIN_H

#include <stdint.h>
#include <string.h>

#define VECTOR_SUPPORTED true
#define VECTOR_SUPPORTS_BF16 true
#define VECTOR_PEAK "a loop of multiply-adds, compiled for any CPU of this kind"

typedef float vector __attribute__((vector_size(16)));
typedef uint32_t vector_bits __attribute__((vector_size(16)));
enum { WIDTH = 4, REGISTERS = 16 };
#define vector_add(a, b) ((a) + (b))
#define vector_multiply(a, b) ((a) * (b))
#define vector_fused(a, b, c) ((a) * (b) + (c))

INLINE vector vector_of(float value) {
    return (vector){value, value, value, value};
}

INLINE vector vector_zero(void) {
    return vector_of(0.0f);
}

INLINE vector vector_load(const float *from) {
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void vector_store(float *to, vector v) {
    memcpy(to, &v, sizeof v);
}

INLINE vector_bits vector_load_bits(const float *from) {
    vector_bits bits;
    memcpy(&bits, from, sizeof bits);
    return bits;
}

INLINE vector vector_of_bits(vector_bits bits) {
    vector v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* As in the other units' headers. */
INLINE vector vector_low_halves(const float *from) {
    return vector_of_bits(vector_load_bits(from) << 16);
}

INLINE vector vector_high_halves(const float *from) {
    return vector_of_bits(vector_load_bits(from) & 0xffff0000u);
}

#endif
