/* Pitch by YIN. Sums of a frame are made directly: some 20 million multiply-adds per second of sound at
 * 22 kHz. */
#include <math.h>

#include "metrics/copy_score.h"

enum { PITCH_MIN = 60, PITCH_MAX = 400, WINDOWS_PER_SECOND = 40, LAG_MAX = 768000 / PITCH_MIN + 2 };

static const double threshold = 0.15;

static double sound_at(const float *x, int64_t count, int64_t t) {
    return t >= 0 && t < count ? (double)x[t] : 0;
}

/* d' for lags 0 … last. */
static void normalise_differences(double *d, const float *x, int64_t count, int64_t start, int window,
                                  int last) {
    double total = 0;
    d[0] = 1;
    for (int lag = 1; lag <= last; lag++) {
        double sum = 0;
        for (int j = 0; j < window; j++) {
            const double difference = sound_at(x, count, start + j) - sound_at(x, count, start + j + lag);
            sum += difference * difference;
        }
        total += sum;
        d[lag] = total > 0 ? sum * lag / total : 1;
    }
}

/* Where the parabola through three neighbours has its vertex, from the middle one. */
static double find_vertex(double left, double middle, double right) {
    const double curve = left - 2 * middle + right;
    return curve > 0 ? 0.5 * (left - right) / curve : 0;
}

double wt_yin_pitch(const float *x, int64_t count, int64_t centre, int rate) {
    const int window = rate / WINDOWS_PER_SECOND, first = rate / PITCH_MAX,
              last = (rate + PITCH_MIN - 1) / PITCH_MIN;
    double d[LAG_MAX + 1];
    if (window < 1 || first < 1 || last > LAG_MAX) return 0;
    normalise_differences(d, x, count, centre - (window + last) / 2, window, last);
    for (int lag = first; lag <= last; lag++) {
        if (d[lag] >= threshold) continue;
        while (lag < last && d[lag + 1] < d[lag]) lag++;
        const double vertex = lag < last ? find_vertex(d[lag - 1], d[lag], d[lag + 1]) : 0;
        return rate / (lag + vertex);
    }
    return 0;
}
