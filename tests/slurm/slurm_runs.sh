# Functions for tests on a cluster; sourced. Runs are named by their folder, and their SLURM jobs alike.
. "$SOURCE/tests/mpi/faults.sh"

# make_whole [STEPS]: a data set, config.yaml for 60 steps, and `whole`, the run on one rank without SLURM
# that all others must equal.
make_whole() {
    steps=${1-60}
    make_tone
    make_config config.yaml
    sed -i "s/steps: 50/steps: $steps/; s/every: 10/every: 0/; s/every: 20/every: 1000/" config.yaml
    train_ok whole
}

# slow_words: sets `slow` to the words before the program that make each row of metrics.csv take 20 ms, so
# that there is time to interfere
slow_words() {
    mapfile -t slow < <(under slow:metrics.csv:1)
}

# start_step RUN "SRUN-OPTIONS" ARGUMENT…: trains under srun in the background, slowly. Sets `process`,
# srun's.
start_step() {
    local run=$1 slow options
    read -ra options <<<"$2"
    shift 2
    slow_words
    srun --mpi=pmix --job-name="$run" "${options[@]}" \
        "${slow[@]}" "$WAVETRAIN" train config.yaml --run "$run" "$@" >"$run.log" 2>&1 &
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
    local process name
    for process in $(pgrep -x wavetrain); do
        name=OMPI_COMM_WORLD_RANK # SLURM_PROCID is the node, under mpirun
        grep -qz "^$name=" "/proc/$process/environ" 2>/dev/null || name=SLURM_PROCID
        grep -qzx "$name=$2" "/proc/$process/environ" 2>/dev/null || continue
        grep -qzx "$1" "/proc/$process/cmdline" 2>/dev/null && echo "$process"
    done
}

# job_state JOB
job_state() {
    scontrol show job "$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p'
}

# wait_for_job JOB [SECONDS]: until it has ended; 60 at most. A job that is queued again shows other states in
# between.
wait_for_job() {
    local tries ended=0
    for tries in $(seq $((10 * ${2:-60}))); do
        case $(job_state "$1") in
        COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ended=$((ended + 1)) ;;
        *) ended=0 ;;
        esac
        [ $ended -lt 8 ] || return 0
        sleep 0.1
    done
    fail "job $1 has not ended: $(scontrol show job "$1")"
}

# stopped RUN WHY [WORDS]: what is left of a run that was asked to stop
stopped() {
    [ "$(verdict_of "$1")" = continue ] || fail "$1: verdict $(verdict_of "$1"): $(cat "$1.log")"
    grep -q "^why: \"$2\"" "$1/run.yaml" || fail "$1: $(grep '^why' "$1/run.yaml")"
    [ -z "$(errors_of "$1")" ] || fail "$1: $(errors_of "$1")"
    [ "$(steps_kept "$1" | awk '{ print $NF }')" = "$(rows_of "$1")" ] ||
        fail "$1: its last step has no checkpoint"
    [ "$(rows_of "$1")" -lt $steps ] || fail "$1: it was done before it was stopped"
}

# resumed RUN NODES RANKS: to the end, and the same as `whole`
resumed() {
    srun --mpi=pmix -N"$2" -n"$3" --kill-on-bad-exit=1 \
        "$WAVETRAIN" train config.yaml --run "$1" >"$1.log" 2>&1 ||
        fail "$1: exit code $? when resumed: $(cat "$1.log")"
    same_run whole "$1" $steps
}

# submit RUN SBATCH-OPTION…: a job whose script is the standard input, its output RUN.log. Sets `job`.
submit() {
    local run=$1
    shift
    cat >"$run.job"
    job=$(sbatch --parsable --job-name="$run" --output="$run.log" --open-mode=append "$@" "$run.job") ||
        fail "sbatch $*"
}

# printed RUN WORDS: a line of its output is the words
printed() {
    grep -qxF -- "$2" "$1.log" || fail "$1: no line '$2': $(cat "$1.log")"
}
