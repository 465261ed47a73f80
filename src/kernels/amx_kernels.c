/*
 * Products of bfloat16 numbers with fp32 sums, on AMX: tiles of 16 rows by 16 pairs times 16 pairs by 16
 * columns, five times the rate of fp32 multiply-adds on Sapphire Rapids. Weights are packed, and rows
 * rounded, as for AVX512-BF16 (bf16_kernels.c), but the sums have an order of their own, that of TDPBF16PS
 * (Intel 64 and IA-32 Architectures Software Developer's Manual): of each group of 16 pairs the first
 * numbers of the pairs make a chain that begins at 0, the second ones make another, and their sum is added
 * to the element. Denormals are zeros, each step is rounded once, to nearest even. Groups begin with each
 * operand of a product, and with the first row of a weight gradient, so an element's bits depend on neither
 * blocks nor neighbours; but they are not those of the other bf16 kernel sets, which is why a run has to
 * ask for this one (run.backend: amx).
 *
 * A block is two tiles by two: 0 … 3 hold its sums, 4 and 5 rows, 6 and 7 columns. Where a block has fewer
 * rows than tiles have, the others are computed from whatever stands there, and not stored.
 */
#include "vector_unit.h"

#include <cpuid.h>
#include <stdalign.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bf16_rows.h"

enum { TILE = 16, BLOCK = 2 * TILE };

/* --- tiles --- */

/* Whether there are tiles, and the system lets this process use them. */
static bool permit_tiles(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    enum { LEAF = 7, HAS_BF16 = 1 << 22, HAS_TILES = 1 << 24 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(LEAF, 0, &a, &b, &c, &d) || !(d & HAS_BF16) || !(d & HAS_TILES)) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

INLINE void configure_tiles(void) {
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1,
                .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&config);
}

/* The compiler's loads of tiles do not tell it that they read memory: what was written is there from here
 * on. */
INLINE void finish_stores(void) {
    __asm__ volatile("" ::: "memory");
}

INLINE void clear_sums(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* 16 pairs of 32 rows, `ldx` pairs apart, by 16 pairs of a panel, of which the second half has columns or
 * not. */
INLINE void add_group(const uint32_t *x, ptrdiff_t ldx, const uint32_t *w, bool second) {
    const size_t x_bytes = (size_t)ldx * sizeof *x, w_bytes = PANEL * sizeof *w;
    finish_stores();
    _tile_loadd(4, x, x_bytes);
    _tile_loadd(6, w, w_bytes);
    _tile_loadd(5, x + TILE * ldx, x_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(2, 5, 6);
    if (!second) return;
    _tile_loadd(7, w + TILE, w_bytes);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(3, 5, 7);
}

INLINE void load_sums(const float *sums, ptrdiff_t ld) {
    const size_t bytes = (size_t)ld * sizeof *sums;
    finish_stores();
    _tile_loadd(0, sums, bytes);
    _tile_loadd(1, sums + TILE, bytes);
    _tile_loadd(2, sums + TILE * ld, bytes);
    _tile_loadd(3, sums + TILE * ld + TILE, bytes);
}

INLINE void store_sums(float *sums, ptrdiff_t ld) {
    const size_t bytes = (size_t)ld * sizeof *sums;
    _tile_stored(0, sums, bytes);
    _tile_stored(1, sums + TILE, bytes);
    _tile_stored(2, sums + TILE * ld, bytes);
    _tile_stored(3, sums + TILE * ld + TILE, bytes);
}

/* --- y = x·w --- */

/* Pairs of rounded rows, of a block and of the next one; and as many as a row may have. */
enum { ROOM = 16 * 1024, PIECE = ROOM / BLOCK / 2 };

INLINE int whole_groups(int pairs) {
    return (pairs + TILE - 1) / TILE * TILE;
}

/* A product, and the rows of it that are rounded. */
typedef struct {
    float *y;
    const wt_operand *operands;
    const wt_finish *finish;
    uint32_t *x, *next; /* rounded rows of a block and of the next one, `ldx` pairs each */
    ptrdiff_t ldy, ldx;
    int out, count;
} amx_product;

/* Rounds terms first … end−1 of `rows` rows, and zeros to the end of a group. */
static void round_terms(uint32_t *to, ptrdiff_t ld, const wt_operand *o, ptrdiff_t row, int rows, int first,
                        int end) {
    const float *x = o->x + row * o->ldx;
    for (ptrdiff_t r = 0; r < rows; r++, x += o->ldx) {
        for (int i = first; i < end; i += PANEL) {
            const __m512 low = _mm512_maskz_loadu_ps(mask_first_lanes(end - i), x + i);
            const __m512 high = _mm512_maskz_loadu_ps(mask_first_lanes(end - i - WIDTH), x + i + WIDTH);
            _mm512_storeu_si512(to + r * ld + (i - first) / 2, rounded(low, high));
            _mm_prefetch((const char *)(x + BLOCK * o->ldx + i), _MM_HINT_T0); /* of the next block */
            _mm_prefetch((const char *)(x + BLOCK * o->ldx + i + WIDTH), _MM_HINT_T0);
        }
    }
}

/* Adds `pairs` pairs of 32 rows by a panel; the last group may be short of weights. */
static void add_pairs(const uint32_t *x, ptrdiff_t ldx, const uint32_t *w, int pairs, bool second) {
    int p = 0;
    for (; p + TILE <= pairs; p += TILE) add_group(x + p, ldx, w + (ptrdiff_t)p * PANEL, second);
    if (p == pairs) return;
    alignas(64) uint32_t last[TILE * PANEL] = {0};
    memcpy(last, w + (ptrdiff_t)p * PANEL, (size_t)(pairs - p) * PANEL * sizeof *w);
    add_group(x + p, ldx, last, second);
}

/* y = (sums + bias + add)·scale of `rows` rows of a panel. */
static void finish_tiles(const amx_product *p, const float *sums, ptrdiff_t row, int rows, int column) {
    const wt_finish *finish = p->finish;
    const __m512 factor = _mm512_set1_ps(finish->scale);
    for (int v = 0; v < 2 && column + v * WIDTH < p->out; v++) {
        const ptrdiff_t c = column + v * WIDTH;
        const __mmask16 lanes = mask_first_lanes(p->out - (int)c);
        const __m512 bias = finish->bias ? _mm512_maskz_loadu_ps(lanes, finish->bias + c)
                                         : _mm512_setzero_ps();
        for (ptrdiff_t r = row; r < row + rows; r++) {
            __m512 value = _mm512_loadu_ps(sums + (r - row) * PANEL + v * WIDTH);
            if (finish->bias) value = _mm512_add_ps(value, bias);
            if (finish->add)
                value = _mm512_add_ps(value,
                                      _mm512_maskz_loadu_ps(lanes, finish->add + r * finish->ldadd + c));
            _mm512_mask_storeu_ps(p->y + r * p->ldy + c, lanes, _mm512_mul_ps(value, factor));
        }
    }
}

INLINE const uint32_t *find_panel(const wt_operand *o, int column) {
    return (const uint32_t *)(const void *)o->packed + (ptrdiff_t)column * wt_bf16_pairs(o->in);
}

/* Asks for the rows that the finish of a block reads and writes. */
static void ask_for_finish(const amx_product *p, ptrdiff_t row, int rows) {
    for (ptrdiff_t r = row; r < row + rows; r++) {
        for (int c = 0; c < p->out; c += WIDTH) {
            __builtin_prefetch(p->y + r * p->ldy + c, 1);
            if (p->finish->add) __builtin_prefetch(p->finish->add + r * p->finish->ldadd + c);
        }
    }
}

static void round_block(const amx_product *p, uint32_t *x, ptrdiff_t row, int rows) {
    for (int n = 0; n < p->count; n++) {
        round_terms(x, p->ldx, &p->operands[n], row, rows, 0, p->operands[n].in);
        x += whole_groups(wt_bf16_pairs(p->operands[n].in));
    }
}

/* 32 rows from `row` on, which have been rounded. The `next_rows` that follow are rounded while the first
 * panel's tiles are multiplied. */
static void multiply_whole(const amx_product *p, ptrdiff_t row, int rows, int next_rows) {
    alignas(64) float sums[BLOCK * PANEL];
    ask_for_finish(p, row, rows);
    for (int column = 0; column < p->out; column += PANEL) {
        const uint32_t *x = p->x;
        clear_sums();
        for (int n = 0; n < p->count; n++) {
            const int pairs = wt_bf16_pairs(p->operands[n].in);
            add_pairs(x, p->ldx, find_panel(&p->operands[n], column), pairs, p->out - column > WIDTH);
            x += whole_groups(pairs);
        }
        if (column == 0) round_block(p, p->next, row + BLOCK, next_rows);
        store_sums(sums, PANEL);
        finish_tiles(p, sums, row, rows, column);
    }
}

/* Rows with so many terms that 32 of them don't fit in the room: in pieces, rounded for each panel anew. */
static void multiply_pieces(const amx_product *p, ptrdiff_t row, int rows) {
    alignas(64) float sums[BLOCK * PANEL];
    for (int column = 0; column < p->out; column += PANEL) {
        clear_sums();
        for (int n = 0; n < p->count; n++) {
            const wt_operand *o = &p->operands[n];
            const uint32_t *w = find_panel(o, column);
            for (int first = 0; first < o->in; first += 2 * PIECE) {
                const int end = min_count(o->in, first + 2 * PIECE);
                round_terms(p->x, PIECE, o, row, rows, first, end);
                add_pairs(p->x, PIECE, w + (ptrdiff_t)first / 2 * PANEL, wt_bf16_pairs(end - first),
                          p->out - column > WIDTH);
            }
        }
        store_sums(sums, PANEL);
        finish_tiles(p, sums, row, rows, column);
    }
}

void wt_amx_bf16_multiply(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                          const wt_finish *finish) {
    alignas(64) uint32_t room[ROOM];
    amx_product p = {.y = y, .operands = operands, .finish = finish, .ldy = ldy, .out = out, .count = count};
    for (int n = 0; n < count; n++) p.ldx += whole_groups(wt_bf16_pairs(operands[n].in));
    const bool pieces = p.ldx > PIECE;
    p.x = room, p.next = room + ROOM / 2;
    configure_tiles();
    if (!pieces) round_block(&p, p.x, 0, min_count(rows, BLOCK));
    for (int row = 0; row < rows; row += BLOCK) {
        const int block = min_count(rows - row, BLOCK), next_rows = min_count(rows - row - block, BLOCK);
        if (pieces) {
            multiply_pieces(&p, row, block);
            continue;
        }
        multiply_whole(&p, row, block, next_rows);
        uint32_t *const rounded_rows = p.next;
        p.next = p.x, p.x = rounded_rows;
    }
    _tile_release();
}

/* --- dw += xᵀ·dy --- */

/* Times in chunks, whole groups of them, and input channels in stretches. */
enum { TIMES = 192, PAIRS = TIMES / 2, STRETCH = 256 };

/* Pairs of consecutive times, zeros up to a whole group: of x turned, [channel][PAIRS], and of a panel of dy,
 * [PAIRS][PANEL]. */
typedef struct {
    const float *x, *dy;
    ptrdiff_t ldx, lddy;
    int times, in, out;
    uint32_t *turned, *panel;
} amx_chunk;

/* A square of 16 by 16 numbers is transposed: first within each quarter of a register, then the quarters. */
INLINE void transpose(__m512i a[TILE]) {
    __m512i b[TILE];
#pragma GCC unroll 8
    for (int i = 0; i < TILE; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < TILE; i += 4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const __m512i even = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88),
                      odd = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd),
                      later_even = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88),
                      later_odd = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
        b[j] = _mm512_shuffle_i32x4(even, later_even, 0x88);
        b[4 + j] = _mm512_shuffle_i32x4(odd, later_odd, 0x88);
        b[8 + j] = _mm512_shuffle_i32x4(even, later_even, 0xdd);
        b[12 + j] = _mm512_shuffle_i32x4(odd, later_odd, 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < TILE; i++) a[i] = b[i];
}

/* The two times from t on of `columns` columns; zeros beyond the chunk's end. */
INLINE __m512i pair_times(const float *y, ptrdiff_t ldy, int t, int times, int columns) {
    return pair_rows(y + t * ldy, ldy, t + 1 < times, t < times ? mask_first_lanes(columns) : (__mmask16)0);
}

static void turn_channels(const amx_chunk *c, int i) {
    for (int t = 0; t < c->times; t += 2 * TILE) {
        __m512i square[TILE];
#pragma GCC unroll 16
        for (int k = 0; k < TILE; k++)
            square[k] = pair_times(c->x + i, c->ldx, t + 2 * k, c->times, c->in - i);
        transpose(square);
        uint32_t *to = c->turned + (ptrdiff_t)i * PAIRS + t / 2;
#pragma GCC unroll 16
        for (int k = 0; k < TILE; k++) _mm512_storeu_si512(to + k * PAIRS, square[k]);
    }
}

static void pair_times_of_panel(const amx_chunk *c, int o) {
    uint32_t *to = c->panel;
    const int groups = (c->times + 2 * TILE - 1) / (2 * TILE);
    for (int t = 0; t < groups * 2 * TILE; t += 2, to += PANEL) {
        for (int v = 0; v < 2; v++) {
            const int column = o + v * WIDTH;
            const __m512i pairs = column < c->out
                                      ? pair_times(c->dy + column, c->lddy, t, c->times, c->out - column)
                                      : _mm512_setzero_si512();
            _mm512_storeu_si512(to + v * WIDTH, pairs);
        }
    }
}

/* Rows 0 … rows−1 of `columns` columns, from one matrix to another. */
static void copy_block(float *to, ptrdiff_t ldto, const float *from, ptrdiff_t ldfrom, int rows,
                       int columns) {
    for (ptrdiff_t r = 0; r < rows; r++)
        memcpy(to + r * ldto, from + r * ldfrom, (size_t)columns * sizeof *to);
}

/* Up to 32 input channels from i on by up to PANEL output channels, whose gradients are dw. */
static void add_weight_tiles(const amx_chunk *c, float *dw, ptrdiff_t lddw, int i, int columns) {
    const uint32_t *x = c->turned + (ptrdiff_t)i * PAIRS;
    const int rows = min_count(c->in - i, BLOCK);
    const bool whole = rows == BLOCK && columns == PANEL;
    alignas(64) float part[BLOCK * PANEL];
    float *sums = whole ? dw : part;
    const ptrdiff_t ld = whole ? lddw : PANEL;
    if (!whole) {
        memset(part, 0, sizeof part);
        copy_block(part, PANEL, dw, lddw, rows, columns);
    }
    load_sums(sums, ld);
    for (int t = 0; t < c->times; t += 2 * TILE)
        add_group(x + t / 2, PAIRS, c->panel + (ptrdiff_t)t / 2 * PANEL, columns > WIDTH);
    store_sums(sums, ld);
    if (!whole) copy_block(dw, lddw, part, PANEL, rows, columns);
}

void wt_amx_bf16_convolve_weights(float *dw, int lddw, const float *x, int ldx, const float *dy, int lddy,
                                  int rows, int in, int out) {
    alignas(64) uint32_t turned[STRETCH * PAIRS], panel[PAIRS * PANEL];
    amx_chunk c = {.ldx = ldx, .lddy = lddy, .out = out, .turned = turned, .panel = panel};
    configure_tiles();
    for (ptrdiff_t t = 0; t < rows; t += TIMES) {
        c.times = min_count(rows - (int)t, TIMES);
        c.dy = dy + t * lddy;
        for (ptrdiff_t stretch = 0; stretch < in; stretch += STRETCH) {
            c.x = x + t * ldx + stretch;
            c.in = min_count(in - (int)stretch, STRETCH);
            for (int i = 0; i < c.in; i += TILE) turn_channels(&c, i);
            for (int o = 0; o < out; o += PANEL) {
                pair_times_of_panel(&c, o);
                for (int i = 0; i < c.in; i += BLOCK) {
                    float *block = dw + (stretch + i) * lddw + o;
                    add_weight_tiles(&c, block, lddw, i, min_count(out - o, PANEL));
                }
            }
        }
    }
    _tile_release();
}

/* --- the peak --- */

double wt_amx_peak_bf16(int64_t rounds) {
    enum { PER_ROUND = 4 };
    alignas(64) static const uint32_t zeros[TILE * TILE];
    configure_tiles();
    clear_sums();
    _tile_loadd(4, zeros, 64);
    _tile_loadd(5, zeros, 64);
    _tile_loadd(6, zeros, 64);
    _tile_loadd(7, zeros, 64);
    for (int64_t i = 0; i < rounds; i++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 2.0 * TILE * TILE * 2 * TILE * PER_ROUND * (double)rounds;
}

/* --- the unit --- */

static bool supports_tiles(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bf16") && permit_tiles();
}

const wt_vector_unit wt_kernels_unit_amx = {.name = "amx",
                                            .supported = supports_tiles,
                                            .supports_bf16 = supports_tiles,
                                            .bf16 = &wt_kernels_amx_bf16,
                                            .by_name = true,
                                            .bf16_peak = {"tdpbf16ps of tiles", wt_amx_peak_bf16}};
