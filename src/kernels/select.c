/*
 * Chooses the kernel set of a run. The choice is made once, from the configuration and from what
 * this CPU can run; the tables themselves are constants.
 */
#include "vector_unit.h"

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

/* The units that CMakeLists.txt compiles kernels for, slowest first. */
#define UNIT(isa) extern const wt_vector_unit wt_kernels_unit_##isa;
WT_UNITS
#undef UNIT
#define UNIT(isa) &wt_kernels_unit_##isa,
static const wt_vector_unit *const units[] = {WT_UNITS};
#undef UNIT
enum { UNITS = sizeof units / sizeof *units };

int wt_kernels_tables(const wt_kernels *tables[WT_KERNEL_TABLES], wt_precision precision) {
    int count = 0;
    if (precision == WT_PRECISION_BF16) {
        for (int u = 0; u < UNITS; u++) {
            if (!units[u]->by_name && units[u]->supports_bf16()) tables[count++] = units[u]->bf16;
        }
        return count;
    }
    tables[count++] = &wt_kernels_reference;
    for (int u = 0; u < UNITS; u++) {
        if (units[u]->openblas && units[u]->supported()) tables[count++] = units[u]->openblas;
    }
    for (int u = 0; u < UNITS; u++) {
        if (units[u]->own && units[u]->supported()) tables[count++] = units[u]->own;
    }
    return count;
}

/* The same, and before them what only its own name chooses, since its bits are not those of the others. */
static int selectable_tables(const wt_kernels *tables[WT_KERNEL_TABLES], wt_precision precision) {
    int named = 0;
    for (int u = 0; precision == WT_PRECISION_BF16 && u < UNITS; u++) {
        if (units[u]->by_name && units[u]->supports_bf16()) tables[named++] = units[u]->bf16;
    }
    return named + wt_kernels_tables(tables + named, precision);
}

/* The unit whose own products a table has; NULL for those of OpenBLAS and of plain C. */
static const wt_vector_unit *unit_of(const wt_kernels *table) {
    for (int u = 0; u < UNITS; u++) {
        const bool has_products = units[u]->own || units[u]->by_name;
        if (has_products && (table == units[u]->own || table == units[u]->bf16)) return units[u];
    }
    return NULL;
}

/* The fastest unit of this CPU for any table, or with `by_name` the one that only its name chooses. */
static const wt_vector_unit *best_unit(bool by_name) {
    int u = UNITS - 1;
    while (u >= 0 && !(units[u]->by_name == by_name && units[u]->supported())) u--;
    return u < 0 ? NULL : units[u];
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
    [WT_BACKEND_NEON] = {"neon", {"neon", "bf16_neon"}},
};

static bool has_openblas(const wt_kernels *table) {
    return strncmp(table->name, "openblas", strlen("openblas")) == 0;
}

/* What bf16 costs where it is no gain; once. */
static void warn_of_bf16(const wt_kernels *table) {
    static bool warned;
    const bool emulated = strncmp(table->name, "bf16", strlen("bf16")) == 0;
    const bool slow = !emulated && !unit_of(table)->by_name && best_unit(true);
    if (emulated && !warned)
        wt_log_warning(
            "train.precision: this CPU lacks the bf16 instruction (AVX512-BF16), so bf16 steps take %s",
            !unit_of(table) ? "hundreds of times as long as fp32 ones"
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
    const wt_kernels *tables[WT_KERNEL_TABLES];
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

/* OpenBLAS, and the compiler in plain loops, take the best that the CPU has. */
wt_peak wt_kernels_peak(const wt_kernels *table, wt_peak_kind kind) {
    const wt_vector_unit *own = unit_of(table), *best = best_unit(false);
    if (kind == WT_PEAK_FP32) return own && own->peak.run ? own->peak : best->peak;
    const wt_vector_unit *unit = own ? own : best;
    return unit->supports_bf16() ? unit->bf16_peak : (wt_peak){NULL, NULL};
}

/* --- generation --- */

wt_kernels wt_kernels_for_rows(const wt_kernels *table, int rows, wt_weights weights) {
    wt_kernels kernels = *table;
    if (table == &wt_kernels_reference && weights == WT_WEIGHTS_BF16)
        kernels.pack = wt_reference_rounded_pack;
    for (int u = 0; u < UNITS; u++) {
        if (table != units[u]->openblas && table != units[u]->own) continue;
        const wt_products *p = &(rows < WT_FEW_ROWS ? units[u]->few : units[u]->many)[weights];
        kernels.packed_count = p->packed_count;
        kernels.pack = p->pack;
        kernels.multiply = p->multiply;
        kernels.multiply_gate = p->multiply_gate;
        kernels.gate_turn = units[u]->width;
        kernels.place_matters = false;
    }
    return kernels;
}

void wt_kernels_read(const float *from, size_t count) {
    best_unit(false)->read(from, count);
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
