/* What the bench commands share: times, the peak that they are compared with, and tables for other
 * programs. */
#ifndef WAVETRAIN_BENCH_INTERNAL_H
#define WAVETRAIN_BENCH_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "comm/exchange.h"
#include "config/sections.h"
#include "kernels/kernel_set.h"
#include "wavetrain/comm.h"
#include "wavetrain/config.h"
#include "wavetrain/kernels.h"

enum { WT_ROUNDS_MOST = 1001 };

/* --- times --- */

typedef struct {
    double median, best; /* seconds */
} wt_bench_time;

/* Sorts the seconds. */
wt_bench_time wt_bench_summarise(double *seconds, int count);

/* `work` in all threads of OpenMP's at once: seconds from the first one's beginning to the last one's end. */
typedef void (*wt_bench_work)(void *context, int thread, int threads);
double wt_bench_together(wt_bench_work work, void *context);
/* The best of so many. */
double wt_bench_best_of(wt_bench_work work, void *context, int turns);
/* How often the work is repeated, so that it takes long compared with the start of threads, and is short
 * compared with a slice of time that the scheduler gives: by trying. */
int wt_bench_repeats(wt_bench_work work, void *context);

/* --- the peak of the cores, measured in short bursts between what it is compared with --- */

typedef struct {
    double best;                /* operations per second of all threads at once, in the best burst */
    double apart;               /* threads × the best burst of one thread while the others wait */
    double operations, seconds; /* of all bursts of all threads */
} wt_bench_peak;

typedef struct {
    wt_peak unit[WT_PEAKS]; /* run is NULL: the kernels' vector unit has no such instruction */
    wt_bench_peak of[WT_PEAKS];
    int64_t rounds[WT_PEAKS]; /* of a burst */
} wt_bench_peaks;

/* Of the vector unit that the kernels use. Chooses the bursts' length, by trying. */
void wt_bench_peaks_init(wt_bench_peaks *peaks, const wt_kernels *kernels);
/* A few bursts of each kind. */
void wt_bench_peaks_burst(wt_bench_peaks *peaks);
/* Begins anew, with the same bursts. */
void wt_bench_peaks_clear(wt_bench_peaks *peaks);
/* What other bursts have found becomes part of it. */
void wt_bench_peaks_merge(wt_bench_peaks *peaks, const wt_bench_peaks *others);
/* The same of all ranks together. Collective. */
void wt_bench_peaks_sum(wt_bench_peaks *peaks, wt_comm *comm);
/* A peak that other load disturbed makes shares of it too large. Where the best burst of all threads and the
 * threads × one thread's differ by more than a tenth, the text says so: "; disturbed: …". Else it is
 * empty. */
enum { WT_PEAK_DOUBT = 96 };
void wt_bench_peak_doubt(char text[WT_PEAK_DOUBT], const wt_bench_peak *peak);
/* Two lines, of `cores`: "2 threads". */
void wt_bench_peaks_print(const wt_bench_peaks *peaks, const char *cores);

/* --- options --- */

/* --threads: 0 leaves OpenMP's own number. */
wt_status wt_bench_set_threads(int threads);
/* --backend: NULL is auto. Also checks the name. */
wt_status wt_bench_select(const wt_kernels **kernels, const char *backend);
wt_status wt_bench_check(const char *option, int value, int least, int most);
/* "16,32,64": numbers from `least` to `most`. */
enum { WT_BENCH_LIST = 32 };
typedef struct {
    int count, values[WT_BENCH_LIST];
} wt_bench_list;
wt_status wt_bench_parse_list(wt_bench_list *list, const char *option, const char *text, int least, int most);

/* --- networks --- */

/* A configuration's file, as far as steps take time, or (`path` NULL) the model of that name: A, B, C or
 * S. */
wt_status wt_bench_load_model(wt_config *config, const char *path, const char *model, const char *const *sets,
                              size_t count);

/* --- a table for other programs --- */

/* A new file that begins with the heading; an existing one is replaced. *out is NULL where path is NULL. */
wt_status wt_bench_csv_open(FILE **out, const char *path, const char *heading);
/* Passes `status` on, or else that something could not be written since the file was opened. `file` may be
 * NULL. */
wt_status wt_bench_csv_close(FILE *file, const char *path, wt_status status);

/* --- the exchange --- */

/* `microbatches` of all ranks; the rest is the configuration's. */
wt_status wt_bench_make_exchange(wt_exchange **out, wt_comm *comm, const wt_kernels *kernels,
                                 const wt_exchange_config *config, int microbatches, int open_microbatches,
                                 size_t count);

/* The median time of an exchange without overlap, with a microbatch per rank, on the slowest rank.
 * Collective. */
wt_status wt_bench_exchange_seconds(double *seconds, wt_comm *comm, const wt_kernels *kernels,
                                    const wt_exchange_config *config, size_t bytes, int rounds);

#endif
