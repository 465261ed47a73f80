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

#include "wavetrain/base.h"
#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/config.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"
#include "wavetrain/kernels.h"
#include "wavetrain/network.h"
#include "wavetrain/plot.h"
#include "wavetrain/predict.h"
#include "wavetrain/stream.h"
#include "wavetrain/train.h"

#ifdef __cplusplus
}
#endif

#endif
