/*
 * A heart's rhythm with all of its state observed. Draws are keyed by utterance and sample, so any process
 * can make any utterance; a sample's mean is a smooth function of the two before it, so that a network can
 * learn the model itself.
 */
#include <math.h>
#include <stdio.h>

#include "base/random.h"
#include "prepare_internal.h"

/* Waves of a beat: where they stand in it (radians), their height and width (McSharry et al. 2003, "A
 * dynamical model for generating synthetic electrocardiogram signals", table 1; the R wave wider, as befits
 * some 100 samples per second). */
enum { WAVES = 5 };
static const double wave_at[WAVES] = {-1.05, -0.4, 0, 0.4, 1.57},
                    wave_height[WAVES] = {0.15, -0.15, 1, -0.25, 0.35},
                    wave_width[WAVES] = {0.25, 0.18, 0.2, 0.18, 0.4};

static const double pi = 3.14159265358979323846;
static const double pull = 0.2;                  /* of the cycle on a state that is off it, per sample */
static const double echo_1 = 0.5, echo_2 = -0.2; /* of the lead's own past */

static double shape_of_beat(double phase) {
    double sum = 0;
    for (int w = 0; w < WAVES; w++) {
        double d = phase - wave_at[w];
        if (d > pi) d -= 2 * pi;
        if (d < -pi) d += 2 * pi;
        sum += wave_height[w] * exp(-0.5 * d * d / (wave_width[w] * wave_width[w]));
    }
    return sum;
}

void wt_ecg_mean(const wt_ecg *ecg, const double before[WT_ECG_CHANNELS], const double last[WT_ECG_CHANNELS],
                 double mean[WT_ECG_CHANNELS]) {
    const double turn = 2 * pi * ecg->beats / ecg->rate, radius2 = last[0] * last[0] + last[1] * last[1];
    const double grow = 1 +
                        0.5 * pull * (1 - radius2) / (1 + 0.25 * radius2); /* bounded far from the cycle */
    mean[0] = grow * (cos(turn) * last[0] - sin(turn) * last[1]);
    mean[1] = grow * (sin(turn) * last[0] + cos(turn) * last[1]);
    mean[2] = echo_1 * last[2] + echo_2 * before[2] +
              (1 - echo_1 - echo_2) * shape_of_beat(atan2(mean[1], mean[0]));
}

double wt_ecg_nats(const wt_ecg *ecg) {
    double sum = 0;
    for (int c = 0; c < WT_ECG_CHANNELS; c++) sum += 0.5 * log(2 * pi * exp(1)) + log(ecg->noise[c]);
    return sum / WT_ECG_CHANNELS;
}

static wt_status check_ecg_range(const char *option, double value, double min, double max) {
    WT_CHECK(value >= min && value <= max, WT_USAGE, "%s: out of range (got %g, expected %g … %g)", option,
             value, min, max);
    return WT_OK;
}

wt_status wt_ecg_plan(wt_prepare_plan *plan, const wt_ecg *ecg, int64_t shard_bytes) {
    WT_TRY(check_ecg_range("--rate", ecg->rate, 20, 100000));
    WT_TRY(check_ecg_range("--beats", ecg->beats, 0.1, ecg->rate / 10.0));
    WT_TRY(check_ecg_range("--noise", ecg->noise[0], 1e-4, 0.2));
    WT_CHECK(ecg->frames >= 2 && ecg->frames <= INT64_C(1) << 32, WT_USAGE,
             "--seconds: out of range (got %g, expected two samples … %g)", (double)ecg->frames / ecg->rate,
             4294967296.0 / ecg->rate);
    WT_TRY(check_ecg_range("--utterances", (double)ecg->utterances, 3, 1000000));
    WT_TRY(wt_simulated_plan(plan, (size_t)ecg->utterances, 4 * (WT_ECG_CHANNELS + 1) * ecg->frames,
                             shard_bytes));
    plan->sample_rate = ecg->rate;
    plan->channels = WT_ECG_CHANNELS;
    plan->store = WT_STORE_FLOAT;
    plan->kind = "table";
    plan->labelled = true;
    plan->classes = 2;
    return WT_OK;
}

wt_status wt_ecg_load(const void *context, size_t item, wt_utterance *utterance) {
    enum { SETTLES = 200 }; /* samples that are thrown away: then the start is forgotten but for its phase */
    const wt_ecg *ecg = context;
    const double phase = 2 * pi * wt_random_uniform(ecg->seed, WT_RANDOM_SIMULATE, item, 0);
    double before[WT_ECG_CHANNELS] = {0}, last[WT_ECG_CHANNELS] = {cos(phase), sin(phase), 0};
    snprintf(utterance->id, sizeof utterance->id, "ecg-%05zu", item);
    WT_TRY(wt_alloc(&utterance->samples, (size_t)ecg->frames * WT_ECG_CHANNELS, sizeof(float),
                    "a simulated rhythm"));
    WT_TRY(wt_alloc(&utterance->labels, (size_t)ecg->frames, sizeof(float), "beats"));
    utterance->count = ecg->frames;
    for (int64_t n = -SETTLES; n < ecg->frames; n++) {
        double x[WT_ECG_CHANNELS];
        wt_ecg_mean(ecg, before, last, x);
        for (int c = 0; c < WT_ECG_CHANNELS; c++) {
            const uint64_t draw = (uint64_t)(n + SETTLES) * WT_ECG_CHANNELS + (uint64_t)c + 1;
            x[c] += ecg->noise[c] * wt_random_normal(ecg->seed, WT_RANDOM_SIMULATE, item, draw);
        }
        const bool beat = last[1] < 0 && x[1] >= 0 && x[0] > 0;
        for (int c = 0; c < WT_ECG_CHANNELS; c++) {
            before[c] = last[c];
            last[c] = x[c];
            if (n >= 0) utterance->samples[n * WT_ECG_CHANNELS + c] = (float)x[c];
        }
        if (n >= 0) utterance->labels[n] = beat;
    }
    return WT_OK;
}
