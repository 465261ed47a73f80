/* Wall-clock time. */
#ifndef WAVETRAIN_TIMER_H
#define WAVETRAIN_TIMER_H

/* Seconds on a clock that never jumps. */
double wt_time_now(void);

#endif
