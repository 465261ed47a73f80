/*
 * The kernels: a set of functions on raw pointers and sizes, one set per backend.
 * No configuration, no MPI, no allocation, no threads: a call works on one tile in
 * the calling thread, and its result depends on its arguments alone (never on the
 * pointers' alignment), so that results are bitwise reproducible on any number of threads.
 *
 * Layouts. Time-major: x[t·ldx + c], row t is a time, c a channel, ldx ≥ channels.
 * A dilated tap is a pointer offset. Weights are [in][out], tap after tap, tap taps−1 the newest
 * sample; products read copies that are packed in the table's own order.
 * Rows and sizes are counts of elements, never bytes. Sizes may be 0 only where said.
 * Every output array is disjoint from every input array unless said.
 */
#ifndef WAVETRAIN_KERNEL_SET_H
#define WAVETRAIN_KERNEL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/batch.h"
#include "wavetrain/kernels.h"

typedef enum {
    WT_ACTIVATION_GATE,
    WT_ACTIVATION_TANH,
    WT_ACTIVATION_RELU,
    WT_ACTIVATION_LEAKY_RELU,
    WT_ACTIVATION_HARDTANH,
    WT_ACTIVATION_SIGMOID,
    WT_ACTIVATION_SILU,
    WT_ACTIVATION_HARDSWISH,
    WT_ACTIVATION_SOFTSIGN,
} wt_activation;

/* What Adam needs to know of a step (Kingma & Ba 2015, algorithm 1; decay as PyTorch's
 * torch.optim.Adam (coupled) and AdamW (decoupled, Loshchilov & Hutter 2019)). */
typedef struct {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    bool decoupled;        /* AdamW */
    double gradient_scale; /* 1/targets · clip scale, applied to every gradient first */
    int64_t step;          /* 1 for the first update: bias corrections 1 − β^step */
} wt_adam_step;

/* What SGD needs to know of a step (torch.optim.SGD, dampening 0; Sutskever et al. 2013 for Nesterov's
 * form). */
typedef struct {
    double learning_rate, momentum, weight_decay;
    bool nesterov;
    double gradient_scale;
} wt_sgd_step;

/* What later calls read, which a kernel of many rows may ask for on its way: where rows begin, taken in x's
 * width and distance, which need not be theirs, and packed weights. Each may be NULL. */
typedef struct {
    const wt_real *rows, *packed;
} wt_later;

/* One factor of a product: x [rows, in] and a packed matrix [in][out]. With `later`, or NULL, the matrix is
 * one that comes from afar. */
typedef struct {
    const wt_real *x, *packed;
    int ldx, in;
    const wt_later *later;
} wt_operand;

/* What a product's sum goes through before it is stored. */
typedef struct {
    const wt_real *bias; /* [out], or NULL */
    const wt_real *add;  /* [rows, out], or NULL */
    int ldadd;
    wt_real scale;
} wt_finish;

/* Of one row, a condition: Σ_j k[j·ldk]·x[j·ldx + c] for filter c, and for its gate with c + apart. */
typedef struct {
    const wt_real *x, *k;
    wt_real own[2]; /* k may stand here */
    int count, ldx, ldk, apart;
} wt_gate_condition;

/* What a gate's sums begin with, and what is added to them in this order: the bias, by columns as its weights
 * have them, and the terms of conditions. */
typedef struct {
    const wt_real
        *begun;          /* [rows, columns]: the terms of operands before, as multiply leaves them; or NULL */
    const wt_real *bias; /* [columns], or NULL */
    const wt_gate_condition *conditions; /* [condition_count, rows] */
    int condition_count;
} wt_gate_sums;

/*
 * A mixture of `components` K distributions for each of `channels` values per row. A row of outputs has,
 * value after value, K logits (none where K is 1), K outputs o of means and K ln s. The mean is μ = unit · o,
 * or with `curved` μ = unit · sinh o, whose steps are fine near 0 and grow with |μ| as µ-law's do (o is taken
 * within ±WT_MEAN_CEILING, beyond which its gradient is 0). With `half` > 0 a value is a code, the middle of
 * an interval of twice that width; with 0 it is real and has a density. ln s is taken within the floor below
 * and WT_SCALE_CEILING, beyond which its gradient is 0.
 */
typedef struct {
    int components, channels;
    double half, unit;
    bool curved;
} wt_mixture;

enum { WT_COMPONENTS_MAX = 64 };
#define WT_LOGISTIC_FLOOR (-16.0)
#define WT_GAUSSIAN_FLOOR (-9.0) /* Ping et al. 2019, arXiv 1807.07281 */
#define WT_SCALE_CEILING 50.0
#define WT_MEAN_CEILING 20.0

static inline int wt_kernels_mixture_outputs(const wt_mixture *mixture) {
    return mixture->channels * mixture->components * (mixture->components > 1 ? 3 : 2);
}

/* Batch norm and layer norm. */
typedef struct {
    /*
     * Norms of rows x [rows, columns]. Batch norm (Ioffe & Szegedy 2015, arXiv 1502.03167) is over all rows
     * of a step, so its sums are apart from what is made of them; they grow in double, in the order of t:
     *   sums[c] += Σ_t x[t,c],    sums[columns + c] += Σ_t x[t,c]²                     (column_moments)
     *   sums[c] += Σ_t dy[t,c],   sums[columns + c] += Σ_t dy[t,c]·x̂[t,c]              (column_products)
     *   x ← x̂ = (x − mean[c])·rate[c],  y = x̂·weight[c] + bias[c]                      (standardise)
     *   dx = factor[c]·(dy − mean_dy[c] − x̂·mean_product[c]); dx may be dy             (standardise_back)
     * Layer norm (Ba et al. 2016, arXiv 1607.06450) is over a row, with the mean and the biased variance of
     * its columns; rate[t] = 1/√(variance + WT_NORM_EPSILON) is kept for backward:
     *   x ← x̂ = (x − mean)·rate[t],  y = x̂·weight[c] + bias[c]                         (normalise)
     *   g = dy·weight,  dx = rate[t]·(g − mean_c(g) − x̂·mean_c(g·x̂)); dx may be dy     (normalise_back)
     */
    void (*column_moments)(double *sums, const wt_real *x, int ldx, int rows, int columns);
    void (*column_products)(double *sums, const wt_real *dy, int lddy, const wt_real *x, int ldx, int rows,
                            int columns);
    void (*standardise)(wt_real *y, int ldy, wt_real *x, int ldx, const wt_real *mean, const wt_real *rate,
                        const wt_real *weight, const wt_real *bias, int rows, int columns);
    void (*standardise_back)(wt_real *dx, int lddx, const wt_real *dy, int lddy, const wt_real *x, int ldx,
                             const wt_real *factor, const wt_real *mean_dy, const wt_real *mean_product,
                             int rows, int columns);
    void (*normalise)(wt_real *y, int ldy, wt_real *x, int ldx, wt_real *rate, const wt_real *weight,
                      const wt_real *bias, int rows, int columns);
    void (*normalise_back)(wt_real *dx, int lddx, const wt_real *dy, int lddy, const wt_real *x, int ldx,
                           const wt_real *rate, const wt_real *weight, int rows, int columns);
} wt_norm_kernels;

/* Losses, and the weights that a class is drawn with. */
typedef struct {
    /*
     * Softmax and cross-entropy (natural logarithm) over rows of logits, which become the gradient of the
     * *summed* loss by the logits where gradient is true and stay as they are otherwise. A target of −1
     * is no target: loss 0, gradient 0. Returns Σ_t log Σ_o exp(y[t,o]) − y[t,target], added in the order
     * of t in double.
     */
    double (*cross_entropy)(wt_real *logits, int ldl, const int32_t *targets, int rows, int classes,
                            bool gradient);

    /*
     * Squared error over rows of one output each, y[t·ldy], which become the gradient 2·(y − value) of the
     * *summed* loss where gradient is true. Where targets[t] < 0 there is no target: loss 0, gradient 0.
     * Returns Σ_t (y[t] − value[t])², the difference rounded as a wt_real, added in the order of t in double.
     */
    double (*squared_error)(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                            bool gradient);

    /*
     * Mixtures of logistics and of Gaussians over rows of outputs, which become the gradient of the *summed*
     * loss where gradient is true. values [rows, channels]; targets as above, −1: no target, loss and
     * gradient 0; else the edges' bits (batch.h). Returns Σ −ln Σ_k π_k·P_k(value), added in the order of t
     * and channels in double.
     *   logistics: P = σ((y + h − μ)/s) − σ((y − h − μ)/s), or the density σ'((y − μ)/s)/s
     *   gaussians: P = Φ((y + h − μ)/s) − Φ((y − h − μ)/s), or the density φ((y − μ)/s)/s
     * computed as ln P without differences of like numbers, in double (Salimans et al. 2017, arXiv
     * 1701.05517, section 2.1, without its guards, which are for 8 bits).
     */
    double (*logistics)(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                        const wt_mixture *mixture, bool gradient);
    double (*gaussians)(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                        const wt_mixture *mixture, bool gradient);

    /*
     * How far two spectra are apart: of a target and an output, [bins, 2] (real and imaginary parts), with
     * the magnitudes a and b = √max(re² + im², WT_SPECTRUM_FLOOR). Adds Σ (a − b)², Σ a² and Σ |ln a − ln b|,
     * grown in double in an order that `bins` alone decides, to sums [3]; and (spectrum_back) makes of the
     * output the gradient
     *   output·((1 − a/b)·convergence + sign(b − a)/b²·logarithm)           (0 where b is the floor)
     */
    void (*spectrum)(const wt_real *target, const wt_real *output, int bins, double *sums);
    void (*spectrum_back)(const wt_real *target, wt_real *output, int bins, wt_real convergence,
                          wt_real logarithm);

    /*
     * What a class is drawn with (generation): weights[o] = exp((logits[o] − largest)·sharpness),
     * sharpness > 0. Returns their sum in double, in an order that `classes` alone decides; NaN where a
     * logit is no finite number.
     */
    double (*soften)(wt_real *weights, const wt_real *logits, int classes, double sharpness);
} wt_loss_kernels;

/* Flat buffers: sums of gradients, their norm, and the update of parameters. */
typedef struct {
    /* sum += other; the only way in which gradients of microbatches are added. */
    void (*add)(wt_real *sum, const wt_real *other, size_t count);

    /* Σ (scale·x)² of one block, in double, in the order of the elements or another that count alone
     * decides. The caller adds blocks of WT_NORM_BLOCK in order. */
    double (*squares)(const wt_real *x, size_t count, double scale);

    /* Adam or AdamW on a range of the flat buffers. */
    void (*adam)(wt_real *parameter, wt_real *first, wt_real *second, const wt_real *gradient, size_t count,
                 const wt_adam_step *step);

    /* SGD on a range: g = scale·gradient + decay·p; v ← momentum·v + g; p ← p − rate·(v, or g + momentum·v
     * with Nesterov). v begins as zeros. With `velocity` NULL there is no momentum: p ← p − rate·g. */
    void (*sgd)(wt_real *parameter, wt_real *velocity, const wt_real *gradient, size_t count,
                const wt_sgd_step *step);

    /* A running mean of the parameters: mean ← mean + rest·(parameter − mean). */
    void (*average)(wt_real *mean, const wt_real *parameter, size_t count, double rest);
} wt_flat_kernels;

struct wt_kernels {
    const char *name;
    bool place_matters; /* a row's bits depend on where it stands in a product */

    /*
     * Products. A packed matrix [in][out] takes packed_count elements (64-byte aligned for speed alone);
     * `pack` makes it from w [in][out], or from w [out][in] where `transposed` is true, times `scale`.
     */
    size_t (*packed_count)(int in, int out);

    void (*pack)(wt_real *packed, const wt_real *w, int in, int out, bool transposed, wt_real scale);

    /*
     *   y[t, o] = (Σ_n Σ_i x_n[t, i]·w_n[i, o] + bias[o] + add[t, o])·scale,   t < rows, o < out
     * with the terms of `count` operands n, in their order. A dilated causal convolution (van den Oord et al.
     * 2016, section 2.1) has a tap for an operand, x_j = x + j·dilation rows; its gradient by the input a
     * transposed tap, x_j = dy − j·dilation rows. `bias` and `add` of finish may be NULL, add may be y. A
     * row's bits don't depend on its place in the call, unless place_matters.
     */
    void (*multiply)(wt_real *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish);

    /*
     * Generation: z[t, c] = tanh(a[t, c])·σ(b[t, c]) with (a, b) = begun + Σ_n x_n·w_n + bias + conditions,
     * as multiply, convolve_weights and activate would make it, without storing a and b. In w_n and the sums
     * `gate_turn` columns of a and of b take turns; the last ones are filled up with zeros:
     * 2·gate_turn·⌈gate/gate_turn⌉ columns. NULL: there is no such kernel.
     */
    int gate_turn;
    void (*multiply_gate)(wt_real *z, int ldz, int rows, int gate, const wt_operand *operands, int count,
                          const wt_gate_sums *sums);

    /*
     * The gradient by the weights of one tap:
     *   dw[i, o] += Σ_t x[t, i] · dy[t, o],   i < in, o < out, t < rows, in the order of t
     * (OpenBLAS: in blocks of fixed length; bf16: in pairs from the first row on). The caller offsets x by
     * the tap. rows may be 0.
     */
    void (*convolve_weights)(wt_real *dw, int lddw, const wt_real *x, int ldx, const wt_real *dy, int lddy,
                             int rows, int in, int out);

    /* The gradient by the bias: db[o] += Σ_t dy[t, o], in the order of t. rows may be 0. */
    void (*column_sums)(wt_real *db, const wt_real *dy, int lddy, int rows, int out);

    /*
     * A causal convolution on one-hot input is a table look-up:
     *   y[t, o] = bias[o] + Σ_j w[j][x[t + j]][o]     w [taps][classes][out], dilation 1
     * and its gradient by the weights a scatter, in the order of t, then j, for the columns
     * o < out of the panel that the caller's pointers begin at (lddw: classes' rows are lddw apart):
     *   dw[(j·classes + x[t + j])·lddw + o] += dy[t, o]
     */
    void (*embed)(wt_real *y, int ldy, const int32_t *x, const wt_real *w, const wt_real *bias, int rows,
                  int classes, int out, int taps);
    void (*embed_weights)(wt_real *dw, int lddw, const int32_t *x, const wt_real *dy, int lddy, int rows,
                          int classes, int out, int taps);

    /*
     * Activations of a block. `a` holds the convolution's output, filter channels first, and keeps
     * what backward needs: tanh(a) and σ(b) for the gate (2·gate columns), the result else (gate columns).
     *   z = tanh(a)·σ(b)   or   tanh(a)   or   max(a, 0)
     * Backward: from `a` as forward left it, da is the gradient by the convolution's output (da may be a),
     * and z is made once more where it is not NULL. Without a gate, z may be a, and da may be dz.
     */
    void (*activate)(wt_real *z, int ldz, wt_real *a, int lda, int rows, int gate, wt_activation activation);
    void (*activate_back)(wt_real *da, int ldda, wt_real *z, int ldz, const wt_real *a, int lda,
                          const wt_real *dz, int lddz, int rows, int gate, wt_activation activation);

    wt_norm_kernels norms;
    wt_loss_kernels losses;
    wt_flat_kernels flat;
};

enum {
    WT_NORM_BLOCK = 4096, /* elements of a block of the gradient's norm */
};

#define WT_SPECTRUM_FLOOR 1e-8 /* of a bin's power */
#define WT_NORM_EPSILON 1e-5   /* added to the variance by batch and layer norm */

/*
 * Generation computes a row, or a few, at a time, and reads all weights for them. The kernels for that are
 * those of `table` but for `packed_count`, `pack`, `multiply` and `multiply_gate`: for fewer than
 * WT_FEW_ROWS rows the weights stand in the order in which they are read; nothing is made by BLAS; weights
 * may be rounded to bf16, where few rows read half the bytes. A row's bits depend neither on `rows` nor on
 * its place, and are those of the table's own `multiply` where that has fused multiply-adds of fp32 (and the
 * weights are fp32).
 */
enum { WT_FEW_ROWS = 4 };
wt_kernels wt_kernels_for_rows(const wt_kernels *table, int rows, wt_weights weights);

/* Each number becomes the nearest that bf16 has. */
void wt_kernels_round_to_bf16(wt_real *values, size_t count);

/* Reads so many numbers, one line after the other, as fast as this CPU can: what generation is measured
 * against. */
void wt_kernels_read(const wt_real *from, size_t count);

/* The peak of the multiply-adds of the vector unit that a table uses (NULL: the widest of the CPU). `run`
 * works in the calling thread, on registers alone, and returns the operations that it made (a multiply-add
 * counts 2), in proportion to the rounds; a round is some ten nanoseconds. NULL where the unit has no such
 * instruction. */
typedef enum { WT_PEAK_FP32, WT_PEAK_BF16, WT_PEAKS } wt_peak_kind;
typedef struct {
    const char *instruction;
    double (*run)(int64_t rounds);
} wt_peak;
wt_peak wt_kernels_peak(const wt_kernels *table, wt_peak_kind kind);

#endif
