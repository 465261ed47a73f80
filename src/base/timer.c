/* Time by the monotonic clock. */
#include "base/timer.h"

#include <string.h>
#include <time.h>

double wt_time_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *wt_phase_name(wt_phase phase) {
    static const char *const names[WT_PHASES] = {
        [WT_PHASE_DATA] = "data",
        [WT_PHASE_DERIVE] = "pack",
        [WT_PHASE_FORWARD] = "forward",
        [WT_PHASE_BACKWARD] = "backward",
        [WT_PHASE_EXCHANGE] = "exchange",
        [WT_PHASE_DECIDE] = "decide",
        [WT_PHASE_UPDATE] = "update",
        [WT_PHASE_VALIDATE] = "validate",
        [WT_PHASE_CHECKPOINT] = "checkpoint",
        [WT_PHASE_OTHER] = "other",
        [WT_PHASE_WAIT] = "wait",
    };
    return names[phase];
}

void wt_timer_init(wt_timer *timer) {
    memset(timer, 0, sizeof *timer);
    timer->since = wt_time_now();
    timer->phase = WT_PHASE_OTHER;
}

void wt_timer_enter(wt_timer *timer, wt_phase phase) {
    double now = wt_time_now();
    timer->seconds[timer->phase] += now - timer->since;
    timer->since = now;
    timer->phase = phase;
    if (timer->listener) timer->listener(timer->context, phase);
}

void wt_timer_move(wt_timer *timer, wt_phase from, wt_phase to, double seconds) {
    timer->seconds[from] -= seconds;
    timer->seconds[to] += seconds;
}

double wt_timer_steps(const wt_timer *timer) {
    double sum = 0;
    for (int phase = 0; phase <= WT_PHASE_UPDATE; phase++) sum += timer->seconds[phase];
    return sum;
}
