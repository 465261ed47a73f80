/* What the files of this folder share. */
#ifndef WAVETRAIN_PREDICT_INTERNAL_H
#define WAVETRAIN_PREDICT_INTERNAL_H

#include "config/sections.h"
#include "network/network_model.h"
#include "wavetrain/predict.h"

/* Targets of a window, as the trainer counts them. */
static inline int wt_forecast_targets(const wt_forecast_case *run) {
    return wt_network_targets(run->network, run->config->data.window, run->config->data.stride);
}

static inline int wt_forecast_channels(const wt_forecast_case *run) {
    return run->data.channels > 0 ? run->data.channels : 1;
}

/* Parameters and all that the optimizer keeps of them; the configuration and the network are read. */
int64_t wt_forecast_state_bytes(const wt_forecast_case *run);

#endif
