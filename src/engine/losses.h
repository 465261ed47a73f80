/*
 * The losses: what a row of outputs says of a target, and how a sample is drawn from it. A class is a file of its own
 * and an entry of the table in losses.c.
 */
#ifndef WAVETRAIN_LOSSES_H
#define WAVETRAIN_LOSSES_H

#include "network/graph.h"
#include "wavetrain/engine.h"

/* Rows of outputs y [rows, outputs] and their targets: target [rows] is a class, or of values (value [rows, channels])
 * the edges' bits; −1: no target. */
typedef struct {
    wt_real *y;
    int rows, outputs;
    const int32_t *target;
    const wt_real *value;
} wt_loss_rows;

typedef struct {
    const char *name;
    /* The summed loss; with `gradient` the outputs become its gradient. */
    double (*score)(const wt_kernels *kernels, const wt_mixture *mixture, const wt_loss_rows *rows,
                    bool gradient);
    /* As wt_engine_draw, which has looked at the outputs; NULL of classes. */
    void (*draw)(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                 wt_real *values);
    void (*mean)(const wt_mixture *mixture, const wt_real *outputs, int count,
                 wt_real *values); /* of values */
} wt_loss_class;

extern const wt_loss_class wt_loss_cross_entropy, wt_loss_squared_error, wt_loss_logistics, wt_loss_gaussians;
extern const wt_loss_class *const wt_loss_classes[WT_LOSSES];

/* Numbers for value `c` of the key's sample: uniform ones for `use` 0 and 1, and a normal one. */
double wt_draw_uniform(const wt_draw_key *key, const wt_mixture *mixture, int c, int use);
double wt_draw_normal(const wt_draw_key *key, const wt_mixture *mixture, int c, int use);
/* The component of K logits that is drawn; the likeliest one at temperature 0. */
int wt_draw_component(const wt_draw_key *key, const wt_mixture *mixture, int c, const wt_real *logits);
/* As wt_loss_class.draw: a component, then its value μ + temperature · scale · unit, where `unit` draws from the
 * component with mean 0 and scale 1, and the scale's logarithm is at least `lowest`. */
void wt_draw_mixture(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                     wt_real *values, double (*unit)(const wt_draw_key *, const wt_mixture *, int c),
                     double lowest);
/* Of a mixture: Σ π_k μ_k. */
void wt_mixture_mean(const wt_mixture *mixture, const wt_real *outputs, int count, wt_real *values);

#endif
