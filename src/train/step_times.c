/* The last steps' times. A median leaves out the odd slow step; that of the fastest steps alone also leaves
 * out what others on the machine do: a step in which any rank lost its core is slow on all of them. */
#include <stdlib.h>

#include "train_internal.h"

void wt_step_times_note(wt_step_times *times, const wt_timer *timer) {
    const double now[WT_STEP_TIMES] = {
        [WT_STEP_TIME_ALL] = wt_timer_steps(timer),
        [WT_STEP_TIME_EXPOSED] = timer->seconds[WT_PHASE_WAIT] + timer->seconds[WT_PHASE_EXCHANGE],
        [WT_STEP_TIME_WAIT] = timer->seconds[WT_PHASE_WAIT],
        [WT_STEP_TIME_BACKWARD] = timer->seconds[WT_PHASE_BACKWARD],
    };
    for (int i = 0; i < WT_STEP_TIMES; i++) {
        times->seconds[i][times->count % WT_STEPS_KEPT] = now[i] - times->before[i];
        times->before[i] = now[i];
    }
    times->count++;
}

typedef struct {
    double key, value;
} wt_keyed;

static int compare_keys(const void *a, const void *b) {
    const wt_keyed *left = a, *right = b;
    return (left->key > right->key) - (left->key < right->key);
}

double wt_step_times_median(const wt_step_times *times, wt_step_time which, double share) {
    wt_keyed sorted[WT_STEPS_KEPT];
    size_t count = times->count < WT_STEPS_KEPT ? (size_t)times->count : WT_STEPS_KEPT;
    if (count == 0) return 0;
    for (size_t i = 0; i < count; i++)
        sorted[i] = (wt_keyed){times->seconds[WT_STEP_TIME_ALL][i], times->seconds[which][i]};
    qsort(sorted, count, sizeof *sorted, compare_keys);
    size_t fastest = (size_t)(share * (double)count);
    if (fastest == 0) fastest = 1;
    for (size_t i = 0; i < fastest; i++) sorted[i].key = sorted[i].value;
    qsort(sorted, fastest, sizeof *sorted, compare_keys);
    return sorted[fastest / 2].value;
}
