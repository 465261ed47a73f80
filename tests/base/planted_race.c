/*
 * planted_race none|thread|team|pair: what the thread checker must tell apart. Prints a sum.
 *   none    a helper thread, then teams of OpenMP that hand data on; everything in order
 *   thread  this thread and a helper add to a number without its mutex
 *   team    the threads of a team add to a number
 *   pair    a helper thread writes what a team reads
 */
#include <stdio.h>
#include <string.h>

#include "base/thread.h"

enum { COUNT = 1000 };

typedef struct {
    pthread_mutex_t mutex;
    bool locks;
    int number;
    int values[COUNT];
} shared;

static void add_unlocked(shared *s) {
    if (s->locks) pthread_mutex_lock(&s->mutex);
    s->number++;
    if (s->locks) pthread_mutex_unlock(&s->mutex);
}

static void *add_often(void *context) {
    for (int i = 0; i < COUNT; i++) add_unlocked(context);
    return NULL;
}

static void *write_values(void *context) {
    shared *s = context;
    for (int i = 0; i < COUNT; i++) s->values[i] = i;
    return NULL;
}

/* Each loop reads what other threads of the team wrote in the one before; only the team's barriers order
 * them. */
static int sum_in_teams(shared *s) {
    static int turned[COUNT];
#pragma omp parallel for schedule(static)
    for (int i = 0; i < COUNT; i++) turned[i] = s->values[COUNT - 1 - i];
#pragma omp parallel for schedule(static)
    for (int i = 0; i < COUNT; i++) s->values[i] = turned[COUNT - 1 - i];
    int sum = 0;
    for (int i = 0; i < COUNT; i++) sum += s->values[i];
    return sum;
}

static void add_in_team(shared *s) {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < COUNT; i++) s->number += i;
}

int main(int count, char **words) {
    static shared s = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    const char *kind = count == 2 ? words[1] : "none";
    wt_thread adder = {0}, writer = {0};
    int sum = 0;
    s.locks = strcmp(kind, "thread") != 0;
    if (wt_thread_start(&adder, add_often, &s, "additions") != WT_OK) return 1;
    add_often(&s);
    if (wt_thread_start(&writer, write_values, &s, "values") != WT_OK) return 1;
    if (strcmp(kind, "pair") == 0) sum = sum_in_teams(&s);
    wt_thread_join(&writer);
    wt_thread_join(&adder);
    sum += sum_in_teams(&s);
    if (strcmp(kind, "team") == 0) add_in_team(&s);
    printf("%d %d\n", s.number, sum);
    return 0;
}
