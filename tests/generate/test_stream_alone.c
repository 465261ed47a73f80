/*
 * A stream of one thread in a host that must not wait: between open and destroy it allocates nothing and
 * calls nothing of the system. A child process that may do no more than read, write and exit (seccomp's
 * strict mode) draws samples in blocks of several sizes; malloc and its like are counted.
 *   test_stream_alone BACKEND
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include <cmocka.h>

#include "backend.h"
#include "network/network_model.h"
#include "support.h"
#include "wavetrain/generate.h"
#include "wavetrain/network.h"

enum { LEVELS = 64, ROWS_MAX = 4, ALLOCATED = 3, FAILED = 4 };

static const wt_kernels *kernels;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* In place of the C library's. */
static long allocations;
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes) {
    allocations++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    allocations++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes) {
    allocations++;
    return __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    allocations++;
    return __libc_memalign(alignment, bytes);
}
#else
static const long allocations = 0;
#endif

/* Samples in blocks of `size`, as a host asks for them. */
static bool play_stream(wt_stream *stream, const wt_continuation *how, int size, int blocks) {
    int32_t classes[ROWS_MAX];
    float x[ROWS_MAX] = {0};
    wt_real seen[ROWS_MAX];
    int64_t index = 0;
    for (int block = 0; block < blocks; block++) {
        for (int i = 0; i < size; i++, index++) {
            for (int r = 0; r < wt_stream_rows(stream); r++) {
                const wt_draw_key key = {how->temperature, how->seed, (uint64_t)r, index};
                wt_sample sample = {&x[r], &seen[r], 0};
                if (wt_continuation_draw(how, wt_stream_row_outputs(stream, r), &key, &sample) != WT_OK)
                    return false;
                classes[r] = sample.symbol;
            }
            wt_stream_feed_rows(stream, classes, seen);
        }
    }
    return true;
}

/* The child's exit code. */
static int play_confined(wt_stream *stream, const wt_continuation *how, bool forbidden) {
    const pid_t child = fork();
    if (child == 0) {
        const long before = allocations;
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        if (forbidden) getppid();
        bool good = play_stream(stream, how, 1, 10) && play_stream(stream, how, 17, 3) &&
                    play_stream(stream, how, 256, 1);
        wt_stream_restart(stream, 0);
        good = good && play_stream(stream, how, 64, 1);
        syscall(SYS_exit, !good ? FAILED : allocations != before ? ALLOCATED : 0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Two by two: one row or several, fp32 or bf16 weights, all classes or the most likely ones. */
static void test_network(const wt_model_config *model, const wt_network_shape *shape) {
    wt_network *network;
    wt_real *parameters;
    must(wt_network_create_shaped(&network, model, shape));
    must(wt_alloc(&parameters, wt_network_parameters(network)->total, sizeof *parameters, "a test"));
    wt_network_initialise(network, parameters, 3);
    for (int n = 0; n < 8; n++) {
        const wt_stream_options options = {.rows = n & 1 ? ROWS_MAX : 1,
                                           .weights = n & 2 ? WT_WEIGHTS_BF16 : WT_WEIGHTS_FP32};
        wt_continuation how = {.graph = wt_network_graph(network),
                               .kernels = kernels,
                               .quantization = {WT_QUANTIZATION_MULAW, LEVELS, 0},
                               .classes = model->input == WT_INPUT_CLASS,
                               .temperature = 1,
                               .top_k = n & 4 ? 5 : 0};
        wt_stream *stream;
        must(wt_continuation_init(&how));
        must(wt_stream_open(&stream, wt_network_graph(network), kernels, parameters, &options));
        assert_int_equal(play_confined(stream, &how, false), 0);
        assert_int_equal(play_confined(stream, &how, true), -9); /* a call is noticed */
        wt_stream_destroy(stream);
        wt_continuation_dispose(&how);
    }
    wt_free(parameters);
    wt_network_destroy(network);
}

static void test_nothing_but_computing(void **state) {
    (void)state;
    const wt_network_shape shape = {
        .input_classes = LEVELS, .channels = 1, .classes = LEVELS, .values = 1, .codes = true};
    wt_model_config model = {.input_kernel = 2,
                             .array = {.kernel = 2, .stacks = 2, .layers = 4, .residual = 20, .gate = 24},
                             .skip = 33,
                             .skip_scale = 1,
                             .residual_scale = 1};
    test_network(&model, &shape);
    model.head = WT_HEAD_LOGISTICS;
    model.components = 3;
    test_network(&model, &shape);
    model.head = WT_HEAD_GAUSSIAN;
    model.input = WT_INPUT_REAL;
    test_network(&model, &shape);
}

int main(int argc, char **argv) {
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_but_computing)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
