/* Learning rates as functions of the step alone. */
#include <math.h>

#include "wavetrain/optim.h"

double wt_schedule_rate(const wt_schedule_config *schedule, double base, int64_t step, int64_t steps) {
    if (step <= schedule->warmup) return base * (double)step / (double)schedule->warmup;
    double s = (double)(step - schedule->warmup);
    switch (schedule->kind) {
    case WT_SCHEDULE_CONSTANT: return base;
    case WT_SCHEDULE_EXPONENTIAL: return base * pow(schedule->decay, s / (double)schedule->decay_steps);
    case WT_SCHEDULE_COSINE: {
        double share = s / (double)(steps - schedule->warmup);
        if (share > 1.0) share = 1.0;
        return base * (schedule->floor +
                       (1.0 - schedule->floor) * 0.5 * (1.0 + cos(3.14159265358979323846 * share)));
    }
    }
    return base;
}
