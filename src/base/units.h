/* Quantities in the unit that people read them in. */
#ifndef WAVETRAIN_UNITS_H
#define WAVETRAIN_UNITS_H

#include <stdint.h>

enum { WT_UNITS = 48 }; /* bytes of a text */

/* "12.3 MiB" or "1.2 GiB" */
void wt_units_bytes(char text[WT_UNITS], int64_t bytes);
/* "5 d 3 h", "2 h 5 min", "12 min", "34 s" */
void wt_units_duration(char text[WT_UNITS], double seconds);
/* "1.23 s", "12.30 ms" or "45.6 µs" */
void wt_units_time(char text[WT_UNITS], double seconds);
/* "12,345,678"; returns the text. */
const char *wt_units_grouped(char text[WT_UNITS], int64_t value);
/* "12.3 GFLOP" */
void wt_units_operations(char text[WT_UNITS], double operations);

#endif
