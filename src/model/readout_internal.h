/*
 * Reading one output out of a window: y = Σ_t w_t·o[t] + b over its outputs o [readout_rows, outputs], as wt_network has it.
 * `parameters` is the flat buffer.
 */
#ifndef WAVETRAIN_READOUT_INTERNAL_H
#define WAVETRAIN_READOUT_INTERNAL_H

#include "wavetrain/model.h"

/* y [outputs], added in the order of t. */
void wt_readout_outputs(const wt_network *network, const wt_real *parameters, const wt_real *o, wt_real *y);
/* dw[t] += Σ_c dy[c]·o[t, c], and db += dy where there is a bias: gradients at the places of the readout's tensors in a
 * buffer that stands for the flat one from element `base` on. */
void wt_readout_weights(const wt_network *network, const wt_real *o, const wt_real *dy, wt_real *gradient,
                        size_t base);
/* do[t, c] = w_t·dy[c] for rows first … first+rows−1, to `back` [rows, outputs]. */
void wt_readout_back(const wt_network *network, const wt_real *parameters, int first, int rows,
                     const wt_real *dy, wt_real *back);

#endif
