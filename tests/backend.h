/*
 * The backend that a test program is given as an argument. A backend that this CPU can't run makes the test
 * "skipped", with the reason, and never "passed": ctest knows TEST_SKIPPED. What the CPU has is asked here
 * and not of the program, so that a table that the program has lost is a failure.
 */
#ifndef WAVETRAIN_TESTS_BACKEND_H
#define WAVETRAIN_TESTS_BACKEND_H

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernels/kernel_set.h"
#include "wavetrain/kernels.h"

enum { TEST_SKIPPED = 77 };

typedef struct {
    const char *name;
    wt_backend backend;
    wt_precision precision;
} test_backend;

static const test_backend test_backends[] = {
    {"reference", WT_BACKEND_REFERENCE, WT_PRECISION_FP32},
    {"openblas", WT_BACKEND_OPENBLAS, WT_PRECISION_FP32},
    {"avx2", WT_BACKEND_AVX2, WT_PRECISION_FP32},
    {"avx512", WT_BACKEND_AVX512, WT_PRECISION_FP32},
    {"neon", WT_BACKEND_NEON, WT_PRECISION_FP32},
    {"bf16_baseline", WT_BACKEND_REFERENCE, WT_PRECISION_BF16},
    {"bf16_avx2", WT_BACKEND_AVX2, WT_PRECISION_BF16},
    {"bf16_neon", WT_BACKEND_NEON, WT_PRECISION_BF16},
    {"avx512bf16", WT_BACKEND_AVX512, WT_PRECISION_BF16},
    {"amx_bf16", WT_BACKEND_AMX, WT_PRECISION_BF16},
};

/* What the CPU would need for a table and lacks; NULL where it lacks nothing. */
static inline const char *test_cpu_lacks(wt_backend backend, wt_precision precision) {
    if (backend == WT_BACKEND_AUTO || backend == WT_BACKEND_REFERENCE || backend == WT_BACKEND_OPENBLAS)
        return NULL;
#if defined(__aarch64__)
    (void)precision;
    return backend == WT_BACKEND_NEON ? NULL : "an x86-64 core";
#elif defined(__x86_64__)
    if (backend == WT_BACKEND_NEON) return "an arm64 core";
    if (backend == WT_BACKEND_AMX) {
        unsigned a, b, c, d = 0;
        const bool found = __get_cpuid_count(7, 0, &a, &b, &c, &d);
        return found && d >> 22 & d >> 24 & 1 ? NULL : "AMX-BF16";
    }
    if (backend == WT_BACKEND_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? NULL : "AVX2 and FMA";
    }
    if (precision == WT_PRECISION_BF16 && !__builtin_cpu_supports("avx512bf16")) return "AVX512-BF16";
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
               ? NULL
               : "AVX-512 F, DQ, BW and VL";
#else
    (void)precision;
    return "an x86-64 core";
#endif
}

/* The table that `name` stands for. Returns 0, or what main must return. */
static inline int test_select_backend(const wt_kernels **table, const char *name) {
    const test_backend *end = test_backends + sizeof test_backends / sizeof *test_backends,
                       *asked = test_backends;
    while (asked < end && strcmp(asked->name, name) != 0) asked++;
    if (asked == end) {
        fprintf(stderr, "backend: got \"%s\", expected one of tests/backend.h\n", name);
        return 2;
    }
    const char *lack = test_cpu_lacks(asked->backend, asked->precision);
    if (lack) {
        printf("skipped: backend %s needs %s, which this CPU lacks\n", name, lack);
        return TEST_SKIPPED;
    }
    if (wt_kernels_select(table, asked->backend, asked->precision) != WT_OK) {
        fprintf(stderr, "%s\n", wt_error_message());
        return 1;
    }
    if (strncmp((*table)->name, name, strlen(name)) != 0) {
        fprintf(stderr, "backend: got %s, expected %s\n", (*table)->name, name);
        return 1;
    }
    return 0;
}

#endif
