/*
 * A program whose MPI does not understand its launcher starts as many times as there should be ranks, each
 * time as rank 0 of 1: each trains alone, in the same folder. MPI itself does not notice, but the launcher's
 * variables do not fit what it says. A variable counts only where the launcher sets it for the processes that
 * it starts: SLURM sets SLURM_NTASKS in the shell of a batch job too, where a program that runs alone is
 * right.
 */
#include "comm/launcher.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One launcher a row, the nearest to the process first. */
static const struct {
    const char *ranks; /* how many; NULL: only the process's own number is set */
    const char *rank;  /* from 0 */
    const char *only;  /* the row counts where this one is set too; NULL: always */
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", NULL},    /* mpirun of Open MPI */
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", NULL},      /* MVAPICH2 */
    {"PMI_SIZE", "PMI_RANK", NULL},                            /* MPICH's mpiexec, srun --mpi=pmi2 */
    {"MPI_LOCALNRANKS", "MPI_LOCALRANKID", NULL},              /* the same, of this node */
    {"JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK", NULL},        /* jsrun */
    {"FLUX_JOB_SIZE", "FLUX_TASK_RANK", NULL},                 /* flux run */
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_ID"}, /* srun, whatever --mpi says */
    {"SLURM_NTASKS", "SLURM_PROCID", "SLURM_STEP_ID"},         /* a batch job's shell has no step's number */
    {NULL, "PMIX_RANK", NULL},                                 /* prterun and the like */
    {NULL, "PALS_RANKID", NULL},                               /* Cray's mpiexec and aprun */
    {NULL, "ALPS_APP_PE", NULL},
};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

/* Which launcher an MPI fits, by how its name begins; the last row is for all others. */
static const struct {
    const char *mpi, *fits;
} fitting[] = {
    {"Open MPI", "mpirun of this Open MPI, or srun --mpi=pmix where both have PMIx"},
    {"MPICH", "mpiexec of this MPICH, or srun --mpi=pmi2"},
    {"CRAY MPICH", "srun --mpi=cray_shasta, or aprun"},
    {"Intel", "mpiexec of this Intel MPI, or srun --mpi=pmi2 with I_MPI_PMI_LIBRARY"},
    {"MVAPICH", "mpiexec of this MVAPICH, or srun --mpi=pmi2"},
    {"", "the launcher that came with this MPI"},
};

/* The number in a variable; −1 where there is none. */
static int read_variable(const char *variable) {
    const char *text = variable ? getenv(variable) : NULL;
    char *end;
    if (!text || !*text) return -1;
    const long number = strtol(text, &end, 10);
    return *end == '\0' && number >= 0 && number < INT_MAX ? (int)number : -1;
}

wt_launch wt_launch_read(void) {
    for (int i = 0; i < LAUNCHERS; i++) {
        if (launchers[i].only && !getenv(launchers[i].only)) continue;
        const int ranks = read_variable(launchers[i].ranks), rank = read_variable(launchers[i].rank);
        if (ranks > 0) return (wt_launch){ranks, launchers[i].ranks, rank <= 0};
        if (launchers[i].ranks || rank < 0) continue;
        return (wt_launch){rank + 1, launchers[i].rank, true};
    }
    return (wt_launch){0, NULL, true};
}

bool wt_launch_is_hopeless(const wt_launch *launch, const char *mpi) {
    const bool srun = launch->variable && strncmp(launch->variable, "SLURM_", 6) == 0;
    return srun && launch->ranks > 1 && strncmp(mpi, "Open MPI", 8) == 0 && !getenv("PMIX_RANK") &&
           !getenv("PMI_RANK");
}

/* "Open MPI v4.1.4", "MPICH Version: 4.0.2": what a text of several lines begins with. */
static void name_in_line(char *name, size_t room, const char *mpi) {
    snprintf(name, room, "%.*s", (int)strcspn(mpi, ",\n"), mpi);
    for (char *tab = name; (tab = strchr(tab, '\t')) != NULL;) *tab = ' ';
}

wt_status wt_launch_check(const wt_launch *launch, int mpi_ranks, const char *mpi) {
    char name[64];
    size_t fit = 0;
    if (launch->ranks <= 1 || mpi_ranks > 1) return WT_OK;
    while (strncmp(mpi, fitting[fit].mpi, strlen(fitting[fit].mpi)) != 0) fit++;
    name_in_line(name, sizeof name, mpi);
    return wt_error(
        WT_USAGE,
        "MPI does not understand the launcher (got 1 rank, expected %d or more by %s=%s); %s fits %s",
        launch->ranks, launch->variable, getenv(launch->variable), name, fitting[fit].fits);
}
