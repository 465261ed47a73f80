/*
 * The losses: what a row of outputs says of a target, and how a sample is drawn from it. A class is a file of
 * its own and an entry of the table in losses.c.
 */
#ifndef WAVETRAIN_LOSSES_H
#define WAVETRAIN_LOSSES_H

#include "kernels/kernel_set.h"
#include "network/graph.h"
#include "wavetrain/stream.h"

/* Rows of outputs y [rows, outputs] and their targets: target [rows] is a class, or of values (value [rows,
 * channels]) the edges' bits; −1: no target. */
typedef struct {
    wt_real *y;
    int rows, outputs;
    const int32_t *target;
    const wt_real *value;
} wt_loss_rows;

/* What scores them: `tools` and `scratch` are of losses that have any. */
typedef struct {
    const wt_kernels *kernels;
    const wt_op *op;
    bool gradient;
    const wt_real *weights; /* [classes] factors on the losses of their targets; NULL: 1 */
    const void *tools;
    wt_real *scratch; /* the thread's, 64-byte aligned */
} wt_loss_call;

typedef struct {
    const char *name;
    /* The summed loss; with `gradient` the outputs become its gradient. */
    double (*score)(const wt_loss_call *call, const wt_loss_rows *rows);
    /* As wt_engine_draw, which has looked at the outputs; NULL of classes. */
    void (*draw)(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                 wt_real *values);
    void (*mean)(const wt_mixture *mixture, const wt_real *outputs, int count,
                 wt_real *values); /* of values */
    /* Of a loss whose training takes a window's rows at once; else NULL. What its calls share (NULL after a
     * failure; release takes NULL), and the elements of scratch that a call with so many rows works in. */
    wt_status (*prepare)(void **tools, int rows);
    void (*release)(void *tools);
    size_t (*scratch)(int rows);
} wt_loss_class;

/*
 * The spectral loss: squared error, and in training the multi-resolution STFT loss (Yamamoto et al. 2020,
 * arXiv 1910.11480; the resolutions, their floor and the mirrored ends are those of auraloss, Steinmetz &
 * Reiss 2020). Of a window's targets s[t] and outputs it takes
 *   x[t] = gain·(s[t + 1] − preemphasis·s[t])                         (0 where t or t + 1 is no target)
 * in frames of N samples every h samples, x mirrored at its ends, each frame under a Hann window of n samples
 * in its middle; with the magnitudes A (targets) and B (outputs), √max(|·|², WT_SPECTRUM_FLOOR), over all
 * frames and bins
 *   M = mean over (N, h, n) of  ‖A − B‖/‖A‖ + mean |ln A − ln B|
 *   window's loss = Σ (y − target)² + targets·weight·M
 * Both norms are over one window alone, so that windows' losses add up, over microbatches and ranks too.
 * Resolutions with N/2 samples or more than x has are left out.
 */
extern const wt_loss_class wt_loss_cross_entropy, wt_loss_squared_error, wt_loss_logistics, wt_loss_gaussians,
    wt_loss_spectral;
extern const wt_loss_class *const wt_loss_classes[WT_LOSSES];

/* Numbers for value `c` of the key's sample: uniform ones for `use` 0 and 1, and a normal one. */
double wt_loss_draw_uniform(const wt_draw_key *key, const wt_mixture *mixture, int c, int use);
double wt_loss_draw_normal(const wt_draw_key *key, const wt_mixture *mixture, int c, int use);
/* The component of K logits that is drawn; the likeliest one at temperature 0. */
int wt_loss_draw_component(const wt_draw_key *key, const wt_mixture *mixture, int c, const wt_real *logits);
/* As wt_loss_class.draw: a component, then its value μ + temperature · scale · unit, where `unit` draws from
 * the component with mean 0 and scale 1, and the scale's logarithm is at least `lowest`. */
void wt_loss_draw_mixture(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs,
                          int count, wt_real *values,
                          double (*unit)(const wt_draw_key *, const wt_mixture *, int c), double lowest);
/* Where outputs are the values: the draw, and the mean. */
void wt_loss_draw_output(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                         wt_real *values);
void wt_loss_output_mean(const wt_mixture *mixture, const wt_real *outputs, int count, wt_real *values);
/* Of a mixture: Σ π_k μ_k. */
void wt_loss_mixture_mean(const wt_mixture *mixture, const wt_real *outputs, int count, wt_real *values);

#endif
