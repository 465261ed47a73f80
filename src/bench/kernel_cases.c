/*
 * The kernels that a training step is made of, over a tile of rows: products, activations, look-ups, the
 * loss, and what goes over flat buffers.
 */
#include "bench/kernel_bed.h"
#include "engine/engine.h"

/* Different rows that the taps of `rows` rows read. */
static double count_rows_read(const wt_kernel_bed *bed, double rows) {
    double apart = bed->shape.dilation < rows ? bed->shape.dilation : rows;
    return rows + (bed->shape.taps - 1) * apart;
}

static wt_kernel_cost cost_product(const wt_kernel_bed *bed, double rows, double values) {
    const double weights = (double)bed->shape.taps * bed->shape.channels * bed->out;
    return (wt_kernel_cost){2.0 * rows * weights, 0.0, sizeof(float) * (values + weights)};
}

static void run_forward(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    wt_operand taps[WT_BED_TAPS];
    const int in = bed->shape.channels, out = bed->out;
    const size_t each = bed->kernels->packed_count(in, out);
    for (ptrdiff_t j = 0; j < bed->shape.taps; j++) {
        taps[j] = (wt_operand){bed->x + (first + j * bed->shape.dilation) * in,
                               bed->packed + (size_t)j * each, in, in, NULL};
    }
    const wt_finish finish = {bed->bias, bed->shape.taps == 1 ? bed->z + first * out : NULL, out, 1.0f};
    bed->kernels->multiply(bed->y + first * out, out, rows, out, taps, bed->shape.taps, &finish);
}

static wt_kernel_cost cost_forward(const wt_kernel_bed *bed, double rows) {
    double written = (bed->shape.taps == 1 ? 2.0 : 1.0) * rows * bed->out;
    return cost_product(bed, rows, count_rows_read(bed, rows) * bed->shape.channels + written);
}

static void run_backward(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    wt_operand taps[WT_BED_TAPS];
    const int in = bed->shape.channels, out = bed->out;
    const size_t each = bed->kernels->packed_count(out, in);
    for (ptrdiff_t j = 0; j < bed->shape.taps; j++) {
        taps[j] = (wt_operand){bed->y + (first + (bed->shape.taps - 1 - j) * bed->shape.dilation) * out,
                               bed->packed_back + (size_t)j * each, out, out, NULL};
    }
    const wt_finish finish = {NULL, bed->z + first * in, in, 1.0f};
    bed->kernels->multiply(bed->d + first * in, in, rows, in, taps, bed->shape.taps, &finish);
}

static wt_kernel_cost cost_backward(const wt_kernel_bed *bed, double rows) {
    return cost_product(bed, rows, count_rows_read(bed, rows) * bed->out + 2.0 * rows * bed->shape.channels);
}

static void run_weights(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    const int in = bed->shape.channels, out = bed->out;
    float *sums = bed->sums + (size_t)thread * bed->sums_each;
    for (ptrdiff_t j = 0; j < bed->shape.taps; j++) {
        bed->kernels->convolve_weights(sums + j * in * out, out,
                                       bed->x + (first + j * bed->shape.dilation) * in, in,
                                       bed->y + first * out, out, rows, in, out);
    }
}

static wt_kernel_cost cost_weights(const wt_kernel_bed *bed, double rows) {
    const double weights = (double)bed->shape.taps * bed->shape.channels *
                           bed->out; /* read, and written too */
    return cost_product(bed, rows,
                        count_rows_read(bed, rows) * bed->shape.channels + rows * bed->out + weights);
}

static const wt_kernel_case products[] = {
    {"forward", run_forward, cost_forward},
    {"backward data", run_backward, cost_backward},
    {"backward weights", run_weights, cost_weights},
};

static wt_kernel_cost cost_elements(double elements, double bytes_each) {
    return (wt_kernel_cost){0.0, elements, elements * bytes_each};
}

static void run_gate(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    const int gate = bed->shape.channels;
    bed->kernels->activate(bed->z + first * gate, gate, bed->y + first * 2 * gate, 2 * gate, rows, gate,
                           WT_ACTIVATION_GATE);
}

static wt_kernel_cost cost_gate(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, 5.0 * sizeof(float));
}

/* As in the model, the gradient by z and z itself are the thread's own scratch, always warm. */
static void run_gate_back(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    const int gate = bed->shape.channels;
    const ptrdiff_t own = (ptrdiff_t)thread * bed->shape.rows * gate;
    bed->kernels->activate_back(bed->d + first * 2 * gate, 2 * gate, bed->x + own, gate,
                                bed->y + first * 2 * gate, 2 * gate, bed->z + own, gate, rows, gate,
                                WT_ACTIVATION_GATE);
}

static wt_kernel_cost cost_gate_back(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, 6.0 * sizeof(float));
}

static void run_column_sums(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    const int out = 2 * bed->shape.channels;
    bed->kernels->column_sums(bed->sums + (size_t)thread * bed->sums_each, bed->y + first * out, out, rows,
                              out);
}

static wt_kernel_cost cost_column_sums(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * 2 * bed->shape.channels, sizeof(float));
}

static void run_embed(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    bed->kernels->embed(bed->y + first * bed->shape.channels, bed->shape.channels, bed->classes + first,
                        bed->x, bed->bias, rows, WT_BED_CLASSES, bed->shape.channels, WT_BED_CLASS_TAPS);
}

static wt_kernel_cost cost_embed(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, (1 + WT_BED_CLASS_TAPS) * sizeof(float));
}

static void run_embed_back(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    float *sums = bed->sums + (size_t)thread * bed->sums_each;
    const int panel = wt_engine_panel();
    for (int o = 0; o < bed->shape.channels; o += panel) {
        int out = bed->shape.channels - o < panel ? bed->shape.channels - o : panel;
        bed->kernels->embed_weights(sums + o, bed->shape.channels, bed->classes + first,
                                    bed->y + first * bed->shape.channels + o, bed->shape.channels, rows,
                                    WT_BED_CLASSES, out, WT_BED_CLASS_TAPS);
    }
}

static wt_kernel_cost cost_embed_back(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, (1 + 2 * WT_BED_CLASS_TAPS) * sizeof(float));
}

static const wt_kernel_case others[] = {
    {"gate", run_gate, cost_gate},
    {"gate backward", run_gate_back, cost_gate_back},
    {"column sums", run_column_sums, cost_column_sums},
    {"embed", run_embed, cost_embed},
    {"embed backward", run_embed_back, cost_embed_back},
};

static void run_cross_entropy(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    bed->kernels->losses.cross_entropy(bed->y + first * WT_BED_CLASSES, WT_BED_CLASSES, bed->classes + first,
                                       rows, WT_BED_CLASSES, true);
}

static wt_kernel_cost cost_cross_entropy(const wt_kernel_bed *bed, double rows) {
    (void)bed;
    return cost_elements(rows * WT_BED_CLASSES, 2.0 * sizeof(float));
}

/* Flat buffers have no rows; they are cut into pieces of a tile's size. */
static void run_adam(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    const ptrdiff_t at = first * bed->shape.channels;
    const wt_adam_step step = {1e-6, 0.9, 0.999, 1e-8, 0.0, false, 1.0, 1};
    bed->kernels->flat.adam(bed->x + at, bed->z + at, bed->d + at, bed->y + at,
                            (size_t)rows * (size_t)bed->shape.channels, &step);
}

static wt_kernel_cost cost_adam(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, 7.0 * sizeof(float));
}

static void run_add(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    (void)thread;
    const ptrdiff_t at = first * bed->shape.channels;
    bed->kernels->flat.add(bed->d + at, bed->y + at, (size_t)rows * (size_t)bed->shape.channels);
}

static wt_kernel_cost cost_add(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, 3.0 * sizeof(float));
}

static void run_squares(const wt_kernel_bed *bed, int thread, ptrdiff_t first, int rows) {
    volatile double sum;
    (void)thread;
    sum = bed->kernels->flat.squares(bed->y + first * bed->shape.channels,
                                     (size_t)rows * (size_t)bed->shape.channels, 0.5);
    (void)sum;
}

static wt_kernel_cost cost_squares(const wt_kernel_bed *bed, double rows) {
    return cost_elements(rows * bed->shape.channels, sizeof(float));
}

/* Whose shape the network's width does not change. */
static const wt_kernel_case once[] = {
    {"softmax cross-entropy", run_cross_entropy, cost_cross_entropy},
    {"adam", run_adam, cost_adam},
    {"squares of the norm", run_squares, cost_squares},
    {"add", run_add, cost_add},
};

const wt_kernel_case *wt_kernel_cases_of(wt_kernel_cases kind, int *count) {
    static const struct {
        const wt_kernel_case *cases;
        int count;
    } kinds[WT_CASES] = {[WT_CASES_PRODUCTS] = {products, sizeof products / sizeof *products},
                         [WT_CASES_ELEMENTS] = {others, sizeof others / sizeof *others},
                         [WT_CASES_ONCE] = {once, sizeof once / sizeof *once}};
    *count = kinds[kind].count;
    return kinds[kind].cases;
}
