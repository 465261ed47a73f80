/* A forecast's parts. */
#ifndef WAVETRAIN_FORECAST_H
#define WAVETRAIN_FORECAST_H

#include "engine/engine.h"
#include "wavetrain/predict.h"

/* Its parts. Units of each kind of work in a step of the rank with `own_microbatches` microbatches. */
void wt_work_count(double work[WT_WORK_KINDS], const wt_forecast_case *run, const wt_forecast *microbatches);

/* Distributes a step's microbatches to ranks and threads: fills the first fields of the forecast. */
wt_status wt_forecast_microbatches(wt_forecast *forecast, const wt_forecast_case *run);
/* Memory, given the microbatches. */
void wt_forecast_memory(wt_forecast *forecast, const wt_forecast_case *run);
/* exchange, exposed and linked, given microbatches and compute. */
wt_status wt_forecast_exchange(wt_forecast *forecast, const wt_forecast_case *run);

/* Rates from measured steps: the seconds a unit, none below 0, that make up the measured times best (least
 * squares of relative errors). work is [count, WT_WORK_KINDS]; kinds that no step has get 0. */
wt_status wt_rates_fit(double seconds[WT_WORK_KINDS], const double (*work)[WT_WORK_KINDS],
                       const double *measured, int count);

#endif
