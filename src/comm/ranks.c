/* Start and end of MPI, and the small collective calls. MPI's own errors end the job, as by default. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/launcher.h"
#include "comm/ranks.h"
#include "comm_internal.h"

void wt_comm_count_nodes(wt_comm *comm) {
    MPI_Comm node;
    int rank, first;
    MPI_Comm_split_type(comm->all, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &comm->node_size);
    MPI_Comm_rank(node, &rank);
    MPI_Comm_free(&node);
    first = rank == 0;
    MPI_Allreduce(&first, &comm->nodes, 1, MPI_INT, MPI_SUM, comm->all);
}

static void name_mpi(char name[MPI_MAX_LIBRARY_VERSION_STRING]) {
    int length;
    memset(name, 0, MPI_MAX_LIBRARY_VERSION_STRING);
    MPI_Get_library_version(name, &length);
}

/* What Open MPI leaves out for a process that no launcher has started: it has nobody to talk to. Looking for
 * networks opens libraries, one of which sleeps for 0.2 s, and the daemon of a process alone takes another
 * 0.1 s; without it, processes alone share one folder for their session, which one removes while another one
 * begins. */
static const struct {
    const char *name, *value;
} settings_alone[] = {{"OMPI_MCA_pml", "ob1"},
                      {"OMPI_MCA_ess_singleton_isolated", "1"},
                      {"OMPI_MCA_orte_create_session_dirs", "0"}};
enum { SETTINGS = sizeof settings_alone / sizeof *settings_alone };

/* Starts MPI; a user's own settings count, and what this process starts itself finds none of these. */
static int init_alone(int *argc, char ***argv, int *granted) {
    bool mine[SETTINGS];
    for (int i = 0; i < SETTINGS; i++) {
        mine[i] = !getenv(settings_alone[i].name);
        if (mine[i]) setenv(settings_alone[i].name, settings_alone[i].value, 0);
    }
    const int result = MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, granted);
    for (int i = 0; i < SETTINGS; i++) {
        if (mine[i]) unsetenv(settings_alone[i].name);
    }
    return result;
}

static wt_status start_mpi(const wt_launch *launch, int *argc, char ***argv, int *granted) {
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    name_mpi(mpi);
    if (wt_launch_is_hopeless(launch, mpi)) return wt_launch_check(launch, 1, mpi);
    /* SERIALIZED is all that the exchange's thread needs: it calls MPI under the exchange's lock, and the
     * main thread makes no other call meanwhile. MULTIPLE would put a lock into every call of every rank. */
    const int result = launch->ranks == 0 ? init_alone(argc, argv, granted)
                                          : MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, granted);
    WT_CHECK(result == MPI_SUCCESS, WT_FAILED, "MPI can't start");
    return WT_OK;
}

/* Whether MPI has understood its launcher. */
static wt_status check_launch(const wt_launch *launch, const wt_comm *comm) {
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    name_mpi(mpi);
    return wt_launch_check(launch, comm->size, mpi);
}

wt_status wt_comm_start(wt_comm **out, int *argc, char ***argv) {
    const wt_launch launch = wt_launch_read(); /* before MPI adds variables of its own */
    int granted;
    *out = NULL;
    WT_TRY(start_mpi(&launch, argc, argv, &granted));
    wt_comm *comm;
    WT_TRY(wt_alloc(&comm, 1, sizeof *comm, "the communicator"));
    comm->threads = granted >= MPI_THREAD_SERIALIZED;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm->all);
    MPI_Comm_dup(MPI_COMM_WORLD, &comm->exchange);
    MPI_Comm_rank(comm->all, &comm->rank);
    MPI_Comm_size(comm->all, &comm->size);
    wt_comm_count_nodes(comm);
    wt_status status = wt_alloc(&comm->lengths, 2 * (size_t)comm->size, sizeof *comm->lengths, "ranks");
    if (status == WT_OK) status = check_launch(&launch, comm);
    if (status != WT_OK) {
        wt_comm_finish(comm);
        return status;
    }
    *out = comm;
    return WT_OK;
}

wt_status wt_comm_alone(wt_comm **out, const wt_comm *comm) {
    wt_comm *self;
    *out = NULL;
    WT_TRY(wt_alloc(&self, 1, sizeof *self, "a communicator"));
    wt_status status = wt_alloc(&self->lengths, 2, sizeof *self->lengths, "ranks");
    if (status != WT_OK) {
        wt_free(self);
        return status;
    }
    self->threads = comm->threads;
    self->alone = true;
    self->size = self->node_size = self->nodes = 1;
    MPI_Comm_dup(MPI_COMM_SELF, &self->all);
    MPI_Comm_dup(MPI_COMM_SELF, &self->exchange);
    *out = self;
    return WT_OK;
}

void wt_comm_finish(wt_comm *comm) {
    if (!comm) return;
    const bool alone = comm->alone;
    MPI_Comm_free(&comm->exchange);
    MPI_Comm_free(&comm->all);
    wt_free(comm->lengths);
    wt_free(comm);
    if (!alone) MPI_Finalize();
}

void wt_comm_abort(wt_comm *comm, int code) {
    MPI_Abort(comm ? comm->all : MPI_COMM_WORLD, code);
    __builtin_unreachable();
}

int wt_comm_rank(const wt_comm *comm) {
    return comm->rank;
}

int wt_comm_size(const wt_comm *comm) {
    return comm->size;
}

bool wt_comm_threads(const wt_comm *comm) {
    return comm->threads;
}

int wt_comm_node_size(const wt_comm *comm) {
    return comm->node_size;
}

int wt_comm_nodes(const wt_comm *comm) {
    return comm->nodes;
}

wt_status wt_comm_agree(wt_comm *comm, wt_status mine) {
    int failed = mine == WT_OK ? comm->size : comm->rank, first;
    wt_comm_waits(comm, true);
    MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, comm->all);
    wt_comm_waits(comm, false);
    if (first == comm->size) return WT_OK;
    struct {
        int status;
        char message[1024];
    } verdict;
    memset(&verdict, 0, sizeof verdict);
    if (comm->rank == first) {
        verdict.status = mine;
        snprintf(verdict.message, sizeof verdict.message, "%s", wt_error_message());
    }
    wt_comm_waits(comm, true);
    MPI_Bcast(&verdict, sizeof verdict, MPI_BYTE, first, comm->all);
    wt_comm_waits(comm, false);
    return wt_error((wt_status)verdict.status, "%s", verdict.message);
}

void wt_comm_barrier(wt_comm *comm) {
    wt_comm_waits(comm, true);
    MPI_Barrier(comm->all);
    wt_comm_waits(comm, false);
}

void wt_comm_broadcast(wt_comm *comm, void *data, size_t bytes) {
    if (comm->size == 1) return;
    wt_comm_waits(comm, true);
    char *at = data;
    while (bytes) {
        int part = bytes > INT_MAX ? INT_MAX : (int)bytes;
        MPI_Bcast(at, part, MPI_BYTE, 0, comm->all);
        at += part;
        bytes -= (size_t)part;
    }
    wt_comm_waits(comm, false);
}

void wt_comm_sum_int64(wt_comm *comm, int64_t *values, int count) {
    wt_comm_waits(comm, true);
    MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_INT64_T, MPI_SUM, comm->all);
    wt_comm_waits(comm, false);
}

void wt_comm_max_int64(wt_comm *comm, int64_t *values, int count) {
    wt_comm_waits(comm, true);
    MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_INT64_T, MPI_MAX, comm->all);
    wt_comm_waits(comm, false);
}

/* Lengths come up a tree of ranks, then each rank's data straight. */
static void gather_at_root(wt_comm *comm, const void *mine, size_t bytes, void *all) {
    if (comm->size == 1) { /* a small step notices MPI's way of copying */
        if (bytes > 0) memcpy(all, mine, bytes);
        return;
    }
    int length = (int)bytes, *lengths = comm->lengths, *starts = comm->lengths + comm->size;
    MPI_Gather(&length, 1, MPI_INT, lengths, 1, MPI_INT, 0, comm->all);
    for (int rank = 0, start = 0; comm->rank == 0 && rank < comm->size; start += lengths[rank++]) {
        starts[rank] = start;
    }
    MPI_Gatherv(mine, length, MPI_BYTE, all, lengths, starts, MPI_BYTE, 0, comm->all);
}

void wt_comm_gather(wt_comm *comm, const void *mine, size_t bytes, void *all) {
    wt_comm_waits(comm, true);
    gather_at_root(comm, mine, bytes, all);
    wt_comm_waits(comm, false);
}

/* "a ×2, b" from the ranks' hosts, neighbours with the same name taken together. */
static void format_hosts(char *text, size_t room, const char *names, int size) {
    size_t used = 0;
    for (int rank = 0; rank < size;) {
        const char *name = names + (size_t)rank * MPI_MAX_PROCESSOR_NAME;
        int same = 1;
        while (rank + same < size && strcmp(name, name + (size_t)same * MPI_MAX_PROCESSOR_NAME) == 0) same++;
        int more = same > 1 ? snprintf(text + used, room - used, "%s%s ×%d", rank ? ", " : "", name, same)
                            : snprintf(text + used, room - used, "%s%s", rank ? ", " : "", name);
        used += (size_t)more;
        rank += same;
    }
}

wt_status wt_comm_hosts(wt_comm *comm, char **text) {
    wt_status status = WT_OK;
    char mine[MPI_MAX_PROCESSOR_NAME] = "", *names = NULL;
    int length;
    *text = NULL;
    MPI_Get_processor_name(mine, &length);
    status = wt_alloc(&names, (size_t)comm->size, sizeof mine, "host names");
    size_t room = (size_t)comm->size * (sizeof mine + 24);
    if (status == WT_OK) status = wt_alloc(text, room, 1, "host names");
    WT_GUARD(wt_comm_agree(comm, status));
    MPI_Allgather(mine, sizeof mine, MPI_CHAR, names, sizeof mine, MPI_CHAR, comm->all);
    format_hosts(*text, room, names, comm->size);
cleanup:
    wt_free(names);
    if (status != WT_OK) {
        wt_free(*text);
        *text = NULL;
    }
    return status;
}

#ifdef __SANITIZE_ADDRESS__
/* Open MPI unloads its modules when it ends, and with them the names by which tests/leaks.supp knows what
 * they leave behind: under the leak checker they stay. */
int dlclose(void *handle);

int dlclose(void *handle) {
    (void)handle;
    return 0;
}
#endif
