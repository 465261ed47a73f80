/*
 * What a node has for a job. The kernel ends a process that goes beyond its control group's limit, whatever
 * the node still has, so the least of all limits counts: the RAM, the groups of this process (version 2's
 * tree, or version 1's own), and what SLURM granted the job.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict_internal.h"

typedef struct {
    int64_t bytes; /* 0: none found yet */
    const char *limit;
} wt_least;

static void lower_limit(wt_least *least, int64_t bytes, const char *limit) {
    if (bytes > 0 && (least->bytes == 0 || bytes < least->bytes)) *least = (wt_least){bytes, limit};
}

/* "NAME:   123 kB" in a file of /proc; 0 where there is none. */
static int64_t read_proc_bytes(const char *path, const char *name) {
    char line[256];
    int64_t bytes = 0;
    const size_t length = strlen(name);
    FILE *file = fopen(path, "r");
    while (file && bytes == 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            bytes = 1024 * strtoll(line + length + 1, NULL, 10);
    }
    if (file) fclose(file);
    return bytes;
}

/* A number alone in a file; 0 where there is none ("max"). */
static int64_t read_file_number(const char *path) {
    char text[64] = "";
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (!fgets(text, sizeof text, file)) *text = '\0';
    fclose(file);
    return strtoll(text, NULL, 10);
}

/* The limits of a group and of those around it. */
static void apply_groups(wt_least *least, const char *root, const char *group, const char *file) {
    char folder[WT_PATH_MAX], path[WT_PATH_MAX];
    snprintf(folder, sizeof folder, "%s%s", root, group);
    for (;;) {
        if (wt_path_join(path, folder, file) != WT_OK) return;
        lower_limit(least, read_file_number(path), "its control group");
        char *slash = strrchr(folder, '/');
        if (!slash || strlen(folder) <= strlen(root)) return;
        *slash = '\0';
    }
}

/* Lines "0::/group" (version 2) or "7:memory:/group". */
static void apply_control_groups(wt_least *least) {
    char line[WT_PATH_MAX];
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *kind = strchr(line, ':'), *group = kind ? strchr(kind + 1, ':') : NULL;
        if (!group || group[1] != '/') continue;
        if (kind + 1 == group) apply_groups(least, "/sys/fs/cgroup", group + 1, "memory.max");
        if (strncmp(kind, ":memory:", 8) == 0)
            apply_groups(least, "/sys/fs/cgroup/memory", group + 1, "memory.limit_in_bytes");
    }
    if (file) fclose(file);
}

/* SLURM has MiB a node, or a CPU. */
static void apply_job_limit(wt_least *least) {
    const char *node = getenv("SLURM_MEM_PER_NODE"), *cpu = getenv("SLURM_MEM_PER_CPU");
    const char *cpus = getenv("SLURM_CPUS_ON_NODE");
    if (node) lower_limit(least, strtoll(node, NULL, 10) << 20, "the SLURM job's memory");
    if (cpu && cpus)
        lower_limit(least, (strtoll(cpu, NULL, 10) << 20) * strtoll(cpus, NULL, 10),
                    "the SLURM job's memory");
}

int64_t wt_node_memory_available(const char **limit) {
    wt_least least = {0, "unknown"};
    lower_limit(&least, read_proc_bytes("/proc/meminfo", "MemTotal"), "this machine's RAM");
    apply_control_groups(&least);
    apply_job_limit(&least);
    *limit = least.limit;
    return least.bytes;
}
