/*
 * Which processors this process may use: its affinity, and what control groups allow of their time. Sets of
 * processors that a control group grants are part of the affinity; a quota of time is not, and is the least
 * of the process's own group and all above it. Either version of control groups is read, as far as it is
 * there.
 */
#include "base/cores.h"

#include <fcntl.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wavetrain/base.h"

/* --- sets --- */

void wt_cores_add(wt_core_set *set, int core) {
    if (core >= 0 && core < WT_CORES_MAX) set->bits[core / 64] |= (uint64_t)1 << core % 64;
}

static bool has_core(const wt_core_set *set, int core) {
    return core < WT_CORES_MAX && (set->bits[core / 64] >> core % 64 & 1);
}

int wt_cores_count(const wt_core_set *set) {
    int count = 0;
    for (int i = 0; i < WT_CORES_MAX / 64; i++) count += __builtin_popcountll(set->bits[i]);
    return count;
}

void wt_cores_unite(wt_core_set *set, const wt_core_set *other) {
    for (int i = 0; i < WT_CORES_MAX / 64; i++) set->bits[i] |= other->bits[i];
}

bool wt_cores_within(const wt_core_set *set, const wt_core_set *other) {
    for (int i = 0; i < WT_CORES_MAX / 64; i++) {
        if (set->bits[i] & ~other->bits[i]) return false;
    }
    return true;
}

bool wt_cores_overlap(const wt_core_set *set, const wt_core_set *other) {
    for (int i = 0; i < WT_CORES_MAX / 64; i++) {
        if (set->bits[i] & other->bits[i]) return true;
    }
    return false;
}

void wt_cores_text(char *text, size_t room, const wt_core_set *set) {
    size_t used = 0;
    text[0] = '\0';
    for (int core = 0; core < WT_CORES_MAX && used + 1 < room; core++) {
        if (!has_core(set, core)) continue;
        const int first = core;
        while (has_core(set, core + 1)) core++;
        used += (size_t)snprintf(text + used, room - used, core > first ? "%s%d-%d" : "%s%d", used ? "," : "",
                                 first, core);
    }
}

/* --- affinity --- */

/* Once OpenMP binds threads, the main thread has one place alone, and the places are what there is. */
static void add_places(wt_core_set *set) {
    enum { MOST = WT_CORES_MAX };
    int cores[MOST];
    for (int place = 0; place < omp_get_num_places(); place++) {
        const int count = omp_get_place_num_procs(place);
        if (count > MOST) continue;
        omp_get_place_proc_ids(place, cores);
        for (int i = 0; i < count; i++) wt_cores_add(set, cores[i]);
    }
}

wt_core_set wt_cores_allowed(void) {
    wt_core_set set;
    memset(&set, 0, sizeof set);
    cpu_set_t *mask = CPU_ALLOC(WT_CORES_MAX);
    const size_t bytes = CPU_ALLOC_SIZE(WT_CORES_MAX);
    if (mask && sched_getaffinity(0, bytes, mask) == 0) {
        for (int core = 0; core < WT_CORES_MAX; core++) {
            if (CPU_ISSET_S(core, bytes, mask)) wt_cores_add(&set, core);
        }
    }
    if (mask) CPU_FREE(mask);
    add_places(&set);
    return set;
}

/* --- control groups --- */

/* The first words of a file, which is short; false where there is none. */
static bool read_first_words(char *text, size_t room, const char *folder, const char *name) {
    char path[WT_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t bytes = read(file, text, room - 1);
    close(file);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

/* The limit that stands in a group's folder; 0: none. */
static double read_quota(const char *folder) {
    char text[64];
    double quota = 0, period = 0;
    if (read_first_words(text, sizeof text, folder, "cpu.max")) { /* "max 100000", or "200000 100000" */
        if (sscanf(text, "%lf %lf", &quota, &period) != 2) return 0;
    } else {
        if (!read_first_words(text, sizeof text, folder, "cpu.cfs_quota_us")) return 0; /* −1: none */
        quota = strtod(text, NULL);
        if (!read_first_words(text, sizeof text, folder, "cpu.cfs_period_us")) return 0;
        period = strtod(text, NULL);
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* The least of a group and those above it. In a container the outer part of the path is not there: what is
 * mounted is found on the way up. */
static double find_min_quota(const char *mount, const char *group) {
    char folder[WT_PATH_MAX];
    double least = 0;
    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder) return 0;
    for (;;) {
        const double quota = read_quota(folder);
        if (quota > 0 && (least == 0 || quota < least)) least = quota;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < strlen(mount)) return least;
        *slash = '\0';
    }
}

static bool has_cpu_controller(const char *controllers) {
    for (const char *at = controllers; *at;) {
        const size_t length = strcspn(at, ",");
        if (length == 3 && strncmp(at, "cpu", 3) == 0) return true;
        at += length + (at[length] == ',');
    }
    return false;
}

/* A line is NUMBER:CONTROLLERS:PATH; those of version 2 have no controllers. */
double wt_cores_quota_below(const char *groups, const char *mounts) {
    double least = 0;
    for (const char *line = groups; *line;) {
        char controllers[256] = "", group[2048] = "", mount[WT_PATH_MAX];
        const bool second = sscanf(line, "%*d::%2047[^\n]", group) == 1;
        const bool first = !second && sscanf(line, "%*d:%255[^:]:%2047[^\n]", controllers, group) == 2;
        if (second || (first && has_cpu_controller(controllers))) {
            snprintf(mount, sizeof mount, second ? "%s" : "%s/%s", mounts, controllers);
            const double quota = find_min_quota(mount, group);
            if (quota > 0 && (least == 0 || quota < least)) least = quota;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return least;
}

double wt_cores_quota(void) {
    char groups[8192];
    return read_first_words(groups, sizeof groups, "/proc/self", "cgroup")
               ? wt_cores_quota_below(groups, "/sys/fs/cgroup")
               : 0;
}
