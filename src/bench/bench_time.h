/*
 * Times for measurements.
 *
 * A machine is never quiet: frequencies and other load change from second to second. So whatever is compared
 * is measured by turns, in many short runs, and ratios are of the best ones, which the machine's full speed
 * was there for; medians show how often it was.
 */
#ifndef WAVETRAIN_BENCH_TIME_H
#define WAVETRAIN_BENCH_TIME_H

enum { WT_BENCH_ROUNDS_MAX = 1001, WT_BENCH_LIST = 32 };

/* Numbers to measure with, in the order given. */
typedef struct {
    int count, values[WT_BENCH_LIST];
} wt_bench_list;

typedef struct {
    double median, best; /* seconds */
} wt_bench_time;

/* Sorts the seconds. */
wt_bench_time wt_bench_summarise(double *seconds, int count);

/* `work` in all threads of OpenMP at once: seconds from the first one's beginning to the last one's end. */
typedef void (*wt_bench_work)(void *context, int thread, int threads);
double wt_bench_together(wt_bench_work work, void *context);
/* The best of so many. */
double wt_bench_best_of(wt_bench_work work, void *context, int turns);
/* How often the work is repeated, so that it takes long compared with the start of threads, and is short
 * compared with a slice of time that the scheduler gives: by trying. */
int wt_bench_repeats(wt_bench_work work, void *context);

#endif
