/*
 * A network as a page of Python: a torch module with the tensors of a safetensors file, whose forward has a
 * line for each operator of the graph. Layers that differ in numbers alone become a loop. Sees graphs, and no
 * builder.
 */
#ifndef WAVETRAIN_TORCH_H
#define WAVETRAIN_TORCH_H

#include <stdio.h>

#include "export/exported_network.h"

/* Fails (WT_USAGE) where the graph has what the page has no line for. `tensors`: the name of
 * the safetensors file, in the page's folder. */
wt_status wt_torch_print(FILE *out, const wt_exported_network *source, const char *tensors);

#endif
