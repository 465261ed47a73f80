/* Helper threads by POSIX; the cores of the process by OpenMP's places, which know them despite the
 * binding. */
#include "base/thread.h"

#include <dirent.h>
#include <omp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WT_CPUS_MAX = 4096 };

/* Every core of every place; without binding there are no places, and nothing to undo. */
static void unbind_thread(pthread_attr_t *attributes) {
    int cpus[WT_CPUS_MAX];
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int place = 0; place < omp_get_num_places(); place++) {
        int count = omp_get_place_num_procs(place);
        if (count > WT_CPUS_MAX) return;
        omp_get_place_proc_ids(place, cpus);
        for (int i = 0; i < count; i++) {
            if (cpus[i] < CPU_SETSIZE) CPU_SET(cpus[i], &set);
        }
    }
    if (CPU_COUNT(&set) > 0) pthread_attr_setaffinity_np(attributes, sizeof set, &set);
}

wt_status wt_thread_start(wt_thread *thread, void *(*work)(void *), void *context, const char *what) {
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    unbind_thread(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->id, &attributes, work, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    WT_CHECK(failed == 0, WT_FAILED, "can't start the thread for %s (%s)", what, strerror(failed));
    thread->running = true;
    return WT_OK;
}

/* On Linux a nice value is a thread's own. Each level is 4/5 of the share of the one before: 15 gets 3.4 % of
 * the share of 0. */
void wt_thread_step_back(void) {
    enum { WT_BACKGROUND_NICE = 15 };
    setpriority(PRIO_PROCESS, 0, WT_BACKGROUND_NICE); /* if it is not allowed, the thread competes */
}

void wt_thread_take_precedence(void) {
    enum { NICE = 10 }; /* a tenth of the share of nice 0 */
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return; /* then it competes */
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        const pid_t task = (pid_t)strtol(entry->d_name, NULL, 10);
        if (task <= 0 || task == gettid()) continue;
        if (getpriority(PRIO_PROCESS, (id_t)task) < NICE) setpriority(PRIO_PROCESS, (id_t)task, NICE);
    }
    closedir(tasks);
}

void wt_thread_join(wt_thread *thread) {
    if (!thread->running) return;
    pthread_join(thread->id, NULL);
    thread->running = false;
}
