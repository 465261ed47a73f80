/* Times of work that all threads do at once. */
#include "bench/bench_time.h"

#include <omp.h>

#include "base/order.h"
#include "base/timer.h"

wt_bench_time wt_bench_summarise(double *seconds, int count) {
    const double median = wt_order_median(seconds, (size_t)count);
    return (wt_bench_time){median, seconds[0]};
}

double wt_bench_together(wt_bench_work work, void *context) {
    double first = 0.0, last = 0.0;
#pragma omp parallel shared(first, last)
    {
#pragma omp barrier
        double began = wt_time_now();
        work(context, omp_get_thread_num(), omp_get_num_threads());
        double ended = wt_time_now();
#pragma omp critical
        {
            if (first == 0.0 || began < first) first = began;
            if (ended > last) last = ended;
        }
    }
    return last > first ? last - first : 1e-9;
}

double wt_bench_best_of(wt_bench_work work, void *context, int turns) {
    double best = wt_bench_together(work, context);
    for (int i = 1; i < turns; i++) {
        double seconds = wt_bench_together(work, context);
        if (seconds < best) best = seconds;
    }
    return best;
}

int wt_bench_repeats(wt_bench_work work, void *context) {
    enum { TRIES = 9 };
    const double least = 100e-6, best = wt_bench_best_of(work, context, TRIES);
    return best < least ? (int)(least / best) + 1 : 1;
}
