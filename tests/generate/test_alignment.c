/*
 * Where a frame of a condition acts: a stream of one block, whose outputs at sample t depend on c(t) alone,
 * with one frame that differs. Its weight over time has its middle within a sample of the frame's centre,
 * i·hop + centre (batch.h), for each upsampling, three hops, either framing, frames near both ends; and the
 * first and the last frame go on beyond theirs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_set.h"
#include "network/network_model.h"
#include "support.h"
#include "wavetrain/network.h"
#include "wavetrain/stream.h"

enum { CLASSES = 8, FRAMES = 9, HOP_MAX = 64, SAMPLES = FRAMES * HOP_MAX + HOP_MAX };

static const double step = 0.05; /* of the frame: so small that outputs follow it in a line */

typedef struct {
    wt_network *network;
    const wt_kernels *kernels;
    wt_real *parameters;
    int hop, centre, samples;
} alignment;

static void open_alignment(alignment *a, int kind, int hop, const int *scales, int count) {
    wt_model_config model = {.trunk = WT_TRUNK_WAVENET,
                             .head = WT_HEAD_SOFTMAX,
                             .skip_scale = 1,
                             .residual_scale = 1,
                             .skip = 5,
                             .input_kernel = 1,
                             .array = {.kernel = 2,
                                       .stacks = 1,
                                       .layers = 1,
                                       .residual = 4,
                                       .gate = 6,
                                       .activation = WT_ACTIVATION_GATE},
                             .condition.kind = kind};
    if (kind == WT_CONDITION_STRETCH) model.condition.scales.count = count;
    for (int i = 0; i < model.condition.scales.count; i++) model.condition.scales.values[i] = scales[i];
    const wt_network_shape shape = {.input_classes = CLASSES, .classes = CLASSES, .features = 1, .hop = hop};
    must(wt_kernels_select(&a->kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32));
    must(wt_network_create_shaped(&a->network, &model, &shape));
    a->parameters = take(wt_network_parameters(a->network)->total, sizeof *a->parameters);
    wt_network_initialise(a->network, a->parameters, 4);
    a->hop = hop;
    a->samples = FRAMES * hop + hop;
}

static void close_alignment(alignment *a) {
    wt_free(a->parameters);
    wt_network_destroy(a->network);
}

enum { NO_FRAME_OF_ALL = -1, ALL_FRAMES = -2 };

/* The outputs of all samples, [samples, CLASSES], where frame `which` is `step`, or none, or all are. */
static void draw_outputs(const alignment *a, int which, wt_real *outputs) {
    wt_real frames[FRAMES] = {0};
    for (int i = 0; i < FRAMES; i++) frames[i] = which == i || which == ALL_FRAMES ? (wt_real)step : 0;
    const wt_stream_condition condition = {.frames = frames, .count = FRAMES, .centre = a->centre};
    const wt_stream_options options = {
        .silence_class = CLASSES / 2, .rows = 1, .threads = 1, .condition = &condition};
    wt_stream *stream;
    must(wt_stream_open(&stream, wt_network_graph(a->network), a->kernels, a->parameters, &options));
    for (int t = 0; t < a->samples; t++) {
        memcpy(outputs + t * CLASSES, wt_stream_outputs(stream), CLASSES * sizeof *outputs);
        wt_stream_feed(stream, CLASSES / 2, NULL);
    }
    wt_stream_destroy(stream);
}

static double compare_outputs(const wt_real *one, const wt_real *other) {
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) sum += fabs((double)one[c] - (double)other[c]);
    return sum;
}

/* The weight of a frame at each sample, a share of what all frames have. */
static void find_weights_of(const alignment *a, int which, double *weights) {
    static wt_real with[SAMPLES * CLASSES], without[SAMPLES * CLASSES], all[SAMPLES * CLASSES];
    draw_outputs(a, which, with);
    draw_outputs(a, NO_FRAME_OF_ALL, without);
    draw_outputs(a, ALL_FRAMES, all);
    for (int t = 0; t < a->samples; t++) {
        const size_t at = (size_t)t * CLASSES;
        weights[t] = compare_outputs(with + at, without + at) / compare_outputs(all + at, without + at);
    }
}

static void expect_middle(const alignment *a, int which) {
    double weights[SAMPLES], sum = 0, moment = 0;
    find_weights_of(a, which, weights);
    for (int t = 0; t < a->samples; t++) {
        sum += weights[t];
        moment += weights[t] * t;
    }
    const double expected = which * a->hop + a->centre;
    if (!(fabs(moment / sum - expected) <= 1))
        fail_msg("hop %d, centre %d: frame %d is at %g, expected %g", a->hop, a->centre, which, moment / sum,
                 expected);
}

/* The last sample at which the first frame, or the first one at which the last frame, has half the weight:
 * half a hop from its centre, on the other side of which it never has less. */
static void expect_edge(const alignment *a, int which) {
    double weights[SAMPLES];
    find_weights_of(a, which, weights);
    int edge = 0;
    for (int t = 0; t < a->samples; t++) {
        if (which == 0 && weights[t] >= 0.5) edge = t;
        if (which > 0 && weights[a->samples - 1 - t] >= 0.5) edge = a->samples - 1 - t;
    }
    const double expected = which * a->hop + a->centre + (which == 0 ? 0.5 : -0.5) * a->hop;
    if (!(fabs(edge - expected) <= 1))
        fail_msg("hop %d, centre %d: frame %d has its edge at %d, expected %g", a->hop, a->centre, which,
                 edge, expected);
    for (int t = 0; which == 0 ? t < edge : t < a->samples - 1 - edge; t++)
        assert_true(weights[which == 0 ? t : a->samples - 1 - t] >= 0.499);
}

static void test_frames_act_around_their_centres(void **state) {
    static const struct {
        int hop, scales[3], count;
    } hops[] = {{6, {3, 2}, 2}, {25, {5, 5}, 2}, {64, {4, 4, 4}, 3}};
    static const int kinds[] = {WT_CONDITION_REPEAT, WT_CONDITION_LINEAR, WT_CONDITION_STRETCH};
    (void)state;
    for (size_t h = 0; h < 3; h++) {
        for (size_t k = 0; k < 3; k++) {
            alignment a;
            open_alignment(&a, kinds[k], hops[h].hop, hops[h].scales, hops[h].count);
            for (int begun = 0; begun < 2; begun++) {
                a.centre = begun ? a.hop / 2 : 0;
                expect_edge(&a, 0);
                expect_middle(&a, 3);
                expect_middle(&a, FRAMES - 4);
                expect_edge(&a, FRAMES - 1);
            }
            close_alignment(&a);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_act_around_their_centres),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
