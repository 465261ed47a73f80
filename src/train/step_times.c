/* The last steps' times, of which the median is told: one slow step, and the first ones, do not count. */
#include <stdlib.h>
#include <string.h>

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

static int wt_compare_times(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double wt_step_times_median(const wt_step_times *times, wt_step_time which) {
    double sorted[WT_STEPS_KEPT];
    size_t count = times->count < WT_STEPS_KEPT ? (size_t)times->count : WT_STEPS_KEPT;
    if (count == 0) return 0;
    memcpy(sorted, times->seconds[which], count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, wt_compare_times);
    return sorted[count / 2];
}
