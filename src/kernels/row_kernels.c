/*
 * Products of one row, or a few, for generation: the time goes into reading the weights, which are far
 * more than a row. They are packed in the order in which a call reads them, in groups of GROUP vectors of
 * columns, [group][in] [columns of the group], the last vector filled up with zeros: so many sums are on
 * their way at once that none waits for the one before, and the processor sees a single stream of lines,
 * which it fetches ahead by itself. Compiled once for each instruction set (WT_ISA names it).
 *
 * In bf16, 32 bits hold two weights, of columns that are a vector apart, the first one low: one
 * instruction each widens them to fp32. Sums are of fp32 numbers as elsewhere.
 *
 * Each element is one chain of fused multiply-adds over its terms in order, as in product_kernels.c: a row
 * of a stream has the bits of the same row in a forward pass, whatever the number of rows, columns and
 * threads.
 */
#include "vector_unit.h"

#include <string.h>

#include "bf16.h"

#define NAME(suffix) JOIN(wt_, WT_ISA, suffix)

#ifdef WT_VECTOR
#include WT_VECTOR
#else
#include "vector_plain.h"
#endif
#include "gate_lanes.h"

enum { GROUP = 8, GROUP_COLUMNS = GROUP * WIDTH };

/* --- packed weights --- */

static ptrdiff_t whole(ptrdiff_t columns, ptrdiff_t width) {
    return (columns + width - 1) / width * width;
}

size_t NAME(_rows_packed_count)(int in, int out) {
    return (size_t)in * (size_t)whole(out, WIDTH);
}

size_t NAME(_rows_bf16_packed_count)(int in, int out) {
    return (size_t)in * (size_t)whole(out, 2 * WIDTH) / 2;
}

static float weight_of(const float *w, const int size[2], bool transposed, ptrdiff_t i, ptrdiff_t o,
                       float scale) {
    if (o >= size[1]) return 0.0f;
    return scale * (transposed ? w[o * size[0] + i] : w[i * size[1] + o]);
}

void NAME(_rows_pack)(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    const int size[2] = {in, out};
    for (ptrdiff_t first = 0; first < out; first += GROUP_COLUMNS) {
        const ptrdiff_t end = first + GROUP_COLUMNS < out ? first + GROUP_COLUMNS : whole(out, WIDTH);
        for (ptrdiff_t i = 0; i < in; i++) {
            for (ptrdiff_t o = first; o < end; o++) *packed++ = weight_of(w, size, transposed, i, o, scale);
        }
    }
}

void NAME(_rows_bf16_pack)(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    const int size[2] = {in, out};
    for (ptrdiff_t first = 0; first < out; first += GROUP_COLUMNS) {
        const ptrdiff_t end = first + GROUP_COLUMNS < out ? first + GROUP_COLUMNS : whole(out, 2 * WIDTH);
        for (ptrdiff_t i = 0; i < in; i++) {
            for (ptrdiff_t o = first; o < end; o += 2 * WIDTH) {
                for (ptrdiff_t c = o; c < o + WIDTH; c++) {
                    const float low = weight_of(w, size, transposed, i, c, scale);
                    const float high = weight_of(w, size, transposed, i, c + WIDTH, scale);
                    *packed++ = wt_bf16_bits_float(wt_bf16_pair(low, high));
                }
            }
        }
    }
}

#ifdef WT_FUSED
/* For many rows: fp32 numbers that bf16 has. */
void NAME(_rounded_pack)(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    NAME(_pack)(packed, w, in, out, transposed, scale);
    wt_kernels_round_to_bf16(packed, NAME(_packed_count)(in, out));
}
#endif

/* --- y = x·w --- */

/* `count` columns at most, which may be fewer than a vector. */
INLINE vector load_row_columns(const float *from, ptrdiff_t count) {
    float some[WIDTH] = {0};
    if (count >= WIDTH) return vector_load(from);
    memcpy(some, from, (size_t)count * sizeof *some);
    return vector_load(some);
}

INLINE void store_row_columns(float *to, vector v, ptrdiff_t count) {
    float some[WIDTH];
    if (count >= WIDTH) {
        vector_store(to, v);
        return;
    }
    vector_store(some, v);
    memcpy(to, some, (size_t)count * sizeof *some);
}

/* What a block of the output is made of. */
typedef struct {
    float *y; /* its first element */
    ptrdiff_t ldy, row, column, columns, group, stride, gates;
    const wt_operand *operands;
    int count;
    const wt_finish *finish;
    const float *begun; /* of a gate: what the block's sums begin with */
    ptrdiff_t ldbegun;
    const wt_gate_condition *conditions; /* of the gate's first row */
    int condition_count, rows;
} block;

/* The sums through the rest of the formula. */
INLINE void finish_vector(const block *b, vector sum, ptrdiff_t r, ptrdiff_t c) {
    const ptrdiff_t o = b->column + c, left = b->columns - c;
    const wt_finish *finish = b->finish;
    if (left <= 0) return; /* bf16 packs vectors in pairs */
    if (finish->bias) sum = vector_add(sum, load_row_columns(finish->bias + o, left));
    if (finish->add)
        sum = vector_add(sum, load_row_columns(finish->add + (b->row + r) * finish->ldadd + o, left));
    store_row_columns(b->y + r * b->ldy + c, vector_multiply(sum, vector_of(finish->scale)), left);
}

/* Of a gate: a vector of filters and one of gates. */
INLINE void finish_gate(const block *b, vector filter, vector gate, ptrdiff_t r, ptrdiff_t c) {
    const float *bias = b->finish->bias ? b->finish->bias + b->column + c : NULL;
    const ptrdiff_t first = (b->column + c) / 2;
    if (bias) filter = vector_add(filter, vector_load(bias));
    if (bias) gate = vector_add(gate, vector_load(bias + WIDTH));
    for (int n = 0; n < b->condition_count; n++) {
        const wt_gate_condition *condition = &b->conditions[n * b->rows + b->row + r];
        const float *x = condition->x + first;
        for (int j = 0; j < condition->count; j++, x += condition->ldx) {
            const vector k = vector_of(condition->k[j * condition->ldk]);
            filter = vector_fused(k, load_row_columns(x, b->gates - first), filter);
            gate = vector_fused(k, load_row_columns(x + condition->apart, b->gates - first), gate);
        }
    }
    store_gate(b->y + r * b->ldy + first, filter, gate, b->gates - first);
}

/* `vectors` vectors, which begin at b->column of a group whose packed rows are b->stride elements. */
INLINE void multiply_row_block(int rows, int vectors, bool bf16, bool gate, const block *b) {
    vector sum[4][GROUP];
    for (int r = 0; r < rows; r++) {
        const float *begun = gate ? b->begun + (b->row + r) * b->ldbegun : NULL;
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[r][v] = gate ? vector_load(begun + v * WIDTH) : vector_zero();
    }
    for (int n = 0; n < b->count; n++) {
        const ptrdiff_t ldx = b->operands[n].ldx, in = b->operands[n].in;
        const ptrdiff_t at = b->group * in + (b->column - b->group);
        const float *x = b->operands[n].x + b->row * ldx, *w = b->operands[n].packed + (bf16 ? at / 2 : at);
        for (ptrdiff_t i = 0; i < in; i++, w += b->stride) {
            vector value[4];
            for (int r = 0; r < rows; r++) value[r] = vector_of(x[r * ldx + i]);
#pragma GCC unroll 8
            for (int v = 0; v < vectors; v++) {
                const float *from = bf16 ? w + v / 2 * WIDTH : w + v * WIDTH;
                const vector weight = !bf16   ? vector_load(from)
                                      : v % 2 ? vector_high_halves(from)
                                              : vector_low_halves(from);
                for (int r = 0; r < rows; r++) sum[r][v] = vector_fused(value[r], weight, sum[r][v]);
            }
        }
    }
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            if (!gate) {
                finish_vector(b, sum[r][v], r, v * WIDTH);
            } else if (v % 2 == 0) {
                finish_gate(b, sum[r][v], sum[r][v + 1], r, v * WIDTH);
            }
        }
    }
}

/* Vectors of columns whose sums the registers hold, so many per row. */
INLINE int vectors_at_once(int rows) {
    if (REGISTERS == 32) return rows < 4 ? GROUP : GROUP / 2;
    return rows == 1 ? GROUP : rows < 4 ? GROUP / 2 : GROUP / 4;
}

INLINE void multiply_vectors(int rows, int vectors, bool bf16, bool gate, const block *b) {
    const bool pairs = bf16 || gate;
    switch (vectors) {
#define VECTORS(n)                                                                                       \
    case n:                                                                                              \
        if (n <= vectors_at_once(rows) && !(pairs && n % 2)) multiply_row_block(rows, n, bf16, gate, b); \
        break
        VECTORS(1);
        VECTORS(2);
        VECTORS(3);
        VECTORS(4);
        VECTORS(5);
        VECTORS(6);
        VECTORS(7);
        VECTORS(8);
#undef VECTORS
    }
}

INLINE void multiply_rows(int rows, int out, bool bf16, bool gate, block *b) {
    const ptrdiff_t width = bf16 ? 2 * WIDTH : WIDTH, step = vectors_at_once(rows) * WIDTH;
    static const float zeros[GROUP_COLUMNS];
    const float *begun = b->begun;
    float *y = b->y;
    for (b->group = 0; b->group < out; b->group += GROUP_COLUMNS) {
        const ptrdiff_t rest = whole(out - b->group, width),
                        filled = rest < GROUP_COLUMNS ? rest : GROUP_COLUMNS;
        b->stride = bf16 ? filled / 2 : filled;
        for (ptrdiff_t c = 0; c < filled; c += step) {
            b->column = b->group + c;
            b->columns = out - b->column;
            if (!gate) b->y = y + b->column;
            if (gate) b->begun = begun ? begun + b->column : zeros;
            multiply_vectors(rows, (int)((filled - c < step ? filled - c : step) / WIDTH), bf16, gate, b);
        }
    }
}

/* `columns` as they are packed. */
INLINE void multiply(const block *call, int rows, int columns, bool bf16, bool gate) {
    block b = *call;
    int n;
    for (int t = 0; t < rows; t += n) {
        const int left = rows - t;
        n = left < 4 ? left : 4;
        b.y = call->y + t * b.ldy;
        b.row = t;
        b.begun = call->begun;
        switch (n) {
        case 1: multiply_rows(1, columns, bf16, gate, &b); break;
        case 2: multiply_rows(2, columns, bf16, gate, &b); break;
        case 3: multiply_rows(3, columns, bf16, gate, &b); break;
        case 4: multiply_rows(4, columns, bf16, gate, &b); break;
        }
    }
}

void NAME(_rows_multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                          const wt_finish *finish) {
    const block b = {.y = y, .ldy = ldy, .operands = operands, .count = count, .finish = finish};
    multiply(&b, rows, out, false, false);
}

void NAME(_rows_bf16_multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                               const wt_finish *finish) {
    const block b = {.y = y, .ldy = ldy, .operands = operands, .count = count, .finish = finish};
    multiply(&b, rows, out, true, false);
}

INLINE void multiply_gates(const block *call, int rows, const wt_gate_sums *sums, bool bf16) {
    const wt_finish finish = {.bias = sums->bias};
    const int columns = (int)(2 * whole(call->gates, WIDTH));
    block b = *call;
    b.finish = &finish;
    b.begun = sums->begun;
    b.ldbegun = sums->begun ? columns : 0;
    b.conditions = sums->conditions;
    b.condition_count = sums->condition_count;
    b.rows = rows;
    multiply(&b, rows, columns, bf16, true);
}

void NAME(_rows_multiply_gate)(float *z, int ldz, int rows, int gate, const wt_operand *operands, int count,
                               const wt_gate_sums *sums) {
    multiply_gates(&(const block){.y = z, .ldy = ldz, .gates = gate, .operands = operands, .count = count},
                   rows, sums, false);
}

void NAME(_rows_bf16_multiply_gate)(float *z, int ldz, int rows, int gate, const wt_operand *operands,
                                    int count, const wt_gate_sums *sums) {
    multiply_gates(&(const block){.y = z, .ldy = ldz, .gates = gate, .operands = operands, .count = count},
                   rows, sums, true);
}

/* --- the bound --- */

void NAME(_read)(const float *from, size_t count) {
    vector sum[GROUP];
    float sink[WIDTH];
    for (int v = 0; v < GROUP; v++) sum[v] = vector_zero();
    for (size_t i = 0; i + GROUP_COLUMNS <= count; i += GROUP_COLUMNS) {
#pragma GCC unroll 8
        for (int v = 0; v < GROUP; v++)
            sum[v] = vector_add(sum[v], vector_load(from + i + (size_t)v * WIDTH));
    }
    for (int v = 1; v < GROUP; v++) sum[0] = vector_add(sum[0], sum[v]);
    vector_store(sink, sum[0]);
    volatile float kept = sink[0]; /* so that nothing is left out as unused */
    (void)kept;
}
