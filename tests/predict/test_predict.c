/* The model: fitted rates, the exchange by hand, how microbatches fall, what grows with what. That
 * predictions come true is test_inspect_plan's business (memory) and tests/predictions.sh's (time). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/sections.h"
#include "network/network_model.h"
#include "predict/calibration.h"
#include "predict/forecast.h"
#include "support.h"
#include "wavetrain/predict.h"

static wt_config config;
static wt_network *network;
static const wt_kernels *kernels;

static void configure(const char *text) {
    wt_network_destroy(network);
    assert_int_equal(wt_config_parse(&config, "test", text, strlen(text), NULL, 0), WT_OK);
    assert_int_equal(wt_network_create(&network, &config.model, 64, 1), WT_OK);
    assert_int_equal(wt_kernels_select(&kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32), WT_OK);
}

static wt_forecast_case on(int ranks, int threads, int nodes, const wt_calibration *calibration) {
    return (wt_forecast_case){.config = &config,
                              .network = network,
                              .kernels = kernels,
                              .ranks = ranks,
                              .threads = threads,
                              .nodes = nodes,
                              .calibration = calibration};
}

/* A second for all of a step's computing. */
static wt_calibration a_second(double step) {
    wt_calibration made = {.cpu = "x", .cores = 64, .base_bytes = 3e7};
    const wt_rates rates = {"reference", 1, 1, {[WT_WORK_STEP] = step}};
    assert_int_equal(wt_calibration_add(&made, &rates), WT_OK);
    return made;
}

static void assert_forecast_near(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-9 * fabs(expected) + 1e-15))
        fail_msg("got %.15g, expected %.15g", got, expected);
}

static void test_rates_are_found_again(void **state) {
    (void)state;
    enum { COUNT = 12 };
    double work[COUNT][WT_WORK_KINDS] = {{0}}, measured[COUNT], seconds[WT_WORK_KINDS];
    const double a = 3e-12, b = 2e-9, c = 1e-4;
    for (int i = 0; i < COUNT; i++) {
        work[i][WT_WORK_PRODUCT_64] = 1e9 * (1 + i % 4);
        work[i][WT_WORK_ELEMENT] = 1e6 * (1 + i % 3);
        work[i][WT_WORK_STEP] = 1;
        measured[i] = a * work[i][WT_WORK_PRODUCT_64] + b * work[i][WT_WORK_ELEMENT] + c;
    }
    assert_int_equal(wt_rates_fit(seconds, (const double(*)[WT_WORK_KINDS])work, measured, COUNT), WT_OK);
    assert_true(fabs(seconds[WT_WORK_PRODUCT_64] / a - 1) < 1e-6);
    assert_true(fabs(seconds[WT_WORK_ELEMENT] / b - 1) < 1e-6);
    assert_true(fabs(seconds[WT_WORK_STEP] / c - 1) < 1e-5);
    assert_true(seconds[WT_WORK_LOGIT] == 0);
    /* a kind that could only help by giving time back */
    for (int i = 0; i < COUNT; i++) work[i][WT_WORK_LOGIT] = 1 / measured[i];
    for (int i = 0; i < COUNT; i++) measured[i] *= 1 + 0.01 * (i % 5);
    assert_int_equal(wt_rates_fit(seconds, (const double(*)[WT_WORK_KINDS])work, measured, COUNT), WT_OK);
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) assert_true(seconds[kind] >= 0);
    measured[3] = 0;
    assert_int_equal(wt_rates_fit(seconds, (const double(*)[WT_WORK_KINDS])work, measured, COUNT), WT_FAILED);
}

#define SMALL "model: {stacks: 1, layers: 4, residual: 16, gate: 16, skip: 16}\n"

static void test_microbatches_are_the_trainers(void **state) {
    (void)state;
    wt_forecast forecast;
    configure(SMALL "data: {window: 2048}\ntrain: {batch: 8, steps: 3600}\n");
    wt_forecast_case run = on(3, 1, 2, NULL);
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_int_equal(forecast.microbatches, 8);
    assert_int_equal(forecast.own_microbatches, 3);
    assert_int_equal(forecast.first_microbatches, 2);
    assert_int_equal(forecast.ranks_on_node, 2);
    assert_int_equal(forecast.microbatches_at_once, 1); /* of eight tiles, four a thread */
    assert_false(forecast.timed);
    run = on(1, 4, 1, NULL);
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_int_equal(forecast.microbatches_at_once, 2);
    run = on(9, 1, 1, NULL);
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_USAGE);
    assert_non_null(
        strstr(wt_error_message(), "more ranks than microbatches (got 9 ranks, expected at most 8"));
    run = on(2, 1, 3, NULL);
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_USAGE);
}

static void test_node_hours(void **state) {
    (void)state;
    wt_forecast forecast;
    configure(SMALL "data: {window: 2048}\ntrain: {batch: 8, steps: 3600}\n");
    const wt_calibration calibration = a_second(1.0);
    wt_forecast_case run = on(1, 1, 1, &calibration);
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_true(forecast.timed && forecast.linked && !forecast.near);
    assert_forecast_near(forecast.step, 1.0);
    assert_forecast_near(forecast.node_hours, 1.0);
    assert_true(forecast.exchange == 0);
}

/* Without overlap, one bucket: 2·log₂N·α + 2·(N−1)/N·n/β. */
static void test_exchange_between_nodes(void **state) {
    (void)state;
    wt_forecast forecast;
    configure(SMALL "data: {window: 2048}\ntrain: {batch: 8}\nexchange: {progress: after, bucket: 1024}\n");
    const wt_calibration calibration = a_second(1.0);
    const double bytes = (double)wt_network_parameters(network)->trained * sizeof(float);
    wt_forecast_case run = on(4, 1, 4, &calibration);
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_true(forecast.timed && !forecast.linked); /* nobody knows the link */
    run.link = (wt_link){1e-5, 1e8};
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    const double halving = 2 * 2 * 1e-5 + 2 * 0.75 * bytes / 1e8;
    assert_true(forecast.linked);
    assert_forecast_near(forecast.exchange, 2 * 2 * 1e-5 + fmax(2 * 0.75 * bytes / 1e8, halving / 4));
    assert_forecast_near(forecast.exposed, forecast.exchange);
    assert_forecast_near(forecast.step, 1.0 + forecast.exposed);
    /* three ranks: owners, two latencies */
    run = on(3, 1, 3, &calibration);
    run.link = (wt_link){1e-5, 1e8};
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_forecast_near(forecast.exchange, 2 * 1e-5 + 2 * 2.0 / 3 * bytes / 1e8);
    /* two ranks on each of two nodes: half stays within, and what leaves is one node's worth */
    run = on(4, 1, 2, &calibration);
    run.link = (wt_link){1e-5, 1e8};
    wt_calibration within = calibration;
    within.within = (wt_link){1e-6, 1e9};
    run.calibration = &within;
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_forecast_near(forecast.exchange, 2e-6 + 2e-5 + 2 * 0.5 * bytes * (1 / 1e9 + 1 / 1e8));
}

static void test_backward_hides_buckets(void **state) {
    (void)state;
    wt_forecast forecast;
    const wt_link link = {1e-5, 1e8};
    configure(SMALL "data: {window: 2048}\ntrain: {batch: 2}\nexchange: {bucket: 0.001}\n");
    wt_calibration calibration = a_second(10.0);
    wt_forecast_case run = on(2, 1, 2, &calibration);
    run.link = link;
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    const double slow = forecast.exposed, all = forecast.exchange;
    /* what is left is behind the first layers, which nothing comes after */
    assert_true(slow > 0 && slow < 0.5 * all);
    calibration = a_second(1e-6); /* nothing to hide behind */
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_true(forecast.exposed > 0.99 * all && forecast.exposed <= all);
    /* more microbatches on a rank hide no more: only the last wave does */
    configure(SMALL "data: {window: 2048}\ntrain: {batch: 8}\nexchange: {bucket: 0.001}\n");
    calibration = a_second(40.0);
    run = on(2, 1, 2, &calibration);
    run.link = link;
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_forecast_near(forecast.exposed, slow);
}

/* However many buckets and microbatches there are, a forecast takes no longer: 10^7 buckets, 10^6
 * microbatches per rank. (A loop over them would run into the test's time limit.) Small ones are added up as
 * one by one. */
static void test_many_buckets(void **state) {
    (void)state;
    wt_forecast forecast;
    wt_calibration calibration = a_second(1e-6);
    configure("model: {stacks: 1, layers: 2, residual: 16384, gate: 16384, skip: 4096}\ndata: {window: 64}\n"
              "train: {batch: 1048576, microbatches: 1048576, microbatches_at_once: 1}\nexchange: {bucket: "
              "0.00001}\n");
    wt_forecast_case run = on(2, 1, 2, &calibration);
    run.link = (wt_link){1e-5, 1e9};
    assert_int_equal(wt_forecast_make(&forecast, &run), WT_OK);
    assert_true(wt_network_parameters(network)->trained > UINT64_C(2000000000));
    const double bytes = (double)wt_network_parameters(network)->trained * sizeof(float);
    const double buckets = ceil(bytes / 1024); /* the smallest that there are */
    assert_forecast_near(forecast.exchange, 2e-5 + (buckets * 2e-5 + bytes / 1e9) / 4);
    assert_true(forecast.exposed > 0.99 * forecast.exchange && forecast.exposed <= forecast.exchange);
}

/* More parameters than any node holds are refused before plans are made of them. */
static void test_too_many_parameters(void **state) {
    (void)state;
    static const char text[] = "model: {stacks: 64, layers: 12, residual: 16384, gate: 16384, skip: 16384}\n";
    wt_network *none = NULL;
    assert_int_equal(wt_config_parse(&config, "test", text, strlen(text), NULL, 0), WT_OK);
    assert_int_equal(wt_network_create(&none, &config.model, 256, 1), WT_USAGE);
    assert_null(none);
    assert_string_equal(wt_error_message(),
                        "the model has too many parameters (got 1237013512448, expected at "
                        "most 68719476736)");
}

static double product_work(const wt_forecast_case *run) {
    wt_forecast forecast = {0};
    double work[WT_WORK_KINDS], sum = 0;
    assert_int_equal(wt_forecast_microbatches(&forecast, run), WT_OK);
    wt_work_count(work, run, &forecast);
    for (int kind = WT_WORK_PRODUCT_16; kind <= WT_WORK_PRODUCT_256; kind++) sum += work[kind];
    assert_true(work[WT_WORK_STEP] == 1);
    return sum;
}

/* With widths that fill vectors, the products are what inspect calls operations. */
static void test_work_is_the_networks(void **state) {
    (void)state;
    configure("model: {stacks: 2, layers: 4, residual: 64, gate: 64, skip: 128}\n"
              "data: {window: 512}\ntrain: {batch: 16}\n");
    wt_forecast_case run = on(1, 1, 1, NULL);
    const double all = product_work(&run);
    assert_forecast_near(all, 3 * wt_network_operations(network, 512) * 512 * 16);
    run = on(4, 1, 1, NULL);
    assert_forecast_near(product_work(&run), all / 4);
    configure("model: {trunk: hierarchy, embedding: 16, fuse: [2, 2], width: 64}\n"
              "data: {window: 1, quantization: \"linear:64\"}\ntrain: {batch: 64}\n");
    run = on(1, 1, 1, NULL);
    wt_forecast forecast = {0};
    double work[WT_WORK_KINDS];
    assert_int_equal(wt_forecast_microbatches(&forecast, &run), WT_OK);
    wt_work_count(work, &run, &forecast);
    assert_forecast_near(work[WT_WORK_LEVEL_PRODUCT], 3 * wt_network_operations(network, 1) * 64);
    assert_true(work[WT_WORK_UNIT] == 0);
}

static void test_memory_grows_as_it_should(void **state) {
    (void)state;
    wt_forecast one, other;
    configure(SMALL "data: {window: 2048}\ntrain: {batch: 8}\n");
    wt_forecast_case run = on(2, 1, 1, NULL);
    assert_int_equal(wt_forecast_make(&one, &run), WT_OK);
    assert_true(one.first.checkpoint > 0 && one.other.checkpoint == 0);
    assert_true(one.node_memory == one.first.all + one.other.all);
    assert_true(one.first.state == 3 * (int64_t)(wt_network_parameters(network)->total * sizeof(wt_real)));
    assert_true(one.checkpoint_bytes > one.first.state);
    run.data.train_bytes = 1 << 20;
    assert_int_equal(wt_forecast_make(&other, &run), WT_OK);
    assert_true(other.first.all == one.first.all + (1 << 20));
    config.train.microbatches_at_once = 4;
    assert_int_equal(wt_forecast_make(&other, &run), WT_OK);
    assert_true(other.first.pass > 3 * one.first.pass);
}

static int end_forecast(void **state) {
    (void)state;
    wt_network_destroy(network);
    return test_end_group(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_found_again),
        cmocka_unit_test(test_microbatches_are_the_trainers),
        cmocka_unit_test(test_node_hours),
        cmocka_unit_test(test_too_many_parameters),
        cmocka_unit_test(test_many_buckets),
        cmocka_unit_test(test_exchange_between_nodes),
        cmocka_unit_test(test_backward_hides_buckets),
        cmocka_unit_test(test_work_is_the_networks),
        cmocka_unit_test(test_memory_grows_as_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, end_forecast);
}
