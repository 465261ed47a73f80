/*
 * A calibration: what one kind of CPU was measured to take for each kind of a training step's work, what a
 * process takes before it has any network, and how fast gradients are exchanged. `wavetrain bench calibrate`
 * makes it, `wavetrain inspect` and `bench scaling` predict with it (predict.h).
 *
 * A YAML file for each kind of CPU, since a home folder may be shared by nodes of several kinds:
 *   $XDG_CACHE_HOME/wavetrain/calibration/NAME-OF-THE-CPU.yaml      (~/.cache where XDG_CACHE_HOME is not
 *                                                                   set)
 *
 *   format: wavetrain-calibration
 *   version: 1
 *   cpu: AMD EPYC 9654 (family 25, model 17)
 *   cores: 96                       that a process may run on
 *   process: {base: 41943040, rank: 1048576, thread: 262144}      bytes: of the first rank; what each further
 *                                                                 rank of
 *                                   the node, and each further thread, adds to it
 *   links:                          within a node, and between nodes; what was not measured is left out
 *     within: {latency: 2.0e-06, bandwidth: 5.0e+09}              seconds, bytes a second
 *   rates:                          seconds of a unit of work (predict.h), all of a rank's threads at it;
 *                                   ranks: that were at work on the node
 *   - {kernels: avx512, threads: 2, ranks: 1, product-64: 2.1e-12, …}
 */
#ifndef WAVETRAIN_CALIBRATION_H
#define WAVETRAIN_CALIBRATION_H

#include <stdbool.h>

#include "engine/engine.h"
#include "wavetrain/predict.h"

/* How the file calls a kind of work (engine.h). */
const char *wt_work_name(wt_work_kind kind);

/* For one kernel set, a number of threads per rank, and a number of ranks that compute on the node. */
typedef struct {
    char kernels[32];
    int threads, ranks;
    double seconds[WT_WORK_KINDS]; /* of a unit of each kind */
} wt_rates;

enum { WT_RATES_MAX = 64, WT_CPU_NAME = 128 };

struct wt_calibration {
    char cpu[WT_CPU_NAME];
    int cores;
    double base_bytes, rank_bytes, thread_bytes; /* of a process; see above */
    wt_link within, between;
    int count;
    wt_rates rates[WT_RATES_MAX];
};

/* The CPU that this process runs on, as a calibration names it. */
void wt_cpu_name(char name[WT_CPU_NAME]);

/* Where the calibration of a CPU stands, unless --calibration names a file. Fails where there is no home
 * folder. */
wt_status wt_calibration_path(char out[WT_PATH_MAX], const char *cpu);

/* Reads and checks a file: WT_USAGE, with file and line, where something in it is wrong. */
wt_status wt_calibration_load(wt_calibration *calibration, const char *path);

/* Adds rates, in place of those of the same kernels, threads and ranks. */
wt_status wt_calibration_add(wt_calibration *calibration, const wt_rates *rates);

/* Writes the file, atomically, and its folder. */
wt_status wt_calibration_save(const wt_calibration *calibration, const char *path);

/* The rates for so many threads and ranks on a node: those measured with the same, else the nearest, as if
 * more threads were as much faster; *near (may be NULL) says whether that was so. False where there are none
 * of those kernels. */
bool wt_calibration_rates(wt_rates *rates, const wt_calibration *calibration, const char *kernels,
                          int threads, int ranks, bool *near);

#endif
