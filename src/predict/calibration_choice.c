/* This machine's calibration, or another's that a person names. */
#include "predict/calibration_choice.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "config/sections.h"
#include "predict/calibration.h"

/* "; others are there: a.yaml, b.yaml", of the folder of `path`. */
static void format_other_calibrations(char *text, size_t capacity, const char *path) {
    char folder[WT_PATH_MAX], **names;
    size_t count, used = 0;
    *text = '\0';
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) return;
    *slash = '\0';
    if (wt_folder_list(&names, &count, folder, "", ".yaml") != WT_OK) return;
    for (size_t i = 0; i < count && used < capacity; i++) {
        used += (size_t)snprintf(text + used, capacity - used, "%s%s",
                                 i ? ", " : "; others are there: ", names[i]);
    }
    wt_folder_list_free(names, count);
}

bool wt_calibration_is_there(char path[WT_PATH_MAX]) {
    char cpu[WT_CPU_NAME];
    wt_cpu_name(cpu);
    return wt_calibration_path(path, cpu) == WT_OK && wt_path_exists(path);
}

/* This machine's own, if it has one. */
static bool load_own_calibration(wt_calibration *calibration, char path[WT_PATH_MAX]) {
    char cpu[WT_CPU_NAME], others[512];
    wt_cpu_name(cpu);
    if (wt_calibration_path(path, cpu) != WT_OK) {
        wt_log_warning("%s", wt_error_message());
        return false;
    }
    if (!wt_path_exists(path)) {
        format_other_calibrations(others, sizeof others, path);
        wt_log_warning(
            "no times: %s is missing (wavetrain bench calibrate makes it, on a node that will run; "
            "--calibration takes another%s)",
            path, others);
        return false;
    }
    if (wt_calibration_load(calibration, path) == WT_OK) return true;
    wt_log_warning("no times: %s", wt_error_message());
    return false;
}

wt_status wt_calibration_choose(wt_calibration *calibration, const char *given, char path[WT_PATH_MAX],
                                bool *loaded) {
    char cpu[WT_CPU_NAME];
    *loaded = !given && load_own_calibration(calibration, path);
    if (!given) return WT_OK;
    snprintf(path, WT_PATH_MAX, "%s", given);
    WT_CHECK(wt_path_exists(given), WT_USAGE, "%s: no such calibration (wavetrain bench calibrate makes one)",
             given);
    WT_TRY(wt_calibration_load(calibration, given));
    *loaded = true;
    wt_cpu_name(cpu);
    if (strcmp(cpu, calibration->cpu) != 0) {
        wt_log_warning("%s: is of another CPU than this machine's (got %s, expected %s); its times are the "
                       "other's",
                       given, calibration->cpu, cpu);
    }
    return WT_OK;
}

void wt_calibration_begin(wt_calibration *calibration, const char *path, int cores) {
    char cpu[WT_CPU_NAME];
    wt_cpu_name(cpu);
    if (wt_path_exists(path)) {
        if (wt_calibration_load(calibration, path) != WT_OK) {
            wt_log_warning("%s; it is made anew", wt_error_message());
            memset(calibration, 0, sizeof *calibration);
        } else if (strcmp(calibration->cpu, cpu) != 0) {
            wt_log_warning("%s: is of another CPU and is replaced (got %s, expected %s)", path,
                           calibration->cpu, cpu);
            memset(calibration, 0, sizeof *calibration);
        }
    } else {
        memset(calibration, 0, sizeof *calibration);
    }
    snprintf(calibration->cpu, sizeof calibration->cpu, "%s", cpu);
    calibration->cores = cores;
}

static bool uses_bf16(const char *kernels) {
    return strstr(kernels, "bf16") != NULL;
}

void wt_calibration_choose_rates(wt_forecast_case *run, const char *path) {
    const wt_calibration *calibration = run->calibration;
    wt_rates rates;
    if (!calibration || wt_calibration_rates(&rates, calibration, run->kernels->name, 1, 1, NULL)) return;
    const bool bf16 = run->config->train.precision == WT_PRECISION_BF16;
    for (int i = 0; run->config->run.backend == WT_BACKEND_AUTO && i < calibration->count; i++) {
        if (uses_bf16(calibration->rates[i].kernels) != bf16) continue;
        run->rates_of = calibration->rates[i].kernels;
        return;
    }
    wt_log_warning(
        "no times: %s has no rates of these kernels (got %s, expected %s; wavetrain bench calibrate "
        "takes --backend and --precision)",
        path, calibration->rates[0].kernels, run->kernels->name);
}
