/* Sound from a network, or a table's series, into files or to standard output. */
#ifndef WAVETRAIN_GENERATE_SERIES_H
#define WAVETRAIN_GENERATE_SERIES_H

#include "series_file.h"
#include "wavetrain/comm.h"
#include "wavetrain/generate.h"

typedef struct {
    const char *out;  /* "-": standard output */
    const char *plot; /* a picture of the first piece that is made, or NULL */
    bool force;
    int count;
    wt_series_format format; /* of a piece */
    wt_weights weights;
    wt_continuation how; /* the caller's fields of it */
    const wt_real *parameters;
    const wt_stream_condition *condition; /* or NULL */
    const float *prime; /* [prime_count, channels] */
    int64_t prime_count;
} wt_series_request;

/* Fails where what is asked for can't be written; of several pieces those that are there already are no
 * hindrance. */
wt_status wt_generate_series_check(const wt_series_request *request);

/* Pieces 0 … count−1, shared out over the ranks and their threads, each written when it is ready; those
 * that are there already are left out, unless forced. What a signal ends keeps a name that says so
 * (v.unfinished.wav), until it is made anew. Collective. */
wt_status wt_generate_series(const wt_series_request *request, wt_comm *comm);

#endif
