/* What the files that print a page of Python share. */
#ifndef WAVETRAIN_TORCH_INTERNAL_H
#define WAVETRAIN_TORCH_INTERNAL_H

#include "export/torch.h"

enum { WT_TORCH_LINE = 1024 };

/* Functions of the page that lines call; only those that are called are printed. */
typedef enum {
    WT_TORCH_ADD,
    WT_TORCH_LINEAR,
    WT_TORCH_CONV,
    WT_TORCH_GATE,
    WT_TORCH_BATCH_NORM,
    WT_TORCH_FOLLOW,
    WT_TORCH_STRETCH,
    WT_TORCH_SLOPES,
    WT_TORCH_UPSAMPLE,
    WT_TORCH_READOUT,
    WT_TORCH_FUNCTIONS
} wt_torch_function;

/* A statement of forward. */
typedef struct {
    int layer;
    char text[WT_TORCH_LINE];
} wt_torch_line;

typedef struct {
    wt_torch_line *lines; /* [count] */
    int count;
    int sums; /* variables s, s2 … begin as 0 */
    bool called[WT_TORCH_FUNCTIONS];
    char result[8]; /* the variable of the outputs */
} wt_torch_lines;

wt_status wt_torch_lines_make(wt_torch_lines *lines, const wt_graph *graph);
void wt_torch_lines_dispose(wt_torch_lines *lines);
/* The name of sum `number`, from 0 on. */
void wt_torch_name_sum(char name[8], int number);

/* Prints the lines, `indent` spaces before each; neighbouring layers that differ in numbers alone as a
 * loop. */
wt_status wt_torch_print_loops(FILE *out, const wt_torch_lines *lines, int indent);

#endif
