/* The processors (as the system counts them: hardware threads) that this process may use. */
#ifndef WAVETRAIN_CORES_H
#define WAVETRAIN_CORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WT_CORES_MAX = 2048 };

typedef struct {
    uint64_t bits[WT_CORES_MAX / 64];
} wt_core_set;

/* Those that the process is bound to, or all. */
wt_core_set wt_cores_allowed(void);

void wt_cores_add(wt_core_set *set, int core); /* nothing for a number out of range */
int wt_cores_count(const wt_core_set *set);
void wt_cores_unite(wt_core_set *set, const wt_core_set *other);
bool wt_cores_within(const wt_core_set *set, const wt_core_set *other); /* all of `set` are in `other` */
bool wt_cores_overlap(const wt_core_set *set, const wt_core_set *other);
/* Writes "0-3,8", cut at `room` bytes. */
void wt_cores_text(char *text, size_t room, const wt_core_set *set);

/* How many processors' time the control groups of this process allow (containers, for the most part); 0: no
 * limit. */
double wt_cores_quota(void);
/* The same from a copy of /proc/self/cgroup, for control groups that are mounted below `mounts`. */
double wt_cores_quota_below(const char *groups, const char *mounts);

#endif
