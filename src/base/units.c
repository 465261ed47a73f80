/* Quantities for people: three or four digits, and the unit that leaves as many. */
#include "base/units.h"

#include <math.h>
#include <stdio.h>

void wt_units_bytes(char text[WT_UNITS], int64_t bytes) {
    const double mib = (double)bytes / 1048576.0;
    if (mib < 1024) {
        snprintf(text, WT_UNITS, "%.1f MiB", mib);
    } else {
        snprintf(text, WT_UNITS, "%.1f GiB", mib / 1024);
    }
}

void wt_units_duration(char text[WT_UNITS], double seconds) {
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
    if (seconds >= 2 * DAY) {
        snprintf(text, WT_UNITS, "%.0f d %.0f h", floor(seconds / DAY), floor(fmod(seconds, DAY) / HOUR));
    } else if (seconds >= HOUR) {
        snprintf(text, WT_UNITS, "%.0f h %.0f min", floor(seconds / HOUR),
                 floor(fmod(seconds, HOUR) / MINUTE));
    } else if (seconds >= 2 * MINUTE) {
        snprintf(text, WT_UNITS, "%.0f min", seconds / MINUTE);
    } else {
        snprintf(text, WT_UNITS, "%.0f s", seconds);
    }
}

void wt_units_time(char text[WT_UNITS], double seconds) {
    if (seconds >= 1) {
        snprintf(text, WT_UNITS, "%.2f s", seconds);
    } else if (seconds >= 1e-3 || seconds == 0) {
        snprintf(text, WT_UNITS, "%.2f ms", 1e3 * seconds);
    } else {
        snprintf(text, WT_UNITS, "%.1f µs", 1e6 * seconds);
    }
}

void wt_units_operations(char text[WT_UNITS], double operations) {
    static const char *const units[] = {"MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"};
    enum { UNITS = sizeof units / sizeof *units };
    int unit = 0;
    double value = 1e-6 * operations;
    for (; value >= 1000 && unit + 1 < UNITS; unit++) value /= 1000;
    snprintf(text, WT_UNITS, "%.4g %s", value, units[unit]);
}

const char *wt_units_grouped(char text[WT_UNITS], int64_t value) {
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%lld", (long long)value), used = 0;
    for (int i = 0; i < count; i++) {
        text[used++] = digits[i];
        int left = count - 1 - i;
        if (left > 0 && left % 3 == 0) text[used++] = ',';
    }
    text[used] = '\0';
    return text;
}
