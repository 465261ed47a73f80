/*
 * Agreement with PyTorch: test_optim_pytorch BACKEND FILE, with FILE tests/reference/optimizers.h5.
 *
 * Each case brings a configuration; gradients and first parameters are the same for all. Compared are each
 * step's learning rate and momentum, and the parameters and their mean after the last step, tensor by tensor:
 * the largest difference as a share of the tensor's largest value. Built a second time in double.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backend.h"
#include "config/sections.h"
#include "h5/h5.h"
#include "optim/optim.h"
#include "support.h"

#ifdef WT_REAL_DOUBLE
#define TENSOR_TOLERANCE 1e-13
#else
#define TENSOR_TOLERANCE \
    5e-6 /* a decay that shrinks a tensor to a tenth leaves the rounding of its first values */
#endif

enum { STEPS = 40, TENSORS = 4, ELEMENTS = 284, TARGETS = 8, CASES = 31 };

static const wt_kernels *kernels;
static const char *path;

typedef struct {
    wt_h5 *file;
    int32_t counts[TENSORS];
    double initial[ELEMENTS], gradients[STEPS][ELEMENTS];
} reference;

static reference all;

typedef struct {
    const char *name;
    wt_config config;
    double rates[STEPS], momenta[STEPS], losses[STEPS], final[ELEMENTS], mean[ELEMENTS];
} one_case;

static void read_stored_values(const char *name, wt_h5_type type, void *values, int64_t count) {
    wt_h5_shape shape;
    must(wt_h5_inspect(all.file, name, &shape));
    int64_t found = 1;
    for (int i = 0; i < shape.rank; i++) found *= shape.shape[i];
    if (found != count)
        fail_msg("%s: %s has %lld values, expected %lld", path, name, (long long)found, (long long)count);
    must(wt_h5_read(all.file, name, type, values));
}

static void read_of_case(const one_case *c, const char *what, double *values, int64_t count) {
    char name[128];
    snprintf(name, sizeof name, "cases/%s/%s", c->name, what);
    read_stored_values(name, WT_H5_DOUBLE, values, count);
}

static void read_case(one_case *c, const char *name) {
    char object[128], text[1024];
    memset(c, 0, sizeof *c);
    c->name = name;
    snprintf(object, sizeof object, "cases/%s", name);
    must(wt_h5_read_attribute_text(all.file, object, "config", text, sizeof text));
    must(wt_config_parse(&c->config, name, text, strlen(text), NULL, 0));
    assert_int_equal(c->config.train.steps, STEPS);
    read_of_case(c, "rates", c->rates, STEPS);
    read_of_case(c, "momenta", c->momenta, STEPS);
    read_of_case(c, "final", c->final, ELEMENTS);
    if (c->config.ema.decay > 0) read_of_case(c, "mean", c->mean, ELEMENTS);
    if (c->config.schedule.kind == WT_SCHEDULE_PLATEAU) read_of_case(c, "losses", c->losses, STEPS);
}

/* Tensors of even number are weights, as make_optimizers.py has it. */
static void set_ranges(wt_optimizer *optimizer, wt_decay_on decay_on) {
    wt_update_range ranges[TENSORS];
    size_t at = 0;
    for (int t = 0; t < TENSORS; at += (size_t)all.counts[t++]) {
        ranges[t] = (wt_update_range){at, (size_t)all.counts[t], decay_on == WT_DECAY_ALL || t % 2 == 0};
    }
    must(wt_optimizer_set_ranges(optimizer, ranges, TENSORS));
}

static void expect_near(const one_case *c, const char *what, int step, double got, double expected) {
    if (!(fabs(got - expected) <= 1e-12 * fabs(expected) + 1e-17))
        fail_msg("%s: step %d: %s %.17g, expected %.17g", c->name, step, what, got, expected);
}

static void train_optimizer_step(const one_case *c, wt_optimizer *optimizer, wt_plateau *plateau, int step,
                                 wt_real *parameters) {
    wt_real gradient[ELEMENTS];
    double block_sums[1];
    /* as sums over targets, so that the scale has something to do */
    for (int i = 0; i < ELEMENTS; i++) gradient[i] = (wt_real)(TARGETS * all.gradients[step - 1][i]);
    wt_update update = wt_schedule_update(wt_config_update_rule(&c->config), plateau, step);
    expect_near(c, "learning rate", step, update.learning_rate, c->rates[step - 1]);
    expect_near(c, "momentum", step, update.momentum, c->momenta[step - 1]);
    double norm = wt_gradient_norm(kernels, gradient, ELEMENTS, 1.0 / TARGETS, block_sums);
    update.gradient_scale = wt_gradient_clip_scale(norm, c->config.optimizer.clip) / TARGETS;
    wt_optimizer_step(optimizer, kernels, &c->config.optimizer, &update, gradient, parameters);
    if (c->losses[step - 1] > 0)
        wt_plateau_note(plateau, &c->config.schedule, c->config.optimizer.learning_rate, c->losses[step - 1]);
}

/* The largest difference of any tensor, as a share of its largest value. */
static double compare_values(const one_case *c, const char *what, const wt_real *ours, const double *theirs) {
    double worst = 0;
    for (int t = 0, at = 0; t < TENSORS; at += all.counts[t++]) {
        double largest = 0, difference = 0;
        for (int i = at; i < at + all.counts[t]; i++) {
            assert_false(isnan(ours[i]));
            largest = fmax(largest, fabs(theirs[i]));
            difference = fmax(difference, fabs((double)ours[i] - theirs[i]));
        }
        if (!(difference <= TENSOR_TOLERANCE * largest))
            fail_msg("%s: %s of tensor %d differs by %g, its largest value is %g", c->name, what, t,
                     difference, largest);
        worst = fmax(worst, difference / largest);
    }
    return worst;
}

static void run_case(const char *name) {
    static one_case c;
    read_case(&c, name);
    wt_real parameters[ELEMENTS];
    wt_optimizer optimizer;
    wt_plateau plateau = wt_plateau_begin();
    for (int i = 0; i < ELEMENTS; i++) parameters[i] = (wt_real)all.initial[i];
    must(wt_optimizer_init(&optimizer, wt_config_update_rule(&c.config), ELEMENTS));
    set_ranges(&optimizer, c.config.optimizer.decay_on);
    wt_optimizer_reset(&optimizer, parameters);
    for (int step = 1; step <= STEPS; step++)
        train_optimizer_step(&c, &optimizer, &plateau, step, parameters);
    double worst = compare_values(&c, "the final value", parameters, c.final);
    if (c.config.ema.decay > 0)
        worst = fmax(worst, compare_values(&c, "the mean", optimizer.moments[WT_MOMENT_AVERAGE], c.mean));
    print_message("%s: to %.1e\n", name, worst);
    wt_optimizer_dispose(&optimizer);
}

static void test_optimizers(void **state) {
    (void)state;
    char **names;
    size_t count;
    must(wt_h5_list(all.file, "cases", &names, &count));
    assert_int_equal(count, CASES);
    for (size_t i = 0; i < count; i++) run_case(names[i]);
    wt_h5_free_texts(names, count);
}

static int open_reference(void **state) {
    (void)state;
    if (wt_h5_open(&all.file, path) != WT_OK) {
        print_error("%s\n", wt_error_message());
        return -1;
    }
    read_stored_values("counts", WT_H5_INT32, all.counts, TENSORS);
    read_stored_values("initial", WT_H5_DOUBLE, all.initial, ELEMENTS);
    read_stored_values("gradients", WT_H5_DOUBLE, all.gradients, STEPS * ELEMENTS);
    return 0;
}

static int close_reference(void **state) {
    (void)state;
    return test_end_group(wt_h5_close(all.file) == WT_OK);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s BACKEND FILE\n", argv[0]);
        return 2;
    }
    const int unfit = test_select_backend(&kernels, argv[1]);
    if (unfit) return unfit;
    path = argv[2];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_optimizers)};
    int failed = cmocka_run_group_tests(tests, open_reference, close_reference);
    return failed || wt_memory_blocks() != 0;
}
