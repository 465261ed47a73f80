/* Which terms of a product are one convolution. */
#include <string.h>

#include "export/exported_network.h"

wt_term_part wt_term_find_part(const wt_graph *graph, int first, int end) {
    const wt_term *term = &graph->terms[first];
    wt_term_part part = {first, 1, 1, true};
    if (term->tensor < 0) return part;
    const wt_parameter *weight = &graph->tensors[term->tensor];
    const int taps = weight->rank == 3 ? (int)weight->shape[2] : 1;
    const int dilation = taps > 1 && first + taps <= end ? term->delay - term[1].delay : 1;
    part.whole = first + taps <= end && dilation > 0;
    for (int j = 0; part.whole && j < taps; j++)
        part.whole = term[j].tensor == term->tensor && term[j].tap == j && term[j].value == term->value &&
                     term[j].scale == term->scale &&
                     term[j].delay == term[taps - 1].delay + (taps - 1 - j) * dilation;
    if (!part.whole) return part;
    part.count = taps;
    part.dilation = dilation;
    return part;
}

void wt_term_print_prefix(char prefix[WT_PARAMETER_NAME], const wt_graph *graph, int tensor) {
    memcpy(prefix, graph->tensors[tensor].name, WT_PARAMETER_NAME);
    char *dot = strrchr(prefix, '.');
    if (dot) *dot = '\0';
}
