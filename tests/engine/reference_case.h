/* A case of tests/reference: the network, the windows and the values that PyTorch computed for them
 * (tests/reference/make_pytorch.py says what a file holds). */
#ifndef WAVETRAIN_TESTS_REFERENCE_CASE_H
#define WAVETRAIN_TESTS_REFERENCE_CASE_H

#include "base/batch.h"
#include "config/sections.h"
#include "h5/h5.h"
#include "network/network_model.h"
#include "wavetrain/config.h"
#include "wavetrain/network.h"

typedef struct {
    const char *name;
    char path[WT_PATH_MAX];
    wt_h5 *file;
    wt_config config;
    wt_network *network;
    int receptive_field; /* as the file says */
    int batches, windows, microbatch_windows;
    wt_batch batch; /* all batches one after the other: batch b begins at window b·windows */
} wt_reference_case;

/* Opens FOLDER/NAME.h5, makes the network and reads the windows. Close it also after a failure. */
wt_status wt_reference_open(wt_reference_case *c, const char *folder, const char *name);
void wt_reference_close(wt_reference_case *c);

/* Reads the data set `name`, which must have `count` elements. */
wt_status wt_reference_read(const wt_reference_case *c, const char *name, double *values, size_t count);

/* As wt_reference_read, for the data set GROUP/NAME of one tensor, in PyTorch's order. */
wt_status wt_reference_tensor(const wt_reference_case *c, const char *group, const wt_parameter *parameter,
                              double *values);

/* cmocka's set-up and tear-down of a test on the case whose name *state is. */
int wt_reference_setup(void **state, const char *folder);
int wt_reference_teardown(void **state);

/* The largest difference, as a share of the largest reference value; fails the test if it is above
 * `tolerance`, or if anything is not a number. */
double wt_reference_compare(const wt_reference_case *c, const char *what, const wt_real *ours,
                            const double *theirs, size_t count, double tolerance);

/* The initial parameters as a flat buffer, in the kernels' order. */
wt_status wt_reference_initial(const wt_reference_case *c, wt_real *flat);

#endif
