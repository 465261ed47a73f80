/*
 * Where the ranks run. Rank 0 receives the host, threads and cores of each rank, and does the sums: on a host
 * there must be no more threads than cores, neither in all, nor of the ranks that are bound to some of them.
 * Bindings are nested or apart in practice, so that it is enough to look at the sets that some rank is bound
 * to, with all ranks within them.
 */
#include "comm/places.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm_internal.h"

/* The ranks of a host follow each other as often as not; this finds them wherever they are. */
static bool is_neighbour(const wt_place *a, const wt_place *b) {
    return strcmp(a->host, b->host) == 0;
}

/* The first rank of each host stands for it. */
static bool is_first(const wt_place *places, int rank) {
    for (int i = 0; i < rank; i++) {
        if (is_neighbour(&places[i], &places[rank])) return false;
    }
    return true;
}

/* --- threads --- */

void wt_places_share(wt_place *places, int ranks) {
    for (int rank = 0; rank < ranks; rank++) {
        wt_place *own = &places[rank];
        int sharing = 0, neighbours = 0;
        if (own->told) continue;
        for (int i = 0; i < ranks; i++) {
            if (!is_neighbour(&places[i], own)) continue;
            neighbours++;
            sharing += wt_cores_overlap(&places[i].cores, &own->cores);
        }
        int most = wt_cores_count(&own->cores) / (sharing ? sharing : 1);
        if (own->quota > 0 && most > own->quota / neighbours) most = (int)(own->quota / neighbours);
        if (most < 1) most = 1;
        if (own->threads > most) own->threads = most;
    }
}

/* --- are there enough cores? --- */

typedef struct {
    int ranks, threads;
    wt_core_set cores;
} wt_load;

/* Of the ranks on the host of `place` that may use nothing but `cores` (NULL: of all). */
static wt_load sum_load(const wt_place *places, int ranks, const wt_place *place, const wt_core_set *cores) {
    wt_load load;
    memset(&load, 0, sizeof load);
    for (int rank = 0; rank < ranks; rank++) {
        if (!is_neighbour(&places[rank], place)) continue;
        if (cores && !wt_cores_within(&places[rank].cores, cores)) continue;
        load.ranks++;
        load.threads += places[rank].threads;
        wt_cores_unite(&load.cores, &places[rank].cores);
    }
    return load;
}

static wt_status check_load(const wt_place *place, const wt_load *load) {
    char cores[128], threads[64];
    const int count = wt_cores_count(&load->cores);
    wt_cores_text(cores, sizeof cores, &load->cores);
    if (load->threads == load->ranks * place->threads) {
        snprintf(threads, sizeof threads, "%d rank%s × %d thread%s", load->ranks, load->ranks == 1 ? "" : "s",
                 place->threads, place->threads == 1 ? "" : "s");
    } else {
        snprintf(threads, sizeof threads, "%d ranks with %d threads", load->ranks, load->threads);
    }
    WT_CHECK(load->threads <= count, WT_USAGE,
             "%s: more threads than processors (got %s, expected at most %d thread%s on processors %s that "
             "they may "
             "use; see OMP_NUM_THREADS and the launcher's binding, or set WAVETRAIN_OVERSUBSCRIBE=1)",
             place->host, threads, count, count == 1 ? "" : "s", cores);
    const int time = (int)ceil(place->quota);
    WT_CHECK(time == 0 || load->threads <= time, WT_USAGE,
             "%s: more threads than processors (got %s, expected at most %d: a control group grants the time "
             "of %.3g; "
             "see OMP_NUM_THREADS, or set WAVETRAIN_OVERSUBSCRIBE=1)",
             place->host, threads, time, place->quota);
    return WT_OK;
}

wt_status wt_places_check(const wt_place *places, int ranks) {
    for (int rank = 0; rank < ranks; rank++) {
        const wt_place *place = &places[rank];
        const bool again = rank > 0 && is_neighbour(place, place - 1) &&
                           place->threads == place[-1].threads &&
                           memcmp(&place->cores, &place[-1].cores, sizeof place->cores) == 0;
        if (again) continue;
        const wt_load bound = sum_load(places, ranks, place, &place->cores);
        WT_TRY(check_load(place, &bound));
        if (!is_first(places, rank)) continue;
        const wt_load all = sum_load(places, ranks, place, NULL);
        WT_TRY(check_load(place, &all));
    }
    return WT_OK;
}

/* --- for people --- */

static bool are_alike(const wt_place *places, int ranks) {
    for (int rank = 1; rank < ranks; rank++) {
        if (memcmp(&places[rank].cores, &places[0].cores, sizeof places->cores) != 0) return false;
    }
    return true;
}

/* "0-3 | 4-7": the cores of a host's ranks in their order, equal ones that follow each other as one. */
static void format_host(char *text, size_t room, const wt_place *places, int ranks, int first) {
    size_t used = 0;
    const wt_place *last = NULL;
    text[0] = '\0';
    for (int rank = first; rank < ranks && used + 1 < room; rank++) {
        char cores[96];
        const wt_place *place = &places[rank];
        if (!is_neighbour(place, &places[first])) continue;
        if (last && memcmp(&last->cores, &place->cores, sizeof place->cores) == 0) continue;
        last = place;
        wt_cores_text(cores, sizeof cores, &place->cores);
        used += (size_t)snprintf(text + used, room - used, "%s%s", used ? " | " : "", cores);
    }
}

/* A line for each pattern, with the first of the hosts that have it and how many more there are. */
void wt_places_text(char *text, size_t room, const wt_place *places, int ranks) {
    enum { PATTERNS = 6, PATTERN = 400 };
    char(*patterns)[PATTERN];
    int hosts[PATTERNS] = {0}, first[PATTERNS] = {0}, count = 0, more = 0;
    size_t used = 0;
    text[0] = '\0';
    if (are_alike(places, ranks)) {
        char cores[PATTERN];
        wt_cores_text(cores, sizeof cores, &places[0].cores);
        snprintf(text, room, "each rank may use processors %s", cores);
        return;
    }
    if (wt_alloc(&patterns, PATTERNS, sizeof *patterns, "bindings") != WT_OK) return;
    for (int rank = 0; rank < ranks; rank++) {
        char pattern[PATTERN];
        int at = 0;
        if (!is_first(places, rank)) continue;
        format_host(pattern, sizeof pattern, places, ranks, rank);
        while (at < count && strcmp(patterns[at], pattern) != 0) at++;
        if (at == PATTERNS) {
            more++;
            continue;
        }
        if (at == count) {
            first[count] = rank;
            memcpy(patterns[count++], pattern, sizeof pattern);
        }
        hosts[at]++;
    }
    for (int i = 0; i < count && used + 1 < room; i++) {
        char others[48] = "";
        if (hosts[i] > 1) snprintf(others, sizeof others, " and %d more", hosts[i] - 1);
        used += (size_t)snprintf(text + used, room - used, "%s%s%s: by rank, processors %s", used ? "\n" : "",
                                 places[first[i]].host, others, patterns[i]);
    }
    if (more && used < room) snprintf(text + used, room - used, "\n%d more hosts in other ways", more);
    wt_free(patterns);
}

/* --- all ranks --- */

static wt_place find_own_place(bool told) {
    wt_place place;
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    int length;
    const char *threads = getenv("OMP_NUM_THREADS");
    memset(&place, 0, sizeof place);
    MPI_Get_processor_name(host, &length);
    snprintf(place.host, sizeof place.host, "%.*s", WT_HOST_NAME - 1, host);
    place.threads = omp_get_max_threads();
    place.told = told || (threads && *threads);
    place.quota = wt_cores_quota();
    place.cores = wt_cores_allowed();
    return place;
}

static bool may_oversubscribe(void) {
    const char *word = getenv("WAVETRAIN_OVERSUBSCRIBE");
    return word && *word && strcmp(word, "0") != 0;
}

static void send_threads(wt_comm *comm, const wt_place *places) {
    int *threads = comm->lengths;
    for (int rank = 0; comm->rank == 0 && rank < comm->size; rank++) threads[rank] = places[rank].threads;
    wt_comm_broadcast(comm, threads, (size_t)comm->size * sizeof *threads);
    omp_set_num_threads(threads[comm->rank]);
}

wt_status wt_comm_settle(wt_comm *comm, bool told, bool oversubscribe, wt_place **places) {
    const wt_place mine = find_own_place(told);
    wt_place *all = NULL;
    const bool root = comm->rank == 0;
    *places = NULL;
    wt_status status = root ? wt_alloc(&all, (size_t)comm->size, sizeof *all, "places of ranks") : WT_OK;
    WT_TRY(wt_comm_agree(comm, status));
    wt_comm_gather(comm, &mine, sizeof mine, all);
    if (root) wt_places_share(all, comm->size);
    send_threads(comm, all);
    if (root && !oversubscribe && !may_oversubscribe()) status = wt_places_check(all, comm->size);
    status = wt_comm_agree(comm, status);
    if (status != WT_OK) {
        wt_free(all);
    } else {
        *places = all;
    }
    return status;
}
