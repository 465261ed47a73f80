# jobs/job.sh without SLURM: how many ranks it starts, with which words, for which MPI; what becomes of a
# start that cannot begin; and signals while no program runs. The commands of SLURM and MPI are small scripts
# on the PATH.
set -eu
. "$SOURCE/tests/expect.sh"
jobs=$SOURCE/jobs
mkdir -p bin

# command NAME: on the PATH; its script is the standard input
command_named() {
    { echo '#!/bin/bash' && cat; } >"bin/$1"
    chmod +x "bin/$1"
}
command_named scontrol <<<'[ "$1" = requeue ] && echo "requeued $2" || true'
export PATH=$PWD/bin:$PATH

# job WORDS…: sources job.sh in a shell of its own, and runs the words there
job() {
    code=0
    env -u OMP_NUM_THREADS script=test jobs=absent bash -c ". '$jobs/job.sh'; $*" >out.txt 2>&1 || code=$?
}

# --- how many ranks ---

while read -r ranks words; do
    env -i PATH="$PATH" $words script=test jobs=absent bash -c ". '$jobs/job.sh'; tasks" >out.txt
    [ "$(cat out.txt)" = "$ranks" ] || fail "$words: got $(cat out.txt) ranks, expected $ranks"
done <<'CASES'
1
4 SLURM_NTASKS=4 SLURM_TASKS_PER_NODE=2(x2)
3 SLURM_NPROCS=3
8 SLURM_NTASKS_PER_NODE=2 SLURM_JOB_NUM_NODES=4 SLURM_TASKS_PER_NODE=16(x4)
6 SLURM_NTASKS_PER_NODE=2 SLURM_NNODES=3
7 SLURM_TASKS_PER_NODE=2(x3),1
5 SLURM_TASKS_PER_NODE=5
CASES

# --- with which words ---

# An MPI and a SLURM: NAME of the MPI's mpirun, its VERSION's line, what ompi_info lists, what srun lists
machine() {
    command_named mpirun <<<"echo '$1'"
    command_named ompi_info <<<"case \$1 in --version) echo '$2' ;; *) echo '$3' ;; esac"
    command_named srun <<<"echo '$4' >&2"
    command_named aprun <<<''
}

# words LAUNCHER EXPECTED
words() {
    LAUNCHER=$1 SLURM_NTASKS=4 job 'OMP_NUM_THREADS=2; choose_launcher; echo "${launch[*]}"'
    [ "$(cat out.txt)" = "$2" ] || fail "LAUNCHER='$1': got '$(cat out.txt)', expected '$2'"
}

srun='srun --mpi=pmix --kill-on-bad-exit=1 -n 4'
open4='mpirun -q --map-by slot:PE=2 --bind-to core -n 4'
open5='mpirun --map-by slot:PE=2 --bind-to core -n 4'
machine 'mpirun (Open MPI) 4.1.4' 'Open MPI v4.1.4' mca:pmix:ext3x:version 'pmix pmi2'
words '' "$srun"
words mpirun "$open4"
machine 'mpirun (Open MPI) 4.0.7' 'Open MPI v4.0.7' mca:pmix:pmix3x:version 'pmix pmi2'
words '' "$srun"
machine 'mpirun (Open MPI) 4.1.4' 'Open MPI v4.1.4' mca:pmix:isolated:version 'pmix pmi2'
words '' "$open4"
machine 'mpirun (Open MPI) 4.1.4' 'Open MPI v4.1.4' mca:pmix:ext3x:version 'pmi2 none'
words '' "$open4"
machine 'mpirun (Open MPI) 5.0.3' 'Open MPI v5.0.3' mca:accelerator:null pmix
words '' "$srun"
words mpirun "$open5"
words srun "$srun"
machine 'HYDRA build details:' '' '' pmix
words '' 'mpirun -n 4'
words 'srun --mpi=pmi2' 'srun --mpi=pmi2 -n 4'
words 'aprun -d 2' 'aprun -d 2 -n 4'
words 'mpirun -np 3 --tag-output' 'mpirun -np 3 --tag-output'
words 'srun --ntasks=3' 'srun --ntasks=3'
LAUNCHER='absent-mpiexec -x' SLURM_NTASKS=4 job choose_launcher
[ "$code" = 2 ] || fail "exit code $code: $(cat out.txt)"
said out.txt 'there is no absent-mpiexec on the PATH (LAUNCHER names another'

# --- starts that do not begin, and signals ---

command_named mpirun <<'STUB'
[ "$1" != --version ] || exit 0
while [ "$1" != -n ]; do shift; done
shift 2
exec "$@"
STUB
export LAUNCHER=mpirun SLURM_JOB_ID=7 SLURM_NTASKS=1

# starts RESTART-COUNT COMMAND-OF-THE-PROGRAM: as train.sbatch does; sets `code`
starts() {
    command_named program <<<"$2"
    rm -rf run
    SLURM_RESTART_COUNT=$1 WAVETRAIN=program PAUSE=${PAUSE:-0} job 'run=run; set_up; train x; go_on_or_end'
}

# ended CODE WORDS: the last line has them, and nothing was queued again
ended() {
    [ "$code" = "$1" ] || fail "exit code $code, expected $1: $(cat out.txt)"
    [[ $(tail -n 1 out.txt) = *": $2"* ]] || fail "no '$2' at the end of $(cat out.txt)"
    ! grep -q '^requeued' out.txt || fail "queued again: $(cat out.txt)"
}

# queued_again
queued_again() {
    [ "$code" = 0 ] && [ "$(tail -n 1 out.txt)" = 'requeued 7' ] || fail "not queued again, code $code: $(cat out.txt)"
}

starts 0 'exit 127'
ended 127 'not started: code 127: mpirun or program cannot be run'
starts 0 'exit 126'
ended 126 'not started: code 126'
starts 3 'exit 127'
ended 127 'not started: code 127'
starts 0 'echo "0: wavetrain: no disk" >&2; exit 1'
ended 1 'not started: code 1, and nothing was written in run: wavetrain: no disk'
starts 0 'exit 213'
ended 213 'not started: code 213, and nothing was written in run: no message'
starts 0 'exit 0'
ended 1 'not started: code 0, and nothing was written'
starts 0 'exit 2'
ended 2 'not trained: '
starts 1 'exit 205' # the node that was lost may be there still
queued_again
dies='mkdir -p run; echo "- {begun: now, verdict: running, why: \"\"}" >run/run.yaml; exit 1'
starts 0 "$dies"
queued_again

# signalled SIGNAL WHEN WORDS…: job.sh gets the signal once a line of its output has WHEN; sets `code`, and
# `took`, seconds
signalled() {
    local signal=$1 when=$2 process began
    shift 2
    rm -rf run out.txt
    script=test jobs=absent WAVETRAIN=program PAUSE=30 bash -c ". '$jobs/job.sh'; run=run; $*" >out.txt 2>&1 &
    process=$!
    for ((tries = 0; tries < 200; tries++)); do
        ! grep -qs "$when" out.txt || break
        sleep 0.05
    done
    began=$EPOCHREALTIME code=0
    kill "-$signal" $process
    wait $process || code=$?
    took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print int(b - a) }')
    [ "$took" -lt 10 ] || fail "$signal: it took $took s: $(cat out.txt)"
    ! grep -q 'unbound' out.txt || fail "$(cat out.txt)"
}

# the stubs end at once, so the loop above waits in the pause, or in what is called staging here
command_named program <<<"$dies"
signalled USR1 'ended with code' 'set_up; train x; go_on_or_end'
queued_again
signalled TERM 'ended with code' 'set_up; train x; go_on_or_end'
ended 75 'cancelled or requeued from outside'
command_named program <<<'echo "it was started"'
signalled USR1 staging 'set_up; echo staging; attend sleep 30; train x; go_on_or_end'
queued_again
! grep 'it was started' out.txt || fail "it was started although the time was over"
signalled USR1 staging 'set_up; echo staging; sleep 1; train x; go_on_or_end'
queued_again
signalled TERM staging 'set_up; echo staging; attend sleep 30; train x; go_on_or_end'
ended 75 'cancelled or requeued from outside'
signalled USR1 staging 'set_up; echo staging; attend sleep 30; run_once evaluate x'
ended 75 'not started: the time is over'
command_named program <<'STUB'
trap 'mkdir -p run; echo "- {begun: now, verdict: continue, why: \"a signal\"}" >run/run.yaml; exit 75' USR1
echo running
for ((i = 0; i < 100; i++)); do sleep 0.1; done
STUB
signalled USR1 running 'set_up; train x; go_on_or_end'
queued_again

# train.sbatch itself, while srun copies the data set: the copy is ended, what is there of it removed, nothing
# started
mkdir -p data
command_named program <<<'[ "$1" = inspect ] || echo "it was started"'
command_named srun <<'STUB'
while [ "${1#--}" != "$1" ]; do shift; done
case $1 in
bash) echo copying && exec sleep 30 ;;
rm) echo "removed ${@: -1}" ;;
esac
STUB
staging="exec env SLURM_SUBMIT_DIR='$SOURCE' SLURM_NNODES=1 STAGE=disk DATA=data bash '$jobs/train.sbatch' x.yaml --run run"
signalled USR1 copying "$staging"
queued_again
! grep 'it was started' out.txt || fail "it was started although the time was over"
said out.txt 'removed disk/wavetrain-7'
signalled TERM copying "$staging"
ended 75 'cancelled or requeued from outside'
said out.txt 'removed disk/wavetrain-7'

# --- the examples in the heads and in the READMEs ask for no more ranks than the configuration allows ---

# option NAME WORDS: --NAME=…
option() {
    sed -n "s/.* --$1=\([0-9]*\).*/\1/p" <<<" $2 "
}

# ranks_of SCRIPT WORDS: that sbatch starts for it; its own options count less
ranks_of() {
    local head nodes each
    head=$(grep '^#SBATCH' "$jobs/$1" | tr '\n' ' ')
    nodes=$(option nodes "$2") each=$(option ntasks-per-node "$2")
    nodes=${nodes:-$(option nodes "$head")} each=${each:-$(option ntasks-per-node "$head")}
    echo $((nodes * each))
}

examples=0
while read -r line; do
    [[ $line =~ jobs/(train\.sbatch)\ +(configs/[a-z-]*\.yaml) ]] || continue
    ranks=$(ranks_of "${BASH_REMATCH[1]}" "${line%%jobs/*}")
    expect_ok "$WAVETRAIN" inspect "$SOURCE/${BASH_REMATCH[2]}" --ranks "$ranks"
    examples=$((examples + 1))
done < <(grep -h 'sbatch ' "$SOURCE"/{README.md,jobs/README.md} "$jobs"/*.sbatch)
[ $examples -ge 3 ] || fail "only $examples examples found"
options=$(sed -n 's/.*TRAIN_JOB="\([^"]*\)".*/\1/p' "$jobs/pipeline.sh")
expect_ok "$WAVETRAIN" inspect "$SOURCE/configs/speech.yaml" --ranks "$(ranks_of train.sbatch "$options")"
