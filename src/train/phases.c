/* The phases of a step: what they are called, how long they may last, and where a rank waits for others. */
#include "train/phases.h"

#include <string.h>

#include "base/timer.h"

/* Files are read while data are loaded, and written with a checkpoint. */
const wt_hang_phase wt_phase_table[WT_PHASES] = {
    [WT_PHASE_DATA] = {"data", .part = WT_HANG_DATA},
    [WT_PHASE_DERIVE] = {"pack"},
    [WT_PHASE_FORWARD] = {"forward"},
    [WT_PHASE_BACKWARD] = {"backward"},
    [WT_PHASE_EXCHANGE] = {"exchange", .waits = true},
    [WT_PHASE_WAIT] = {"wait", .waits = true},
    [WT_PHASE_DECIDE] = {"decide"},
    [WT_PHASE_UPDATE] = {"update"},
    [WT_PHASE_VALIDATE] = {"validate", .part = WT_HANG_VALIDATION},
    [WT_PHASE_CHECKPOINT] = {"checkpoint", .part = WT_HANG_DATA},
    [WT_PHASE_OTHER] = {"other"},
};

const char *wt_phase_name(wt_phase phase) {
    return wt_phase_table[phase].name;
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
