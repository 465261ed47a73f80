/*
 * Chooses the kernel set of a run. The choice is made once, from the configuration and from what
 * this CPU can run; the tables themselves are constants.
 */
#include "kernels_internal.h"

#include <stdio.h>
#include <string.h>

#include "bf16.h"

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#endif

#ifdef WT_REAL_DOUBLE

wt_status wt_kernels_select(const wt_kernels **table, wt_backend backend, wt_precision precision) {
    WT_CHECK(precision == WT_PRECISION_FP32, WT_USAGE, "in double precision there is no bf16");
    WT_CHECK(backend == WT_BACKEND_AUTO || backend == WT_BACKEND_REFERENCE, WT_USAGE,
             "in double precision there are only the reference kernels");
    *table = &wt_kernels_reference;
    return WT_OK;
}

void wt_kernels_read(const wt_real *from, size_t count) {
    volatile wt_real sink = 0;
    for (size_t i = 0; i < count; i++) sink = from[i];
    (void)sink;
}

wt_kernels wt_kernels_for_rows(const wt_kernels *table, int rows, wt_weights weights) {
    wt_kernels kernels = *table;
    (void)rows;
    if (weights == WT_WEIGHTS_BF16) kernels.pack = wt_reference_rounded_pack;
    return kernels;
}

#else

#ifdef WT_X86_TABLES
/* The parts that the kernels are compiled with. */
static bool cpu_has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

#ifdef WT_AMX
static bool cpu_has_amx(void) {
    return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16") && wt_amx_permit();
}
#endif

static int bf16_tables(const wt_kernels *tables[WT_KERNEL_TABLES]) {
    int count = 0;
    tables[count++] = &wt_kernels_bf16_baseline;
#ifdef WT_X86_TABLES
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        tables[count++] = &wt_kernels_bf16_avx2;
    if (cpu_has_avx512() && __builtin_cpu_supports("avx512bf16")) tables[count++] = &wt_kernels_avx512bf16;
#endif
    return count;
}

int wt_kernels_tables(const wt_kernels *tables[WT_KERNEL_TABLES], wt_precision precision) {
    if (precision == WT_PRECISION_BF16) return bf16_tables(tables);
    int count = 0;
    tables[count++] = &wt_kernels_reference;
    tables[count++] = &wt_kernels_openblas_baseline;
#ifdef WT_X86_TABLES
    const bool avx2 = __builtin_cpu_supports("avx2"), fused = avx2 && __builtin_cpu_supports("fma");
    const bool avx512 = cpu_has_avx512();
    if (fused) tables[count++] = &wt_kernels_openblas_avx2;
    if (avx512) tables[count++] = &wt_kernels_openblas_avx512;
    if (fused) tables[count++] = &wt_kernels_avx2;
    if (avx512) tables[count++] = &wt_kernels_avx512;
#endif
    return count;
}

/* The same, and before them what only its own name chooses, since its bits are not those of the others. */
static int selectable_tables(const wt_kernels *tables[WT_KERNEL_TABLES + 1], wt_precision precision) {
    int own = 0;
#ifdef WT_AMX
    if (precision == WT_PRECISION_BF16 && cpu_has_amx()) tables[own++] = &wt_kernels_amx_bf16;
#endif
    return own + wt_kernels_tables(tables + own, precision);
}

/* A backend, and which tables of either precision it stands for: by how their names begin. */
static const struct {
    const char *name, *prefix[2];
} backends[] = {
    [WT_BACKEND_AUTO] = {"auto", {"", ""}},
    [WT_BACKEND_REFERENCE] = {"reference", {"reference", "bf16_baseline"}},
    [WT_BACKEND_OPENBLAS] = {"openblas", {"openblas", NULL}},
    [WT_BACKEND_AVX2] = {"avx2", {"avx2", "bf16_avx2"}},
    [WT_BACKEND_AVX512] = {"avx512", {"avx512", "avx512bf16"}},
    [WT_BACKEND_AMX] = {"amx", {"avx512", "amx_bf16"}},
};

static bool has_openblas(const wt_kernels *table) {
    return strncmp(table->name, "openblas", strlen("openblas")) == 0;
}

/* What bf16 costs where it is no gain; once. */
static void warn_of_bf16(const wt_kernels *table) {
    static bool warned;
    const bool emulated = strncmp(table->name, "bf16", strlen("bf16")) == 0;
#ifdef WT_AMX
    const bool slow = table == &wt_kernels_avx512bf16 && cpu_has_amx();
#else
    const bool slow = false;
#endif
    if (emulated && !warned)
        wt_log_warning(
            "train.precision: this CPU lacks the bf16 instruction (AVX512-BF16), so bf16 steps take %s",
            table == &wt_kernels_bf16_baseline ? "hundreds of times as long as fp32 ones"
                                               : "about 7 times as long as fp32 ones");
    if (slow && !warned)
        wt_log_warning(
            "train.precision: this CPU's AVX512-BF16 has half the rate of fp32, so bf16 steps take about "
            "1.6 times as long as fp32 ones (run.backend: amx takes half of fp32's, with other bits)");
    warned = warned || emulated || slow;
}

wt_status wt_kernels_select(const wt_kernels **table, wt_backend backend, wt_precision precision) {
    const char *name = backends[backend].name, *prefix = backends[backend].prefix[precision];
    WT_CHECK(prefix, WT_USAGE, "run.backend: \"%s\" has no bf16 products (expected another one, or auto)",
             name);
    const wt_kernels *tables[WT_KERNEL_TABLES + 1];
    int last = selectable_tables(tables, precision) - 1;
    while (last >= 0 && strncmp(tables[last]->name, prefix, strlen(prefix)) != 0) last--;
    WT_CHECK(last >= 0, WT_USAGE, "run.backend: this CPU can't run \"%s\" (expected another one, or auto)",
             name);
    if (tables[last] != &wt_kernels_reference) wt_openblas_setup();
    if (has_openblas(tables[last])) wt_openblas_warn();
    if (precision == WT_PRECISION_BF16) warn_of_bf16(tables[last]);
    *table = tables[last];
    return WT_OK;
}

void wt_kernels_describe(const wt_kernels *table, char *text, size_t room) {
    if (has_openblas(table)) {
        wt_openblas_describe(text, room);
    } else {
        snprintf(text, room, table == &wt_kernels_reference ? "plain loops" : "own products");
    }
}

#ifdef WT_X86_TABLES
/* Whether a table's own products stay in 256 bits; OpenBLAS and the compiler take what the CPU has. */
static bool is_avx2(const wt_kernels *table) {
    return table == &wt_kernels_avx2 || table == &wt_kernels_bf16_avx2;
}
#endif

wt_peak wt_kernels_peak(const wt_kernels *table, wt_peak_kind kind) {
    wt_peak fp32 = {"a loop of multiply-adds, compiled for any CPU of this kind", wt_baseline_peak_fp32};
    wt_peak bf16 = {NULL, NULL};
    (void)table;
#ifdef WT_X86_TABLES
    const bool avx512 = cpu_has_avx512() && !is_avx2(table);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        fp32 = (wt_peak){"256-bit fused multiply-add", wt_avx2_peak_fp32};
    }
    if (avx512) fp32 = (wt_peak){"512-bit fused multiply-add", wt_avx512_peak_fp32};
    if (avx512 && __builtin_cpu_supports("avx512bf16"))
        bf16 = (wt_peak){"512-bit vdpbf16ps", wt_avx512_peak_bf16};
#endif
#ifdef WT_AMX
    if (table == &wt_kernels_amx_bf16) bf16 = (wt_peak){"tdpbf16ps of tiles", wt_amx_peak_bf16};
#endif
    return kind == WT_PEAK_BF16 ? bf16 : fp32;
}

/* --- generation --- */

typedef struct {
    size_t (*packed_count)(int in, int out);
    void (*pack)(float *packed, const float *w, int in, int out, bool transposed, float scale);
    void (*multiply)(float *y, int ldy, int rows, int out, const wt_operand *operands, int count,
                     const wt_finish *finish);
    void (*multiply_gate)(float *z, int ldz, int rows, int gate, const wt_operand *operands, int count,
                          const wt_gate_sums *sums);
} products;

#define ROWS(isa)                                                                                        \
    {                                                                                                    \
        {wt_##isa##_rows_packed_count, wt_##isa##_rows_pack, wt_##isa##_rows_multiply,                   \
         wt_##isa##_rows_multiply_gate},                                                                 \
        {                                                                                                \
            wt_##isa##_rows_bf16_packed_count, wt_##isa##_rows_bf16_pack, wt_##isa##_rows_bf16_multiply, \
                wt_##isa##_rows_bf16_multiply_gate                                                       \
        }                                                                                                \
    }
#define MANY(isa)                                                                                           \
    {                                                                                                       \
        {wt_##isa##_packed_count, wt_##isa##_pack, wt_##isa##_multiply, wt_##isa##_multiply_gate}, {        \
            wt_##isa##_packed_count, wt_##isa##_rounded_pack, wt_##isa##_multiply, wt_##isa##_multiply_gate \
        }                                                                                                   \
    }

/* Products of few rows and of many, by weights, of the tables that have others than their own. */
static const struct {
    const wt_kernels *table;
    int width; /* of a vector */
    products few[WT_WEIGHTS], many[WT_WEIGHTS];
} row_products[] = {
    {&wt_kernels_openblas_baseline, 4, ROWS(baseline), ROWS(baseline)},
#ifdef WT_X86_TABLES
    {&wt_kernels_openblas_avx2, 8, ROWS(avx2), MANY(avx2)},
    {&wt_kernels_openblas_avx512, 16, ROWS(avx512), MANY(avx512)},
    {&wt_kernels_avx2, 8, ROWS(avx2), MANY(avx2)},
    {&wt_kernels_avx512, 16, ROWS(avx512), MANY(avx512)},
#endif
};

wt_kernels wt_kernels_for_rows(const wt_kernels *table, int rows, wt_weights weights) {
    wt_kernels kernels = *table;
    if (table == &wt_kernels_reference && weights == WT_WEIGHTS_BF16)
        kernels.pack = wt_reference_rounded_pack;
    for (size_t i = 0; i < sizeof row_products / sizeof *row_products; i++) {
        if (row_products[i].table != table) continue;
        const products *p = rows < WT_FEW_ROWS ? row_products[i].few : row_products[i].many;
        kernels.packed_count = p[weights].packed_count;
        kernels.pack = p[weights].pack;
        kernels.multiply = p[weights].multiply;
        kernels.multiply_gate = p[weights].multiply_gate;
        kernels.gate_turn = row_products[i].width;
        kernels.place_matters = false;
    }
    return kernels;
}

void wt_kernels_read(const float *from, size_t count) {
#ifdef WT_X86_TABLES
    if (cpu_has_avx512()) {
        wt_avx512_read(from, count);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        wt_avx2_read(from, count);
        return;
    }
#endif
    wt_baseline_read(from, count);
}

#endif

void wt_kernels_round_to_bf16(wt_real *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = (wt_real)wt_bf16_bits_float(wt_bf16_round((float)values[i]) << 16);
}

void wt_kernels_setup_thread(void) {
#if defined(__x86_64__) || defined(__i386__)
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    _mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#elif defined(__aarch64__)
    enum { FLUSH_TO_ZERO = 1 << 24 };
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    control |= FLUSH_TO_ZERO;
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#endif
}
