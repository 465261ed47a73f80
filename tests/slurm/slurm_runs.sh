# Functions for tests on a cluster; sourced. Runs are named by their folder, and their SLURM jobs alike.
. "$SOURCE/tests/mpi/faults.sh"

# A data set, config.yaml for 60 steps, and `whole`, the run on one rank without SLURM that all others must equal.
make_whole() {
    make_tone
    make_config config.yaml
    sed -i 's/steps: 50/steps: 60/; s/every: 10/every: 0/; s/every: 20/every: 1000/' config.yaml
    train_ok whole
}

# start_step RUN "SRUN-OPTIONS" ARGUMENT…: trains under srun in the background, with 20 ms for each row of metrics.csv, so that
# there is time to interfere. Sets `process` (srun's).
start_step() {
    local run=$1 words options
    read -ra options <<<"$2"
    shift 2
    mapfile -t words < <(under slow:metrics.csv:1)
    srun --mpi=pmix --job-name="$run" "${options[@]}" "${words[@]}" "$WAVETRAIN" train config.yaml --run "$run" \
        "$@" >"$run.log" 2>&1 &
    process=$!
}

# end: waits for it; sets `code`
end() {
    code=0
    wait $process || code=$?
}

# job_of RUN: the number of its job
job_of() {
    squeue -h -n "$1" -o %i
}

# rank_of RUN RANK: the process that is this rank, on whichever node (the head sees them all)
rank_of() {
    local process
    for process in $(pgrep -x wavetrain); do
        grep -qzx "SLURM_PROCID=$2\|OMPI_COMM_WORLD_RANK=$2" "/proc/$process/environ" 2>/dev/null || continue
        grep -qzx "$1" "/proc/$process/cmdline" 2>/dev/null && echo "$process"
    done
}

# job_state JOB
job_state() {
    scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p'
}

# wait_for_job JOB [SECONDS]: until it has ended; 60 at most
wait_for_job() {
    local tries
    for tries in $(seq $((10 * ${2:-60}))); do
        case $(job_state "$1") in
        PENDING | RUNNING | COMPLETING | CONFIGURING | REQUEUED) sleep 0.1 ;;
        *) return 0 ;;
        esac
    done
    fail "job $1 has not ended: $(scontrol show job "$1")"
}

# stopped RUN WHY [WORDS]: what is left of a run that was asked to stop
stopped() {
    [ "$(verdict_of "$1")" = continue ] || fail "$1: verdict $(verdict_of "$1"): $(cat "$1.log")"
    grep -q "^why: \"$2\"" "$1/run.yaml" || fail "$1: $(grep '^why' "$1/run.yaml")"
    [ -z "$(errors_of "$1")" ] || fail "$1: $(errors_of "$1")"
    [ "$(steps_kept "$1" | awk '{ print $NF }')" = "$(rows_of "$1")" ] || fail "$1: its last step has no checkpoint"
    [ "$(rows_of "$1")" -lt 60 ] || fail "$1: it was done before it was stopped"
}

# resumed RUN NODES RANKS: to the end, and the same as `whole`
resumed() {
    srun --mpi=pmix -N"$2" -n"$3" --kill-on-bad-exit=1 "$WAVETRAIN" train config.yaml --run "$1" >"$1.log" 2>&1 ||
        fail "$1: exit code $? when resumed: $(cat "$1.log")"
    same_run whole "$1" 60
}
