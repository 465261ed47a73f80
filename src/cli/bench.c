/* What the bench commands share. */
#include <omp.h>
#include <stdio.h>

#include "bench_command.h"
#include "command_internal.h"
#include "kernels/kernel_set.h"

/* --- options --- */

wt_status wt_bench_set_threads(int threads) {
    enum { THREADS_MAX = 1024 };
    WT_TRY(wt_command_check_numbers(&(wt_command_number){"--threads", threads, 0, THREADS_MAX}, 1));
    if (threads) omp_set_num_threads(threads);
    return WT_OK;
}

/* --- lines --- */

void wt_bench_peak_doubt(char text[WT_PEAK_DOUBT], const wt_bench_peak *peak) {
    double ratio;
    *text = '\0';
    if (wt_bench_peak_disturbed(peak, &ratio))
        snprintf(text, WT_PEAK_DOUBT, "; disturbed: this peak is %.2f × the threads × one thread's", ratio);
}

void wt_bench_peaks_print(const wt_bench_peaks *peaks, const char *cores) {
    static const char *const names[] = {[WT_PEAK_FP32] = "fp32", [WT_PEAK_BF16] = "bf16"};
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        const wt_bench_peak *peak = &peaks->of[kind];
        if (peaks->rounds[kind]) {
            printf("peak of %s, %s: %.1f GFLOP/s, sustained %.1f, threads × one thread's %.1f (%s)\n", cores,
                   names[kind], 1e-9 * peak->best, 1e-9 * wt_bench_peak_sustained(peak), 1e-9 * peak->apart,
                   peaks->unit[kind].instruction);
        } else {
            printf("peak of %s, %s: the vector unit has no instruction for it\n", cores, names[kind]);
        }
    }
}
