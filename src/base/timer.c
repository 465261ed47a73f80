/* Time by the monotonic clock. */
#include "base/timer.h"

#include <time.h>

double wt_time_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
