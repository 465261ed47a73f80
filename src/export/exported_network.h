/* A network as the files of other programs describe it. Sees graphs, and no builder. */
#ifndef WAVETRAIN_EXPORTED_NETWORK_H
#define WAVETRAIN_EXPORTED_NETWORK_H

#include "network/graph.h"

typedef struct {
    const wt_graph *graph;
    const char *title;   /* what it is, a line */
    const char *outputs; /* what the numbers per target are: "logits of classes" */
    int classes;         /* of the input; 0: it is real */
    int padding;         /* the class that stands before an input */
    int channels;        /* of a real input */
    int features;        /* numbers per frame; 0: there is no condition */
    int centre;          /* sample of frame 0's centre */
    int look_ahead;      /* samples that an output comes late */
    bool next;           /* outputs are of the next sample */
} wt_exported_network;

/* Neighbouring terms of a product that a convolution makes at once: all taps of one tensor in order, at even
 * distances, on one value and with one scale. */
typedef struct {
    int first, count; /* terms */
    int dilation;
    bool whole; /* it has all taps; a single tap of several has not */
} wt_term_part;

/* The part that begins with term `first`, of terms before `end`. What is not regular is a part per term. */
wt_term_part wt_term_find_part(const wt_graph *graph, int first, int end);

/* A tensor's name without what stands behind the last dot. */
void wt_term_print_prefix(char prefix[WT_PARAMETER_NAME], const wt_graph *graph, int tensor);

/* Whether the network has one output per window. */
static inline bool wt_exported_has_readout(const wt_graph *graph) {
    return graph->values[graph->outputs].extent == WT_EXTENT_WINDOW;
}

#endif
