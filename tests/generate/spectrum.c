/* spectrum FILE.wav FREQUENCY WIDTH LEAST: prints the share of the power within WIDTH Hz of FREQUENCY; fails
 * if it is below LEAST. */
#include <stdio.h>
#include <stdlib.h>

#include "wave_power.h"

int main(int count, char **arguments) {
    sound wave;
    if (count != 5) {
        fprintf(stderr, "usage: spectrum FILE.wav FREQUENCY WIDTH LEAST\n");
        return 2;
    }
    const char *wrong = read_wav(&wave, arguments[1]);
    if (wrong) {
        fprintf(stderr, "%s: %s\n", arguments[1], wrong);
        return 1;
    }
    double frequency = atof(arguments[2]), width = atof(arguments[3]), least = atof(arguments[4]);
    double share = band_share(wave.values, wave.samples, wave.rate, frequency, width);
    printf("%s: %zu samples at %d Hz, %.2f %% of the power within %g Hz of %g Hz\n", arguments[1],
           wave.samples, wave.rate, 100.0 * share, width, frequency);
    free(wave.values);
    return share >= least ? 0 : 1; /* also for NaN */
}
