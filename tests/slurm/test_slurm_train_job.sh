# jobs/train.sbatch: stops when its time is over, is queued again and goes on until all steps are done, under
# srun and under mpirun; ends when it is asked to, and when there is no use in going on.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
export PAUSE=1
sed -i 's/every: 1000/every: 4/' config.yaml
export WAVETRAIN
slow_words

# start RUN NAME=VALUE,… ARGUMENT…: on two nodes, with slow rows, the variables in its environment. Sets
# `job`.
start() {
    local run=$1 variables=$2
    shift 2
    job=$("${slow[@]}" sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=10 \
        --job-name="$run" --output="$run.log" --export="ALL,$variables" \
        "$SOURCE/jobs/train.sbatch" config.yaml --run "$run" "$@")
}

# ends RUN JOB STATE CODE WORDS: how the job ends, and with which words the last line of its log begins
ends() {
    local shown
    wait_for_job "$2"
    shown=$(scontrol show job "$2")
    [ "$(job_state "$2")" = "$3" ] || fail "$1: $shown $(cat "$1.log")"
    [[ $shown = *"ExitCode=$4"* ]] || fail "$1: $shown $(cat "$1.log")"
    [[ $(tail -n 1 "$1.log") = "train.sbatch: $5"* ]] || fail "$1: no '$5' at the end of $(cat "$1.log")"
}

# time_is_over RUN JOB ROWS: what SLURM does for --signal=B:USR1@…, when metrics.csv has so many rows
time_is_over() {
    wait_for "$1" "$3"
    scancel --batch --signal=USR1 "$2"
}

# Those that get nowhere are not queued for ever.
start refused LAUNCHER=srun --set train.microbatches=0
refused=$job
printf '#!/bin/sh\necho "wavetrain: the disk is on fire" >&2\nexit 1\n' >no-disk
chmod +x no-disk
start hopeless "WAVETRAIN=$PWD/no-disk"
hopeless=$job
printf '#!/bin/sh\nmkdir -p $4\necho "- {begun: $(date +%%N), verdict: running, why: \\"\\"}" >$4/run.yaml\n. ./no-disk\n' >dies # after it has begun
chmod +x dies
start unlucky "WAVETRAIN=$PWD/dies,FRUITLESS=2"
unlucky=$job
printf '#!/bin/sh\nexit 0\n' >idle # as mpirun does when it is terminated
chmod +x idle
start wordless "WAVETRAIN=$PWD/idle"
wordless=$job
touch unwritable # where its folder should be
start unwritable "WAVETRAIN=$PWD/dies"
unwritable=$job

# Stopped twice, to the end; meanwhile the same under mpirun, once.
start srun LAUNCHER=srun
srun=$job
time_is_over srun "$srun" 5
time_is_over srun "$srun" 15
start mpirun LAUNCHER=mpirun
mpirun=$job
time_is_over mpirun "$mpirun" 5
ends srun "$srun" COMPLETED 0: 'done after step 60'
ends mpirun "$mpirun" COMPLETED 0: 'done after step 60'
[ "$(grep -c '^train.sbatch: queued again' srun.log)" = 2 ] || fail "$(cat srun.log)"
[ "$(grep -c '^train.sbatch: queued again' mpirun.log)" = 1 ] || fail "$(cat mpirun.log)"
same_run whole srun 60
same_run whole mpirun 60
ends refused "$refused" FAILED 2: 'not trained: wavetrain: '
ends unlucky "$unlucky" FAILED 1: 'given up: 2 starts without a new checkpoint (step 0): wavetrain: the disk'
ends hopeless "$hopeless" FAILED 1: 'not started: code 1, and nothing was written in hopeless: wavetrain: the disk'
ends wordless "$wordless" FAILED 1: 'not started: code 0, and nothing was written in wordless: no message'
ends unwritable "$unwritable" FAILED 1: 'not started: '

# Asked to stop, from outside: a checkpoint, and not queued again.
start asked "STAGE=/dev/shm,DATA=$PWD/tone"
wait_for asked 5
scancel --signal=USR1 "$job"
ends asked "$job" FAILED 75: 'stopped after step '
stopped asked 'a signal asked to stop'
start cancelled LAUNCHER=srun
wait_for cancelled 5
scancel "$job"
ends cancelled "$job" CANCELLED '' 'cancelled or requeued from outside'
stopped cancelled 'a signal asked to stop'

# What was asked to stop goes on, on data that each node has copied (each has a /dev/shm of its own).
start asked "STAGE=/dev/shm,DATA=$PWD/tone"
ends asked "$job" COMPLETED 0: 'done after step 60'
said asked.log " copied to /dev/shm/wavetrain-$job and verified in "
same_run whole asked 60

# What is staged is read whole: a bit that has changed since the data set was prepared is noticed before
# anything is trained.
cp -r tone flipped
at=$(($(stat -c %s flipped/train-00000.h5) / 2))
printf "\\x$(printf %x $(($(od -An -tu1 -j $at -N1 flipped/train-00000.h5) ^ 4)))" |
    dd of=flipped/train-00000.h5 bs=1 seek=$at conv=notrunc status=none
start spoilt "STAGE=/dev/shm,DATA=$PWD/flipped"
ends spoilt "$job" FAILED 1: 'the data set could not be copied to '
said spoilt.log 'train-00000.h5: damaged'
[ ! -e spoilt ] || fail "it trained: $(cat spoilt.log)"
for node in 1 2; do
    [ -z "$(bash "$CLUSTER" on-node $node ls /dev/shm | grep wavetrain-)" ] || fail "a copy is left on wt$node"
done
