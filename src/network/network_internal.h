/* What a network owns; other folders read it by functions (wavetrain/network.h, network/network_model.h). */
#ifndef WAVETRAIN_NETWORK_INTERNAL_H
#define WAVETRAIN_NETWORK_INTERNAL_H

#include "network/network_model.h"

struct wt_network {
    wt_network_traits traits;
    wt_parameter_table parameters; /* the graph's tensors */
    struct wt_graph *graph;
    wt_initial initial; /* with the gain and scale that are meant */
};

#endif
