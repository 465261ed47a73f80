/*
 * Published networks with their recipes, as YAML texts that a configuration could hold itself.
 *
 * Neural Amp Modeler's two generations (Steven Atkinson's trainer, neural-amp-modeler 0.12 and 0.13):
 * networks, rates, decay, batch and windows as published. 62 steps are an epoch of its standard signal: 171 s
 * at 48 kHz in windows of 8,192 targets, 16 per step.
 */
#include "config_internal.h"

#define SIGNALS                                                                         \
    "data: {target: label, normalization: none, partial_context: drop, window: 8192}\n" \
    "train: {batch: 16, steps: 6200, seed: 0}\n"                                        \
    "validation: {every: 62, windows: 0}\n"                                             \
    "checkpoint: {every: 620}\n"

#define AMPLIFIER "model:\n  trunk: amplifier\n  input: real\n  input_kernel: 1\n  head: mse\n"

#define A1_RECIPE                                                \
    "optimizer: {kind: adam, learning_rate: 0.004, clip: 0.0}\n" \
    "schedule: {kind: exponential, warmup: 0, decay: 0.993, decay_steps: 62}\n"

#define A2_RECIPE                                                                       \
    "optimizer: {kind: adam, learning_rate: 0.004, weight_decay: 3.17e-7, clip: 0.0}\n" \
    "schedule: {kind: exponential, warmup: 0, decay: 0.994, decay_steps: 62}\n"

#define POWERS "1, 2, 4, 8, 16, 32, 64, 128, 256, 512"

/* One array of an A1 network; `more` ends it. */
#define A1_ARRAY(channels, dilations, more)                                                                  \
    "    - {kernel: 3, residual: " channels ", gate: " channels ", activation: tanh, dilations: [" dilations \
    "]" more "}\n"

#define A1(first, second, dilations_1, dilations_2)                                                         \
    AMPLIFIER "  head_scale: 0.02\n  spectral_weight: 0.0002\n  arrays:\n" A1_ARRAY(first, dilations_1, "") \
        A1_ARRAY(second, dilations_2, ", head_bias: true") SIGNALS A1_RECIPE

#define A1_SMALL(first, second) A1(first, second, "1, 2, 4, 8, 16, 32, 64", "128, 256, 512, " POWERS)

#define PRIMES "1, 3, 7, 17, 41, 101, 239"
#define SIXES "6, 6, 6, 6, 6, 6, 6"

#define A2(channels)                                                                      \
    AMPLIFIER "  head_scale: 0.01\n  slope: 0.01\n  spectral_weight: 0.0005\n  arrays:\n" \
              "    - {residual: " channels ", gate: " channels                            \
              ", activation: leaky-relu, head_kernel: 16, head_bias: true,\n"             \
              "       dilations: [" PRIMES ", " PRIMES ", 1, 13, " PRIMES "],\n"          \
              "       kernels: [" SIXES ", " SIXES ", 15, 15, " SIXES "]}\n" SIGNALS A2_RECIPE

const char *const wt_preset_names[] = {"none",    "a1-standard", "a1-lite", "a1-feather",
                                       "a1-nano", "a2-full",     "a2-lite", NULL};

const char *wt_config_preset_text(int preset) {
    static const char *const texts[] = {NULL,
                                        A1("16", "8", POWERS, POWERS),
                                        A1_SMALL("12", "6"),
                                        A1_SMALL("8", "4"),
                                        A1_SMALL("4", "2"),
                                        A2("8"),
                                        A2("3")};
    _Static_assert(sizeof texts / sizeof *texts + 1 == sizeof wt_preset_names / sizeof *wt_preset_names,
                   "each preset has a name and a text");
    return texts[preset];
}
