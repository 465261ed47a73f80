/* The type of every number in the network. */
#ifndef WAVETRAIN_REAL_H
#define WAVETRAIN_REAL_H

/* float in the program. The tests build the reference kernels and the model a second time in double
 * (-DWT_REAL_DOUBLE), so that gradients can be checked by finite differences. */
#ifdef WT_REAL_DOUBLE
typedef double wt_real;
#else
typedef float wt_real;
#endif

#endif
