/*
 * All of the library, for programs that use it, in C or C++ (only this header is for both). src/example is
 * such a program. The order of a program: wt_kernels_setup_thread in main, before there are threads;
 * wt_comm_start; wt_log_setup; … ; wt_comm_finish.
 */
#ifndef WAVETRAIN_WAVETRAIN_H
#define WAVETRAIN_WAVETRAIN_H

/* Before extern "C": C++ has its own of these. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "wavetrain/agreement.h"
#include "wavetrain/align.h"
#include "wavetrain/batch.h"
#include "wavetrain/calibration.h"
#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/config.h"
#include "wavetrain/cores.h"
#include "wavetrain/data.h"
#include "wavetrain/distance.h"
#include "wavetrain/engine.h"
#include "wavetrain/error.h"
#include "wavetrain/facts.h"
#include "wavetrain/file.h"
#include "wavetrain/filter.h"
#include "wavetrain/generate.h"
#include "wavetrain/h5.h"
#include "wavetrain/hash.h"
#include "wavetrain/kernels.h"
#include "wavetrain/launcher.h"
#include "wavetrain/log.h"
#include "wavetrain/mel.h"
#include "wavetrain/memory.h"
#include "wavetrain/metrics.h"
#include "wavetrain/nam.h"
#include "wavetrain/network.h"
#include "wavetrain/optim.h"
#include "wavetrain/output.h"
#include "wavetrain/parameters.h"
#include "wavetrain/places.h"
#include "wavetrain/predict.h"
#include "wavetrain/prepare.h"
#include "wavetrain/random.h"
#include "wavetrain/real.h"
#include "wavetrain/sound.h"
#include "wavetrain/splits.h"
#include "wavetrain/step.h"
#include "wavetrain/sweep.h"
#include "wavetrain/thread.h"
#include "wavetrain/timer.h"
#include "wavetrain/train.h"
#include "wavetrain/utf8.h"
#include "wavetrain/vocabulary.h"

#ifdef __cplusplus
}
#endif

#endif
