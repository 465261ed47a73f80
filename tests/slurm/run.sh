#!/bin/bash
# tests/slurm/run.sh [TEST…]
# The tests of this folder, or those named (test_slurm_train …), on a real SLURM cluster of three virtual
# nodes that is started for them (cluster.sh); a line for each. Skipped, with the reason and code 77, where
# there can be no cluster.
set -eu
here=$(dirname "$(readlink -f "$0")")
export SOURCE=${SOURCE:-$(readlink -f "$here/../..")}
export WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain} MPIRUN=${MPIRUN:-$SOURCE/tests/mpirun.sh}
export CLUSTER=$here/cluster.sh WORK=${WORK:-$(dirname "$WAVETRAIN")/slurm-tests}
seconds_each=${SECONDS_EACH:-300} # that a test may take

if [ "${1-}" != --within ]; then
    reason=$(bash "$CLUSTER" check) || { echo "skipped: tests on a SLURM cluster: $reason"; exit 77; }
    [ -x "$WAVETRAIN" ] || { echo "there is no $WAVETRAIN" >&2; exit 1; }
    if [ $# = 0 ]; then
        set -- "$here"/test_*.sh
    fi
    exec bash "$CLUSTER" run "$WORK/cluster" bash "$0" --within "$@"
fi
shift

unset OMPI_MCA_pml # jobs look for networks, as a user's do

# What a user's jobs find in their environment. More ranks than cores, so they sleep while they wait.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive WAVETRAIN_OVERSUBSCRIBE=1
# Without it one srun in 40 crashes in MPI_Init on busy cores (SLURM 22.05, Open MPI 4.1); see
# jobs/train.sbatch.
export SLURM_PMIX_FENCE=ring

failed=''
for test; do
    name=$(basename "$test" .sh)
    rm -rf "${WORK:?}/$name"
    mkdir -p "$WORK/$name"
    began=$EPOCHREALTIME code=0
    (cd "$WORK/$name" && exec timeout -k 5 $seconds_each bash "$here/$name.sh") \
        </dev/null >"$WORK/$name.log" 2>&1 || code=$?
    verdict=ok
    [ $code = 0 ] || verdict=FAILED failed="$failed $name"
    awk -v a="$began" -v b="$EPOCHREALTIME" -v name="$name" -v verdict=$verdict \
        'BEGIN { printf "%-24s %-6s %5.1f s\n", name, verdict, b - a }'
    if [ $code = 0 ]; then
        sed -n 's/^measured: /    &/p' "$WORK/$name.log"
    else
        tail -n 40 "$WORK/$name.log" | sed 's/^/    /'
    fi
    scancel --user=root || true
    bash "$CLUSTER" await-idle || { echo "the cluster is not idle after $name"; exit 1; }
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
