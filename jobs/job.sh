# What the job scripts share; sourced by them. `script` is the name of the one that does, `jobs` this folder.
#
# From the environment of each (sbatch --export=ALL,NAME=VALUE…):
#   WAVETRAIN      the program; without it build/wavetrain in the folder where sbatch is called, or that on
#                  the PATH
#   WAVETRAIN_ENV  a file to source first, which finds MPI and the libraries; without it jobs/env/site.sh, if
#                  it is there. jobs/env has examples for sites with modules and with Spack
#   LAUNCHER       what starts the program on all ranks: srun or mpirun, with the words that job.sh knows to
#                  fit, or the words themselves ("srun --mpi=pmi2", "mpiexec -bind-to core:8", aprun), behind
#                  which comes -n with the number of ranks, unless they have one; without it srun where both
#                  SLURM and Open MPI have PMIx, else mpirun
# and of those that are queued again until they are done (train.sbatch, sweep.sbatch, captures.sbatch):
#   FRUITLESS      starts in a row without a new checkpoint until it is given up (3)
#   PAUSE          seconds before the next start if one ended without a word (60; twice that the second time,
#                  …): until SLURM has noticed which node is gone it would start on the same one
# shellcheck shell=bash disable=SC2154 # `script` and `jobs` are set by who sources this
set -u

say() { echo "$script: $*"; }

end() {
    local code=$1
    shift
    say "$@"
    exit "$code"
}

# --- signals ---

# SLURM sends USR1 to this shell before the time is over, TERM to everything when the job is cancelled or
# requeued from outside. A trap runs while the shell waits for a process in the background, and only after one
# in the foreground: what may take long is waited for. The program gets USR1 too, and writes its checkpoint;
# what else runs then is ended.
running='' on_usr1=TERM time_is_over=0 cancelled=0
trap 'time_is_over=1; [ -z "$running" ] || kill -$on_usr1 $running 2>/dev/null' USR1
trap 'cancelled=1; [ -z "$running" ] || [ $on_usr1 = USR1 ] || kill $running 2>/dev/null' TERM

# await: until `running` has ended. Sets `code`.
await() {
    # a signal that came before there was anybody to pass it on to
    if [ $time_is_over = 1 ] || [ $cancelled$on_usr1 = 1TERM ]; then kill -$on_usr1 "$running" 2>/dev/null; fi
    wait "$running"
    code=$?
    while kill -0 "$running" 2>/dev/null; do # a trap ends `wait`, not the process
        wait "$running"
        code=$?
    done
    running=''
    return "$code"
}

# attend COMMAND…: runs it so that a signal is heard meanwhile, which ends it
attend() {
    local code
    on_usr1=TERM
    "$@" &
    running=$!
    await
}

# --- with what was granted ---

# open_mpi COMMAND: the major number of the Open MPI that the command is of; nothing if it is another MPI's,
# or absent
open_mpi() {
    "$1" --version 2>/dev/null | sed -n '1s/.*(\{0,1\}Open MPI)\{0,1\} v\{0,1\}\([0-9]*\)\..*/\1/p'
}

# Open MPI has no other way to SLURM from version 5 on, and does not list it any more.
has_pmix() {
    local version
    srun --mpi=list 2>&1 | grep -qw pmix || return 1
    version=$(open_mpi ompi_info)
    [ "${version:-0}" -ge 5 ] || ompi_info --parsable 2>/dev/null | grep -q '^mca:pmix:\(ext\|pmix\)'
}

# tasks: how many ranks SLURM has granted, by whichever of its variables is set
tasks() {
    local part parts all=0
    if [ -n "${SLURM_NTASKS:-${SLURM_NPROCS-}}" ]; then
        all=${SLURM_NTASKS:-$SLURM_NPROCS}
    elif [[ ${SLURM_NTASKS_PER_NODE-} =~ ^[0-9]+ ]]; then
        all=$((BASH_REMATCH[0] * ${SLURM_JOB_NUM_NODES:-${SLURM_NNODES:-1}}))
    else
        IFS=, read -ra parts <<<"${SLURM_TASKS_PER_NODE:-1}" # 2(x3),1
        for part in "${parts[@]}"; do
            [[ $part =~ ^([0-9]+)(\(x([0-9]+)\))?$ ]] && all=$((all + BASH_REMATCH[1] * ${BASH_REMATCH[3]:-1}))
        done
    fi
    echo "$((all > 0 ? all : 1))"
}

# choose_launcher: sets `launch`, the words that start a program on all ranks
choose_launcher() {
    local version launcher=${LAUNCHER-}
    [ -n "$launcher" ] || launcher=$(if has_pmix; then echo srun; else echo mpirun; fi)
    read -ra launch <<<"$launcher"
    command -v "${launch[0]}" >/dev/null ||
        end 2 "there is no ${launch[0]} on the PATH (LAUNCHER names another; see also WAVETRAIN_ENV)"
    case $launcher in
    srun) launch+=(--mpi=pmix --kill-on-bad-exit=1) ;;
    mpirun)
        version=$(open_mpi mpirun)
        [ "${version:-5}" -ge 5 ] || launch+=(-q) # without a banner; unknown to version 5
        [ -z "$version" ] || launch+=(--map-by "slot:PE=$OMP_NUM_THREADS" --bind-to core)
        ;;
    esac
    [[ " ${launch[*]}" =~ \ (-n|-np|--n|--np|--ntasks)[0-9\ =] ]] || launch+=(-n "$(tasks)")
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
    source_environment
    program=${WAVETRAIN:-build/wavetrain}
    [ -n "${WAVETRAIN-}" ] || [ -x "$program" ] || program=wavetrain
    command -v "$program" >/dev/null ||
        end 2 "there is no ${WAVETRAIN:-build/wavetrain here, nor wavetrain on the PATH} (WAVETRAIN names another)"
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1} OMP_PLACES=cores OMP_PROC_BIND=close
    export SRUN_CPUS_PER_TASK=$OMP_NUM_THREADS # srun has not inherited it since SLURM 22.05
    # The other kind of fence, "tree", lets some ranks out of MPI_Init early: their first message crashes one
    # still in it.
    export SLURM_PMIX_FENCE=ring
    choose_launcher
}

# --- the program, until it ends ---

# run_program COMMAND ARGUMENT…: sets `code` and `error`, the last line in which it told of one. Both
# launchers pass USR1 on; TERM reaches the program by itself, and there is nothing to do but to wait for the
# checkpoint.
run_program() {
    local errors stderr tee
    errors=$(mktemp)
    exec {stderr}> >(tee "$errors" >&2)
    tee=$!
    on_usr1=USR1
    "${launch[@]}" "$program" "$@" 2>&"$stderr" &
    running=$!
    await
    on_usr1=TERM
    exec {stderr}>&-
    wait $tee
    error=$(sed -nE 's/^([^ ]*: ?)?(wavetrain: .*)/\2/p' "$errors" | tail -n 1) # a launcher may put the rank before it
    rm -f "$errors"
}

# run_once COMMAND ARGUMENT…: and that is the job
run_once() {
    [ "$time_is_over$cancelled" = 00 ] || end 75 "not started: the time is over, or the job was cancelled"
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

# field NAME: verdict or why of this start, the last in the record's list; nothing if the program ended before
# it wrote one. The run's own verdict stays what it was when a start is refused.
field() {
    local number=1
    [ "$1" = verdict ] || number=2
    [ "$(record)" = "$record_before" ] ||
        record | grep '^- {begun: ' | tail -n 1 | sed -n "s/^[^\"]*, verdict: \([a-z]*\), why: \"\(.*\)\"}\$/\\$number/p"
}

# train COMMAND ARGUMENT…: the program, which trains `run`. A signal that came before, while data were staged,
# leaves nothing to start for.
train() {
    record_before=$(record)
    step_before=$(newest_step)
    code=none error=''
    [ "$time_is_over$cancelled" = 00 ] || return 0
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

# end_unstarted: ends the job after a start that has written nothing, where another one would do no better.
# Later starts of a job may meet a node that is gone before SLURM knows of it.
end_unstarted() {
    case $code in
    126 | 127) end "$code" "not started: ${error:-code $code: ${launch[0]} or $program cannot be run}" ;;
    esac
    [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] || [ "$time_is_over" = 1 ] ||
        end $((code ? code : 1)) "not started: code $code, and nothing was written in $run: ${error:-no message}"
}

# pause: until SLURM may have noticed what is wrong; shorter where the time is over
pause() {
    [ "$time_is_over$cancelled" != 00 ] || attend sleep "$1"
}

# go_on_or_end: after `train`, by the program's verdict. Ends the job, or has it queued again.
go_on_or_end() {
    local verdict why wrote step count fruitless=${FRUITLESS:-3} job=$SLURM_JOB_ID
    # An element's own number is the whole array's for one of them.
    [ -z "${SLURM_ARRAY_JOB_ID-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    step=$(newest_step)
    verdict=$(field verdict) why=$(field why) wrote=$verdict
    # 0 alone says nothing: mpirun gives it when it is terminated. But what was done before is not recorded
    # anew.
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
    if [ "$code" = none ]; then
        say "not started: the time is over"
    else
        [ -n "$wrote" ] || end_unstarted
        [ "$verdict" = continue ] || say "ended with code $code and no verdict: ${error:-no message}"
    fi
    count=$(count_fruitless 2>/dev/null)
    [ "$count" -lt "$fruitless" ] ||
        end 1 "given up: $count starts without a new checkpoint (step $step): ${error:-code $code}"
    [ "$verdict" = continue ] || pause $((${PAUSE:-60} * (count > 0 ? count : 1)))
    [ "$cancelled" = 0 ] || end 75 "cancelled or requeued from outside"
    say "queued again, to go on from step $step"
    trap - TERM # with which SLURM ends this script
    scontrol requeue "$job" || end 75 "cannot be queued again; submit it again to go on from step $step"
}
