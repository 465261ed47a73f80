/*
 * A network as a page of Python: a torch module with the tensors of a safetensors file, whose forward has a
 * line for each operator of the graph. Layers that differ in numbers alone become a loop. Sees graphs, and no
 * builder.
 */
#ifndef WAVETRAIN_TORCH_H
#define WAVETRAIN_TORCH_H

#include <stdio.h>

#include "network/graph.h"

typedef struct {
    const wt_graph *graph;
    const char *title;   /* what it is, a line */
    const char *outputs; /* what the numbers per target are: "logits of 256 classes" */
    const char *tensors; /* name of the safetensors file, in the page's folder */
    int classes;         /* of the input; 0: it is real */
    int padding;         /* the class that stands before an input */
    int channels;        /* of a real input */
    int features;        /* numbers per frame; 0: there is no condition */
    int centre;          /* sample of frame 0's centre */
    int look_ahead;      /* samples that an output comes late */
    bool next;           /* outputs are of the next sample */
} wt_torch_source;

/* Fails (WT_USAGE) where the graph has what the page has no line for. */
wt_status wt_torch_print(FILE *out, const wt_torch_source *source);

#endif
