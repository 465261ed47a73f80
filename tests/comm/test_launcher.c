/* Which launcher started this process, by the environment, and whether that fits what MPI says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "comm/launcher.h"

/* What launchers set, as seen in their processes; the others are cleared. */
static const struct {
    const char *environment; /* words */
    int ranks;
    bool first;
    const char *variable;
} cases[] = {
    {"", 0, true, NULL},
    /* a shell of a batch job, and salloc's */
    {"SLURM_NTASKS=4 SLURM_PROCID=0 SLURM_JOB_ID=7", 0, true, NULL},
    {"SLURM_NTASKS=4 SLURM_PROCID=0 SLURM_STEP_ID=4294967290 SLURM_STEP_NUM_TASKS=1", 1, true,
     "SLURM_STEP_NUM_TASKS"},
    /* srun, with and without PMIx, and where it says less */
    {"SLURM_NTASKS=4 SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4", 4, true, "SLURM_STEP_NUM_TASKS"},
    {"SLURM_NTASKS=4 SLURM_PROCID=3 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 PMIX_RANK=3", 4, false,
     "SLURM_STEP_NUM_TASKS"},
    {"SLURM_NTASKS=4 SLURM_PROCID=1 SLURM_STEP_ID=0", 4, false, "SLURM_NTASKS"},
    /* mpirun, alone and by way of srun, which started its daemons on two nodes */
    {"OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_RANK=2 PMIX_RANK=2", 8, false, "OMPI_COMM_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1", 1,
     true, "OMPI_COMM_WORLD_SIZE"},
    /* MPICH's mpiexec, and srun --mpi=pmi2 */
    {"PMI_SIZE=3 PMI_RANK=0 MPI_LOCALNRANKS=3 MPI_LOCALRANKID=0", 3, true, "PMI_SIZE"},
    {"MPI_LOCALNRANKS=3 MPI_LOCALRANKID=1", 3, false, "MPI_LOCALNRANKS"},
    /* who tells nothing but the number of the process: the first one can't know, any other one speaks */
    {"PMIX_RANK=0", 1, true, "PMIX_RANK"},
    {"PMIX_RANK=2", 3, true, "PMIX_RANK"},
    {"OMPI_COMM_WORLD_SIZE=many PMIX_RANK=x PMI_SIZE=", 0, true, NULL},
};

static void set_environment(const char *words) {
    char text[256];
    clearenv();
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        setenv(word, equals + 1, 1);
    }
}

static void test_launchers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_environment(cases[i].environment);
        const wt_launch launch = wt_launch_read();
        if (launch.ranks != cases[i].ranks || launch.first != cases[i].first)
            fail_msg("'%s': got %d ranks, first %d", cases[i].environment, launch.ranks, launch.first);
        assert_true(!launch.variable == !cases[i].variable);
        if (launch.variable) assert_string_equal(launch.variable, cases[i].variable);
        assert_int_equal(wt_launch_check(&launch, 1, "Open MPI v4"), launch.ranks > 1 ? WT_USAGE : WT_OK);
        assert_int_equal(wt_launch_check(&launch, 2, "Open MPI v4"), WT_OK);
    }
}

static void test_words(void **state) {
    (void)state;
    static const char *const fits[][2] = {
        {"Open MPI v4.1.4, package: Debian",
         "Open MPI v4.1.4 fits mpirun of this Open MPI, or srun --mpi=pmix"},
        {"MPICH Version:\t4.0.2\nMPICH Release",
         "; MPICH Version: 4.0.2 fits mpiexec of this MPICH, or srun --mpi=pmi2"},
        {"Another MPI", "Another MPI fits the launcher that came with this MPI"},
    };
    set_environment("SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4");
    const wt_launch launch = wt_launch_read();
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        assert_int_equal(wt_launch_check(&launch, 1, fits[i][0]), WT_USAGE);
        assert_non_null(strstr(wt_error_message(), "expected 4 or more by SLURM_STEP_NUM_TASKS=4"));
        if (!strstr(wt_error_message(), fits[i][1])) fail_msg("%s", wt_error_message());
        assert_null(strchr(wt_error_message(), '\n'));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launchers),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
