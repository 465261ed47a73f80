/* wavetrain generate, for runs that have learnt text. */
#ifndef WAVETRAIN_GENERATE_TEXT_H
#define WAVETRAIN_GENERATE_TEXT_H

#include "command_internal.h"
#include "wavetrain/generate.h"
#include "wavetrain/train.h"

/* What was asked for; texts are the caller's. */
typedef struct {
    const char *out;    /* NULL: standard output */
    const char *prompt; /* or NULL */
    const char *data;   /* another data set to compare with, or NULL */
    int count;
    long long max_length; /* characters; 0: as is usual for the kind of text */
    wt_weights weights;
    wt_continuation how; /* the caller's fields of it */
} wt_text_request;

/* Draws items or pages, writes them, and says how many of the items are new. `network` is the
 * checkpoint's. */
wt_status wt_generate_text(const wt_text_request *request, wt_checkpoint *checkpoint,
                           const wt_restored *network);

#endif
