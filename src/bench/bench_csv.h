/*
 * What is measured as tables for other programs: CSV, a file that begins with its heading. Shares and rates
 * are of the best times; a figure that there is not is empty.
 */
#ifndef WAVETRAIN_BENCH_CSV_H
#define WAVETRAIN_BENCH_CSV_H

#include <stdio.h>

#include "bench/measure_exchange.h"
#include "bench/measure_kernels.h"
#include "bench/measure_step.h"
#include "bench/measure_streams.h"
#include "predict/scaling.h"

/* A new file that begins with the heading; an existing one is replaced. *out is NULL where path is NULL. */
wt_status wt_bench_csv_open(FILE **out, const char *path, const char *heading);
/* Passes `status` on, or else that something could not be written since the file was opened. `file` may be
 * NULL. */
wt_status wt_bench_csv_close(FILE *file, const char *path, wt_status status);

/* --- a heading, and what writes a row behind it --- */

#define WT_CSV_KERNELS                                                                \
    "version,kernels,threads,rows,kernel,channels,taps,dilation,unit,hot_per_second," \
    "hot_share,window_per_second,window_share,tile_bytes,window_bytes_per_second,peak_fp32\n"
void wt_bench_csv_kernel(FILE *file, const char *kernels, const wt_kernel_rate *rate);

#define WT_CSV_STEP "version,model,kernels" /* the columns are of the build: they come with the row */
void wt_bench_csv_step(FILE *file, const wt_stepper *stepper, const wt_step_speed *speed);

#define WT_CSV_STREAMS                                                  \
    "version,model,kernels,threads,streams,weights,samples_per_second," \
    "median_samples_per_second,weight_bytes,read_per_second,share_of_read,share_of_peak\n"
void wt_bench_csv_streams(FILE *file, const char *name, const wt_streams_speed *speed, int number);

#define WT_CSV_EXCHANGE                                                   \
    "ranks,bytes,tree_seconds,allreduce_seconds,ratio,tree_best_seconds," \
    "allreduce_best_seconds,tree_bytes_per_second,link_bytes_per_second,bound_seconds\n"
void wt_bench_csv_exchange(FILE *file, int ranks, const wt_exchange_speed *speed);

#define WT_CSV_SCALING                                                                   \
    "scaling,ranks,nodes,windows,microbatches,step_seconds,step_median_seconds,speedup," \
    "efficiency,exposed_share,model_step_seconds,model_speedup,model_efficiency,"        \
    "model_exposed_share\n"
/* All cases. */
void wt_bench_csv_scaling(FILE *file, const wt_scaling_table *table, bool measured);

#endif
