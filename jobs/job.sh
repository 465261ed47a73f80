# What the job scripts share; sourced by them. `script` is the name of the one that does, `jobs` this folder.
#
# From the environment of each (sbatch --export=ALL,NAME=VALUE…):
#   WAVETRAIN      the program; without it build/wavetrain in the folder where sbatch is called, or that on the PATH
#   WAVETRAIN_ENV  a file to source first, which finds MPI and the libraries; without it jobs/env/site.sh, if it is
#                  there. jobs/env has examples for sites with modules and with Spack
#   LAUNCHER       srun or mpirun; without it srun where both SLURM and Open MPI have PMIx
# and of those that are queued again until they are done (train.sbatch, sweep.sbatch):
#   FRUITLESS      starts in a row without a new checkpoint until it is given up (3)
#   PAUSE          seconds before the next start if one ended without a word (60; twice that the second time, …):
#                  until SLURM has noticed which node is gone it would start on the same one
# shellcheck shell=bash disable=SC2154 # `script` and `jobs` are set by who sources this
set -u

say() { echo "$script: $*"; }

end() {
    local code=$1
    shift
    say "$@"
    exit "$code"
}

# --- with what was granted ---

has_pmix() {
    srun --mpi=list 2>&1 | grep -qw pmix && ompi_info --parsable 2>/dev/null | grep -q '^mca:pmix:ext'
}

source_environment() {
    local file=${WAVETRAIN_ENV:-$jobs/env/site.sh}
    [ -n "${WAVETRAIN_ENV-}" ] || [ -e "$file" ] || return 0
    set +u # modules and Spack ask for variables that nobody has set
    # shellcheck disable=SC1090
    . "$file" || end 2 "$file: could not be sourced (WAVETRAIN_ENV names another)"
    set -u
}

# set_up: sets `program`, and `launch`, the words that start it on all ranks.
set_up() {
    local launcher
    source_environment
    program=${WAVETRAIN:-build/wavetrain}
    [ -n "${WAVETRAIN-}" ] || [ -x "$program" ] || program=wavetrain
    command -v "$program" >/dev/null ||
        end 2 "there is no ${WAVETRAIN:-build/wavetrain here, nor wavetrain on the PATH} (WAVETRAIN names another)"
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1} OMP_PLACES=cores OMP_PROC_BIND=close
    export SRUN_CPUS_PER_TASK=$OMP_NUM_THREADS # srun has not inherited it since SLURM 22.05
    # The other kind of fence, "tree", lets some ranks out of MPI_Init early: their first message crashes one still
    # in it.
    export SLURM_PMIX_FENCE=ring
    launcher=${LAUNCHER:-$(if has_pmix; then echo srun; else echo mpirun; fi)}
    case $launcher in
    srun) launch=(srun --mpi=pmix --kill-on-bad-exit=1) ;;
    mpirun) launch=(mpirun -q -n "${SLURM_NTASKS:-1}" --map-by "slot:PE=$OMP_NUM_THREADS" --bind-to core) ;;
    *) end 2 "LAUNCHER is srun or mpirun (got $launcher)" ;;
    esac
}

# --- the program, until it ends ---

# run_program COMMAND ARGUMENT…: sets `code` and `error`, the last line in which it told of one.
# SLURM sends USR1 to this shell before the time is over (and both launchers pass it on), TERM to everything when
# the job is cancelled or requeued from outside: then there is nothing to do but to wait for the checkpoint.
run_program() {
    local errors stderr tee running=''
    time_is_over=0 cancelled=0
    trap 'time_is_over=1; [ -z "$running" ] || kill -USR1 $running' USR1
    trap 'cancelled=1' TERM
    errors=$(mktemp)
    exec {stderr}> >(tee "$errors" >&2)
    tee=$!
    "${launch[@]}" "$program" "$@" 2>&"$stderr" &
    running=$!
    wait $running
    code=$?
    while kill -0 $running 2>/dev/null; do # a trap ends `wait`, not the program
        wait $running
        code=$?
    done
    running=''
    exec {stderr}>&-
    wait $tee
    error=$(grep '^wavetrain: ' "$errors" | tail -n 1)
    rm -f "$errors"
}

# run_once COMMAND ARGUMENT…: and that is the job
run_once() {
    say "${launch[*]} $program $*"
    run_program "$@"
    [ "$cancelled" = 0 ] || end 1 "cancelled or requeued from outside" # mpirun's code would be 0
    [ "$code" != 0 ] || end 0 "done in $SECONDS s"
    end "$code" "failed: ${error:-code $code}"
}

# --- runs that take several starts ---

newest_step() { # of the checkpoints of `run`; 0 without any
    local name newest=0
    for name in "$run"/checkpoints/step-*.h5; do
        [[ $name =~ step-0*([0-9]+)\.h5$ ]] && ((BASH_REMATCH[1] > newest)) && newest=${BASH_REMATCH[1]}
    done
    echo "$newest"
}

record() { cat "$run/run.yaml" 2>/dev/null; }

# field NAME: verdict or why of this start, the last in the record's list; nothing if the program ended before it wrote
# one. The run's own verdict stays what it was when a start is refused.
field() {
    local number=1
    [ "$1" = verdict ] || number=2
    [ "$(record)" = "$record_before" ] ||
        record | grep '^- {begun: ' | tail -n 1 | sed -n "s/^[^\"]*, verdict: \([a-z]*\), why: \"\(.*\)\"}\$/\\$number/p"
}

# train COMMAND ARGUMENT…: the program, which trains `run`
train() {
    record_before=$(record)
    step_before=$(newest_step)
    say "start $((${SLURM_RESTART_COUNT:-0} + 1)) from step $step_before: ${launch[*]} $program $*"
    run_program "$@"
}

# How many starts of this job in a row have brought nothing; counted in a file, since a start knows nothing of
# the last one. Where it cannot be written nothing else will be: as if there had been too many.
count_fruitless() {
    local job before count
    [ "$step" -eq "$step_before" ] || { echo 0 && return; }
    read -r job before count <"$run/fruitless" && [ "$job $before" = "$SLURM_JOB_ID $step" ] || count=0
    mkdir -p "$run" && echo "$SLURM_JOB_ID $step $((count + 1))" >"$run/fruitless" || count=$fruitless
    echo $((count + 1))
}

# go_on_or_end: after `train`, by the program's verdict. Ends the job, or has it queued again.
go_on_or_end() {
    local verdict why step count fruitless=${FRUITLESS:-3} job=$SLURM_JOB_ID
    # An element's own number is the whole array's for one of them.
    [ -z "${SLURM_ARRAY_JOB_ID-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    step=$(newest_step)
    verdict=$(field verdict) why=$(field why)
    # 0 alone says nothing: mpirun gives it when it is terminated. But what was done before is not recorded anew.
    if [ "$verdict" = 'done' ] || { [ "$code" = 0 ] && record | grep -q '^verdict: done$'; }; then
        end 0 "done after step $step"
    fi
    [ "$cancelled" = 0 ] || end 75 "cancelled or requeued from outside"
    # Where a rank dies, the launcher asks the others to stop, who leave a checkpoint: nobody wanted that.
    [ "$verdict" != continue ] || [ "$code" = 75 ] || verdict=''
    [ "$code" != 2 ] || end 2 "not trained: ${error:-wrong usage or configuration}"
    case $verdict in failed | refused) end 1 "$verdict: $why" ;; esac
    if [ "$verdict" = continue ] && [ "$time_is_over" = 0 ] && [ "$why" != 'the time limit is near' ]; then
        end 75 "stopped after step $step: $why; submit it again to go on"
    fi
    [ "$verdict" = continue ] || say "ended with code $code and no verdict: ${error:-no message}"
    count=$(count_fruitless 2>/dev/null)
    [ "$count" -lt "$fruitless" ] ||
        end 1 "given up: $count starts without a new checkpoint (step $step): ${error:-code $code}"
    [ "$verdict" = continue ] || sleep $((${PAUSE:-60} * (count > 0 ? count : 1)))
    [ "$cancelled" = 0 ] || end 75 "cancelled or requeued from outside"
    say "queued again, to go on from step $step"
    trap - TERM # with which SLURM ends this script
    scontrol requeue "$job" || end 75 "cannot be queued again; submit it again to go on from step $step"
}
