/*
 * The networks whose steps a calibration is fitted to. They span what configurations have: widths and
 * kernels, windows long and short, many parameters and few; wavenets and hierarchies.
 */
#ifndef WAVETRAIN_CALIBRATION_NETWORKS_H
#define WAVETRAIN_CALIBRATION_NETWORKS_H

#include <stddef.h>

#include "config/sections.h"

enum { WT_CALIBRATION_NETWORKS = 27, WT_CALIBRATION_NETWORK_NAME = 64 };

/* Network 0 … WT_CALIBRATION_NETWORKS − 1, changed by `count` settings "section.key=value"; `name` becomes
 * what it is in a few words. WT_USAGE: a setting is wrong. */
wt_status wt_calibration_network_configure(wt_config *config, char name[WT_CALIBRATION_NETWORK_NAME],
                                           int number, const char *const *sets, size_t count);
/* Whether it is work for so many threads. */
bool wt_calibration_network_suits(int number, int threads);

#endif
