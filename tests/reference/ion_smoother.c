/*
 * What can be known of simulated ion channels: accuracy and macro-F1 over the test part of
 *     wavetrain prepare simulate ion-channels (with the same options)
 * of rounding the signal to the nearest level, of the forward filter, and of the exact smoother of a fixed
 * lag, the latter two with hum and drift taken away as they are. A network with that look-ahead is measured
 * against it:
 *     ion_smoother LAG [channels=5] [opening=100] [closing=100] [amplitude=1] [noise=0.4] [hum=0.2]
 *     [drift=0.2]
 *                  [rate=10000] [seconds=10] [utterances=50] [seed=1] [least=1000] [window=1] [stride=1]
 * With a window and a stride only the last samples of windows count, as with data.window and data.stride.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_on_failure.h"
#include "ion_hmm.h"
#include "wavetrain/train.h"

static double read_argument(int argc, char **argv, const char *name, double standard) {
    const size_t length = strlen(name);
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return strtod(argv[i] + length + 1, NULL);
    }
    return standard;
}

typedef struct {
    const char *name;
    int64_t *table;
} method;
enum { ROUNDING, FILTER, SMOOTHER, METHODS };

typedef struct {
    wt_ion ion;
    wt_ion_chain chain;
    int64_t lag, window, stride;
    method methods[METHODS];
} measure;

static void count_decision(measure *m, int which, int truth, int said) {
    m->methods[which].table[truth * m->chain.states + said]++;
}

static int likeliest(const double *posterior, int states) {
    int best = 0;
    for (int s = 1; s < states; s++) {
        if (posterior[s] > posterior[best]) best = s;
    }
    return best;
}

static bool counts(const measure *m, int64_t t) {
    return t >= (m->window - 1) % m->stride && (t - (m->window - 1)) % m->stride == 0;
}

static void measure_utterance(measure *m, size_t item) {
    wt_utterance utterance = {.samples = NULL};
    const int states = m->chain.states;
    double *current, *posterior;
    exit_on_failure(wt_ion_load(&m->ion, item, &utterance));
    exit_on_failure(wt_alloc(&current, (size_t)utterance.count, sizeof *current, "current"));
    exit_on_failure(
        wt_alloc(&posterior, (size_t)utterance.count * (size_t)states, sizeof *posterior, "posterior"));
    for (int64_t t = 0; t < utterance.count; t++) {
        int level = (int)floor((double)utterance.samples[t] / m->ion.amplitude + 0.5);
        level = level < 0 ? 0 : level >= states ? states - 1 : level;
        if (counts(m, t)) count_decision(m, ROUNDING, (int)utterance.labels[t], level);
        current[t] = (double)utterance.samples[t] - wt_ion_baseline(&m->ion, item, t);
    }
    for (int which = FILTER; which <= SMOOTHER; which++) {
        wt_ion_smooth(posterior, &m->chain, &m->ion, current, utterance.count, which == FILTER ? 0 : m->lag);
        for (int64_t t = 0; t < utterance.count; t++) {
            if (counts(m, t))
                count_decision(m, which, (int)utterance.labels[t], likeliest(posterior + t * states, states));
        }
    }
    wt_free(current);
    wt_free(posterior);
    wt_free(utterance.samples);
    wt_free(utterance.labels);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s LAG [NAME=VALUE…]\n", argv[0]);
        return 2;
    }
    measure m = {.ion = {.count = (int)read_argument(argc, argv, "channels", 5),
                         .opening = read_argument(argc, argv, "opening", 100),
                         .closing = read_argument(argc, argv, "closing", 100),
                         .amplitude = read_argument(argc, argv, "amplitude", 1),
                         .noise = read_argument(argc, argv, "noise", 0.4),
                         .hum = read_argument(argc, argv, "hum", 0.2),
                         .drift = read_argument(argc, argv, "drift", 0.2),
                         .rate = (int)read_argument(argc, argv, "rate", 10000),
                         .utterances = (int64_t)read_argument(argc, argv, "utterances", 50),
                         .seed = (uint64_t)read_argument(argc, argv, "seed", 1)},
                 .lag = strtol(argv[1], NULL, 10),
                 .window = (int64_t)read_argument(argc, argv, "window", 1),
                 .stride = (int64_t)read_argument(argc, argv, "stride", 1),
                 .methods = {{"nearest level", NULL}, {"forward filter", NULL}, {"smoother", NULL}}};
    m.ion.frames = llround(read_argument(argc, argv, "seconds", 10) * m.ion.rate);
    wt_prepare_plan plan = {.items = 0};
    exit_on_failure(wt_ion_plan(&plan, &m.ion, 1 << 20)); /* checks the ranges */
    wt_ion_chain_make(&m.chain, &m.ion);
    const int states = m.chain.states;
    for (int i = 0; i < METHODS; i++)
        exit_on_failure(wt_alloc(&m.methods[i].table, (size_t)(states * states), sizeof(int64_t), "a table"));
    const size_t tests = (size_t)plan.utterances[WT_SPLIT_TEST];
    for (size_t i = 0; i < tests; i++) measure_utterance(&m, plan.order[plan.items - tests + i]);
    for (int i = 0; i < METHODS; i++) {
        printf("%-14s  accuracy %.4f  macro-F1 %.4f\n", m.methods[i].name,
               wt_label_table_accuracy(m.methods[i].table, states),
               wt_label_table_macro_f1(m.methods[i].table, states,
                                       (int64_t)read_argument(argc, argv, "least", 1000)));
        wt_free(m.methods[i].table);
    }
    wt_prepare_plan_dispose(&plan);
    return 0;
}
