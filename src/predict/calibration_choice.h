/* Which calibration a prediction is made from, and which of its rates. */
#ifndef WAVETRAIN_CALIBRATION_CHOICE_H
#define WAVETRAIN_CALIBRATION_CHOICE_H

#include "wavetrain/predict.h"

/* Loads the file `given`, which must be there and right, or (NULL) that of this machine's CPU, where a
 * warning says why there is none; *path becomes its name. */
wt_status wt_calibration_choose(wt_calibration *calibration, const char *given, char path[WT_PATH_MAX],
                                bool *loaded);

/* Begins a calibration of this machine's CPU with what the file `path` has of the same CPU, if there is one;
 * warns where it is replaced. */
void wt_calibration_begin(wt_calibration *calibration, const char *path, int cores);

/* Whether this machine's CPU has a calibration; *path becomes its name. */
bool wt_calibration_is_there(char path[WT_PATH_MAX]);

/* Sets run->rates_of where the calibrated CPU would choose other kernels than this one; warns where the file
 * `path` has rates of none that would do. */
void wt_calibration_choose_rates(wt_forecast_case *run, const char *path);

#endif
