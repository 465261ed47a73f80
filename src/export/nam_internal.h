/* What reading and writing .nam files share: the names that the format has for what an array can be. */
#ifndef WAVETRAIN_NAM_INTERNAL_H
#define WAVETRAIN_NAM_INTERNAL_H

#include "kernels/kernel_set.h"

/* The format's name of an activation and ours in a configuration. */
typedef struct {
    const char *name, *own;
    wt_activation activation;
} wt_nam_activation;
extern const wt_nam_activation wt_nam_activations[]; /* name NULL at the end */

/* Modulations of a layer's parts, none of which an amplifier has. */
extern const char *const wt_nam_films[]; /* NULL at the end */

#endif
