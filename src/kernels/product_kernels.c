/*
 * Products with the sums held in registers: the operands of a product are walked for a block of ROWS rows by
 * PANEL columns of the output, whose sums stay in registers from the first term to the last, and are stored
 * once. Compiled once for each vector unit with fused multiply-adds (WT_ISA names it, WT_VECTOR is its
 * header).
 *
 * AVX-512: 12 rows × 2 vectors of 16, 24 of the 32 registers; AVX2: 6 × 2 vectors of 8, 12 of 16. Where there
 * is a single vector of columns, a block has 12 rows: so many sums must be on their way that none waits for
 * the one before.
 *
 * A step of the inner loop loads two vectors of weights and broadcasts a value a row: fewer loads than
 * multiply-adds, so that these are the limit. Weights are packed in panels of PANEL columns,
 * [panel][in][PANEL], the last vector filled up with zeros, so that a panel is read from end to end and stays
 * in the first cache over all rows. Where the last columns fill half a vector at most, vectors hold rows of a
 * product and input channels of a weights' gradient instead. Each element is one chain of fused multiply-adds
 * over its terms in order: its bits depend neither on where the row stands in the call nor on the width of
 * the vectors.
 */
#include "product_blocks.h"

#include "gate_lanes.h"

enum { BLOCK_ROWS = 12 };

/* --- few columns --- */

/* Of some columns, half a vector at most, another unit makes products whose vectors are half as long: so many
 * that those of rows would not be better (multiply_few). */
INLINE bool goes_to_narrower(int out) {
#ifdef WT_NARROWER
    return out > 4 && out <= WIDTH / 2;
#else
    (void)out;
    return false;
#endif
}
#ifdef WT_NARROWER
#define NARROWER(suffix) JOIN(wt_, WT_NARROWER, suffix)
WT_DECLARE_PRODUCTS_OF(WT_NARROWER);
#else
#define NARROWER NAME
#endif

/* --- packed weights --- */

static int panels_of(int out) {
    return (out + PANEL - 1) / PANEL;
}

size_t NAME(_packed_count)(int in, int out) {
    return goes_to_narrower(out) ? NARROWER(_packed_count)(in, out)
                                 : (size_t)in * (size_t)panels_of(out) * PANEL;
}

/* A panel of w [in][out] from one of its columns on. */
static void pack_panel(float *packed, const float *w, int in, int out, int columns, float scale) {
    const vector factor = vector_of(scale);
    const int first = columns < WIDTH ? columns : WIDTH, second = columns - first;
    for (int i = 0; i < in; i++, packed += PANEL, w += out) {
        vector_store(packed, vector_multiply(vector_load_first(w, first), factor));
        if (second == 0) continue; /* nothing reads there */
        vector_store(packed + WIDTH, vector_multiply(vector_load_first(w + WIDTH, second), factor));
    }
}

/* WIDTH columns of packed rows i … i+3 from as many rows of w [out][in], of which `rows` are there. */
INLINE void turn_weights(float *packed, const float *w, ptrdiff_t in, int rows, vector factor) {
    vector four[4];
    for (int k = 0; k < 4; k++) four[k] = vector_load_fours(w + k * in, in, rows - k);
    turn_fours(four);
    for (int k = 0; k < 4; k++) vector_store(packed + k * PANEL, vector_multiply(four[k], factor));
}

/* A panel of w [out][in] from one of its rows on, by fours; the last four may overlap those before. */
static void pack_turned(float *packed, const float *w, ptrdiff_t in, int columns, float scale) {
    const vector factor = vector_of(scale);
    for (ptrdiff_t at = 0; in >= 4 && at < in; at += 4) {
        const ptrdiff_t i = at + 4 <= in ? at : in - 4;
        for (int c = 0; c < columns; c += WIDTH) {
            float *to = packed + i * PANEL + c;
            if (c + WIDTH <= columns) {
                turn_weights(to, w + c * in + i, in, WIDTH, factor);
            } else {
                turn_weights(to, w + c * in + i, in, columns - c, factor);
            }
        }
    }
    for (ptrdiff_t i = 0; in < 4 && i < in; i++) {
        for (int c = 0; c < PANEL; c++) packed[i * PANEL + c] = c < columns ? scale * w[c * in + i] : 0.0f;
    }
}

void NAME(_pack)(float *packed, const float *w, int in, int out, bool transposed, float scale) {
    if (goes_to_narrower(out)) {
        NARROWER(_pack)(packed, w, in, out, transposed, scale);
        return;
    }
    for (int first = 0; first < out; first += PANEL, packed += (size_t)in * PANEL) {
        const int columns = out - first < PANEL ? out - first : PANEL;
        if (transposed) {
            pack_turned(packed, w + (ptrdiff_t)first * in, in, columns, scale);
        } else {
            pack_panel(packed, w + first, in, out, columns, scale);
        }
    }
}

/* --- y = x·w --- */

/* A factor's weights from a column of a panel on. */
INLINE const float *packed_from(const wt_operand *operand, ptrdiff_t column) {
    return operand->packed + column / PANEL * PANEL * operand->in + column % PANEL;
}

/* A product's arguments, and the columns at work: a panel's from `column` on, the last vector of `last`
 * lanes. */
typedef struct {
    float *y;
    const wt_operand *operands;
    const wt_finish *finish;
    const float *begun; /* of a gate: [rows, out], or NULL */
    const wt_gate_condition *conditions;
    int condition_count;
    ptrdiff_t ldy, column;
    int rows, out, count, last;
} product;

/*
 * Rows of an operand or an output that a block walks together, with a pointer for each three of them: an
 * address adds one stride, in bytes, or two. Between the turns of a loop the compiler must not see through
 * them (`hide`), or it keeps an address per row and term, many more than there are registers.
 */
enum { REACH = 3, POINTERS = (BLOCK_ROWS + REACH - 1) / REACH };
typedef struct {
    char *at[POINTERS];
    ptrdiff_t stride;
} row_set;

INLINE row_set rows_from(const float *first, ptrdiff_t ld, int rows) {
    row_set set = {.stride = ld * (ptrdiff_t)sizeof(float)};
    for (int g = 0; g * REACH < rows; g++) set.at[g] = (char *)(uintptr_t)first + g * REACH * set.stride;
    return set;
}

INLINE void hide(row_set *set, int rows) {
    for (int g = 0; g * REACH < rows; g++) __asm__("" : "+r"(set->at[g]));
    __asm__("" : "+r"(set->stride));
}

INLINE float *row_of(const row_set *set, int r) {
    return (float *)(void *)(set->at[r / REACH] + r % REACH * set->stride);
}

/* Adds the k-th term from where the rows of x and w stand. */
INLINE void add_term(vector sum[BLOCK_ROWS][2], int rows, int vectors, const row_set *x, int k,
                     const float *w) {
    vector weight[2];
    for (int v = 0; v < vectors; v++) weight[v] = vector_load(w + k * PANEL + v * WIDTH);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        const vector value = vector_of(row_of(x, r)[k]);
        for (int v = 0; v < vectors; v++) sum[r][v] = vector_fused(value, weight[v], sum[r][v]);
    }
}

/* Terms between one asking for lines and the next; the lines of later weights that are asked for then. A
 * panel's are all asked for by the first two blocks. */
enum { BODY = LINE * REACH / ROWS, LATER_LINES = BODY * PANEL / LINE / 2 };

/* From one row to the next: shorter ones are a stream of lines, which the processor fetches by itself. */
enum { FAR_BYTES = 256 };

/* Adds an operand's `in` terms. A row is too short for the processor to see a stream in it, so the rows of
 * the next block are asked for here: the lines of REACH rows with each body of terms, as often as a line has
 * bodies. So are rows and weights of later calls, for the second cache: those rows where x stands. */
INLINE void add_operand(vector sum[BLOCK_ROWS][2], int rows, int vectors, row_set x, const float *w, int in,
                        wt_later later) {
    const ptrdiff_t next = rows * x.stride,
                    back = (ptrdiff_t)sizeof(float) * LINE - ROWS / REACH * REACH * x.stride;
    const char *ahead = x.at[0] + next;
    const ptrdiff_t further = later.rows ? (const char *)later.rows - ahead : 0;
    int left = in;
    const bool far = x.stride >= FAR_BYTES;
    for (; rows >= ROWS / 2 && left >= BODY; left -= BODY, w += BODY * PANEL) {
        hide(&x, rows);
        for (int r = 0; far && r < REACH; r++) __builtin_prefetch(ahead + r * x.stride);
        for (int r = 0; later.rows && r < REACH; r++)
            __builtin_prefetch(ahead + further + r * x.stride, 0, 2);
        for (int l = 0; later.packed && l < LATER_LINES; l++)
            __builtin_prefetch(later.packed + l * LINE, 0, 2);
        if (later.packed) later.packed += LATER_LINES * LINE;
        ahead += REACH * x.stride;
        if ((in - left) % LINE == LINE - BODY) ahead += back;
#pragma GCC unroll 16
        for (int k = 0; k < BODY; k++) add_term(sum, rows, vectors, &x, k, w);
        for (int g = 0; g * REACH < rows; g++) x.at[g] += BODY * sizeof(float);
    }
    for (; left > 0; left--, w += PANEL) {
        hide(&x, rows);
        add_term(sum, rows, vectors, &x, 0, w);
        for (int g = 0; g * REACH < rows; g++) x.at[g] += sizeof(float);
    }
}

INLINE void add_conditions(const product *p, vector sum[2], ptrdiff_t row) {
    for (int n = 0; n < p->condition_count; n++) {
        const wt_gate_condition *condition = &p->conditions[n * p->rows + row];
        const float *x = condition->x + p->column / 2;
        for (int j = 0; j < condition->count; j++, x += condition->ldx) {
            const vector k = vector_of(condition->k[j * condition->ldk]);
            sum[0] = vector_fused(k, vector_load_first(x, p->last), sum[0]);
            sum[1] = vector_fused(k, vector_load_first(x + condition->apart, p->last), sum[1]);
        }
    }
}

/* Of a gate, of rows from row t on: a panel is a vector of filters and one of gates. */
INLINE void finish_gates(const product *p, vector sum[BLOCK_ROWS][2], const row_set *to, int rows,
                         ptrdiff_t t) {
    const float *bias = p->finish->bias;
    const vector filters = bias ? vector_load(bias + p->column) : vector_zero(),
                 gates = bias ? vector_load(bias + p->column + WIDTH) : vector_zero();
    for (int r = 0; bias && r < rows; r++) {
        sum[r][0] = vector_add(sum[r][0], filters);
        sum[r][1] = vector_add(sum[r][1], gates);
    }
    for (int r = 0; r < rows; r++) add_conditions(p, sum[r], t + r);
    for (int r = 0; r < rows; r++) store_gate(row_of(to, r), sum[r][0], sum[r][1], p->last);
}

/* What a block asks for on its way through an operand: rows that stand where its own do, with the first
 * panel; and a part of the next panel's weights, or of those that are read after the last one. */
INLINE wt_later later_of(const product *p, const wt_operand *o, ptrdiff_t t) {
    if (!o->later) return (wt_later){NULL, NULL};
    const ptrdiff_t part = (t + ROWS - 1) / ROWS * (o->in / BODY * LATER_LINES * LINE);
    const float *next = p->column + PANEL < p->out ? packed_from(o, p->column + PANEL) : o->later->packed;
    return (wt_later){o->later->rows && p->column == 0 ? o->later->rows + t * o->ldx : NULL,
                      next && part < o->in * PANEL ? next + part : NULL};
}

/* A block of the output: `rows` rows from row t on, `vectors` vectors from the panel's column on. The
 * output's rows, and what will be added to them, are asked for first. */
INLINE void multiply_block(const product *p, int rows, int vectors, bool whole, bool gate, ptrdiff_t t) {
    const wt_finish *finish = p->finish;
    vector sum[BLOCK_ROWS][2];
    row_set to = rows_from(p->y + t * p->ldy + (gate ? p->column / 2 : p->column), p->ldy, rows), add = to;
    if (finish->add) add = rows_from(finish->add + t * finish->ldadd + p->column, finish->ldadd, rows);
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = vector_zero();
    }
    for (int r = 0; gate && p->begun && r < rows; r++) {
        for (int v = 0; v < vectors; v++)
            sum[r][v] = vector_load(p->begun + (t + r) * p->out + p->column + v * WIDTH);
    }
    for (int r = 0; to.stride >= FAR_BYTES && r < rows; r++) {
        for (int v = 0; v < (gate ? 1 : vectors); v += LINE / WIDTH) {
            __builtin_prefetch(row_of(&to, r) + v * WIDTH, 1);
            if (finish->add) __builtin_prefetch(row_of(&add, r) + v * WIDTH);
        }
    }
    for (int n = 0; n < p->count; n++) {
        const wt_operand *o = &p->operands[n];
        add_operand(sum, rows, vectors, rows_from(o->x + t * o->ldx, o->ldx, rows), packed_from(o, p->column),
                    o->in, later_of(p, o, t));
    }
    hide(&to, rows);
    hide(&add, rows);
    if (gate) {
        finish_gates(p, sum, &to, rows, t);
        return;
    }
    const vector scale = vector_of(finish->scale);
    for (int v = 0; v < vectors; v++) {
        const ptrdiff_t o = v * WIDTH;
        const bool all = whole || v < vectors - 1;
        const vector bias = finish->bias ? load_columns(finish->bias + p->column + o, all, p->last)
                                         : vector_zero();
        for (int r = 0; r < rows; r++) {
            vector value = sum[r][v];
            if (finish->bias) value = vector_add(value, bias);
            if (finish->add) value = vector_add(value, load_columns(row_of(&add, r) + o, all, p->last));
            store_columns(row_of(&to, r) + o, vector_multiply(value, scale), all, p->last);
        }
    }
}

/* Rows t … rows−1, by blocks. Of a block of few rows the multiply-adds wait for each other: a last one that
 * would be so shares its rows with the one before. */
INLINE void multiply_panel(const product *p, int vectors, bool whole, bool gate, ptrdiff_t t) {
    const int most = vectors == 1 ? BLOCK_ROWS : ROWS;
    for (ptrdiff_t n; t < p->rows; t += n) {
        const ptrdiff_t left = p->rows - t;
        n = left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
#define BLOCK(n)                                                                      \
    case n:                                                                           \
        if (n <= most) multiply_block(p, n <= most ? n : 1, vectors, whole, gate, t); \
        break
        switch (n) { EACH_TO_12(BLOCK); }
#undef BLOCK
    }
}

/*
 * Few columns would leave most of a vector unused: there the vectors hold rows, GROUPS of them, whose x are
 * turned four terms at a time. Columns are computed by fours; weights beyond the last are zeros.
 */
enum { GROUPS = 2, FEW_ROWS = GROUPS * WIDTH };

/* Terms i … i+3 of WIDTH rows, a vector each; of the last ones only `terms` are there. */
INLINE void load_terms(vector value[4], const float *x, ptrdiff_t ldx, int terms) {
    if (terms == 4) {
        for (int k = 0; k < 4; k++) value[k] = vector_load_fours(x + k * ldx, ldx, WIDTH);
        turn_fours(value);
        return;
    }
    for (int k = 0; k < terms; k++) {
        float column[WIDTH];
        for (int r = 0; r < WIDTH; r++) column[r] = x[r * ldx + k];
        value[k] = vector_load(column);
    }
}

INLINE void add_terms(vector sum[FEW][GROUPS], int columns, const float *x, ptrdiff_t ldx, const float *w,
                      int terms) {
    vector value[GROUPS][4];
    for (int g = 0; g < GROUPS; g++) load_terms(value[g], x + g * WIDTH * ldx, ldx, terms);
    for (int k = 0; k < terms; k++) {
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++) {
            const vector weight = vector_of(w[k * PANEL + c]);
            for (int g = 0; g < GROUPS; g++) sum[c][g] = vector_fused(value[g][k], weight, sum[c][g]);
        }
    }
}

INLINE void multiply_few_block(const product *p, int columns, ptrdiff_t t) {
    const wt_finish *finish = p->finish;
    const int last = p->last;
    vector sum[FEW][GROUPS];
    for (int c = 0; c < columns; c++) {
        for (int g = 0; g < GROUPS; g++) sum[c][g] = vector_zero();
    }
    for (int n = 0; n < p->count; n++) {
        const ptrdiff_t ldx = p->operands[n].ldx, in = p->operands[n].in;
        const float *x = p->operands[n].x + t * ldx, *w = packed_from(&p->operands[n], p->column);
        ptrdiff_t i = 0;
        for (; i + 4 <= in; i += 4) add_terms(sum, columns, x + i, ldx, w + i * PANEL, 4);
        for (; i < in; i++) add_terms(sum, columns, x + i, ldx, w + i * PANEL, 1);
    }
    float turned[FEW_ROWS][WIDTH];
    for (int g = 0; g < GROUPS; g++) {
        for (int c = 0; c < columns; c += 4) {
            vector four[4] = {sum[c][g], sum[c + 1][g], sum[c + 2][g], sum[c + 3][g]};
            turn_fours(four);
            for (int k = 0; k < 4; k++) vector_store_fours(&turned[g * WIDTH + k][c], WIDTH, four[k], WIDTH);
        }
    }
    const vector scale = vector_of(finish->scale);
    const vector bias = finish->bias ? vector_load_first(finish->bias + p->column, last) : vector_zero();
    for (int r = 0; r < FEW_ROWS; r++) {
        const float *add = finish->add ? finish->add + (t + r) * finish->ldadd + p->column : NULL;
        vector value = vector_load_first(turned[r], last);
        if (finish->bias) value = vector_add(value, bias);
        if (add) value = vector_add(value, vector_load_first(add, last));
        vector_store_first(p->y + (t + r) * p->ldy + p->column, vector_multiply(value, scale), last);
    }
}

/* A panel's last columns, few of them; returns how many rows it has made. */
static int multiply_few(const product *p) {
    int t = 0;
    for (; t + FEW_ROWS <= p->rows; t += FEW_ROWS) {
        if (p->last <= 4) {
            multiply_few_block(p, 4, t);
        } else {
            multiply_few_block(p, FEW, t);
        }
    }
    return t;
}

void NAME(_multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish) {
    product p = {
        .y = y, .operands = operands, .finish = finish, .ldy = ldy, .rows = rows, .out = out, .count = count};
    if (goes_to_narrower(out)) {
        NARROWER(_multiply)(y, ldy, rows, out, operands, count, finish);
        return;
    }
    for (; p.column < out; p.column += PANEL) {
        const int columns = out - (int)p.column;
        p.last = columns > WIDTH ? columns - WIDTH : columns;
        if (columns >= PANEL) {
            multiply_panel(&p, 2, true, false, 0);
        } else if (columns == WIDTH) {
            multiply_panel(&p, 1, true, false, 0);
        } else if (p.last <= WIDTH / 2 && rows >= FEW_ROWS) {
            if (columns > WIDTH) {
                multiply_panel(&p, 1, true, false, 0);
                p.column += WIDTH;
            }
            const int made = multiply_few(&p);
            multiply_panel(&p, 1, false, false, made);
        } else if (columns > WIDTH) {
            multiply_panel(&p, 2, false, false, 0);
        } else {
            multiply_panel(&p, 1, false, false, 0);
        }
    }
}

void NAME(_multiply_gate)(float *z, int ldz, int rows, int gate, const wt_operand *operands, int count,
                          const wt_gate_sums *sums) {
    const wt_finish finish = {.bias = sums->bias};
    product p = {.y = z,
                 .operands = operands,
                 .finish = &finish,
                 .begun = sums->begun,
                 .conditions = sums->conditions,
                 .condition_count = sums->condition_count,
                 .ldy = ldz,
                 .rows = rows,
                 .out = (gate + WIDTH - 1) / WIDTH * PANEL,
                 .count = count};
    for (int c = 0; c < gate; c += WIDTH) {
        p.column = 2 * c;
        p.last = gate - c < WIDTH ? gate - c : WIDTH;
        multiply_panel(&p, 2, true, true, 0);
    }
}
