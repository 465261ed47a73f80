/*
 * The backend that a test program is given as an argument. A backend that this CPU can't run makes the test
 * "skipped", with the reason, and never "passed": ctest knows TEST_SKIPPED. What the CPU has is asked here and not
 * of the program, so that a table that the program has lost is a failure.
 */
#ifndef WAVETRAIN_TESTS_BACKEND_H
#define WAVETRAIN_TESTS_BACKEND_H

#include <stdio.h>
#include <string.h>

#include "wavetrain/kernels.h"

enum { TEST_SKIPPED = 77 };

/* What the CPU would need for a backend and lacks; NULL where it lacks nothing. */
static inline const char *test_cpu_lacks(wt_backend backend) {
    if (backend != WT_BACKEND_AVX2 && backend != WT_BACKEND_AVX512) return NULL;
#if defined(__x86_64__)
    if (backend == WT_BACKEND_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? NULL : "AVX2 and FMA";
    }
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
               ? NULL
               : "AVX-512 F, DQ, BW and VL";
#else
    return "an x86-64 core";
#endif
}

/* The table that `name` stands for. Returns 0, or what main must return. */
static inline int test_select_backend(const wt_kernels **table, const char *name) {
    static const char *const names[] = {
        [WT_BACKEND_REFERENCE] = "reference",
        [WT_BACKEND_OPENBLAS] = "openblas",
        [WT_BACKEND_AVX2] = "avx2",
        [WT_BACKEND_AVX512] = "avx512",
    };
    int backend = WT_BACKEND_AVX512;
    while (backend > WT_BACKEND_AUTO && strcmp(names[backend], name) != 0) backend--;
    if (backend == WT_BACKEND_AUTO) {
        fprintf(stderr, "backend: got \"%s\", expected reference, openblas, avx2 or avx512\n", name);
        return 2;
    }
    const char *lack = test_cpu_lacks((wt_backend)backend);
    if (lack) {
        printf("skipped: backend %s needs %s, which this CPU lacks\n", name, lack);
        return TEST_SKIPPED;
    }
    if (wt_kernels_select(table, (wt_backend)backend, WT_PRECISION_FP32) != WT_OK) {
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
