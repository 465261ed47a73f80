# A launcher that MPI does not understand is refused, by train, evaluate and prepare; a program that runs
# alone within a job is not. jobs/train.sbatch: launchers in free words, with the number of ranks that was
# granted; time that is over while no program runs; ranks on another node that see other files.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
sed -i 's/every: 1000/every: 4/' config.yaml

# --- who starts how many ---

# refused COMMAND ARGUMENT…: as one rank in each of four processes
refused() {
    local code=0
    srun --mpi=none -N2 -n4 --kill-on-bad-exit=1 "$WAVETRAIN" "$@" >refused.txt 2>&1 || code=$?
    [ "$code" = 2 ] || fail "$*: exit code $code: $(cat refused.txt)"
    [ "$(grep -c '^wavetrain: ' refused.txt)" = 1 ] || fail "$*: not one message: $(cat refused.txt)"
    said refused.txt 'MPI does not understand the launcher (got 1 rank, expected 4 or more by SLURM_STEP_NUM_TASKS=4)'
    said refused.txt 'srun --mpi=pmix'
}
refused train config.yaml --run new
refused evaluate whole
refused prepare simulate sine --out new
[ ! -e new ] || fail "there is something in spite of the refusal: $(ls new)"

# In a job of four tasks, alone: without a step, in one of one task, under mpirun on the other node.
submit alone -N2 -n4 --time=2 <<JOB
#!/bin/bash
set -e
$WAVETRAIN prepare simulate sine --utterances 4 --out direct
srun --mpi=pmix -N1 -n1 $WAVETRAIN prepare simulate sine --utterances 4 --out step
mpirun -q -n 1 --host \$(scontrol show hostnames | tail -n 1) $WAVETRAIN prepare simulate sine --utterances 4 --out mpirun
JOB
wait_for_job "$job"
[ "$(job_state "$job")" = COMPLETED ] || fail "$(cat alone.log)"
for made in direct step mpirun; do [ -e $made/train-00000.h5 ] || fail "$made was not made: $(cat alone.log)"; done

# --- other files on the other node ---

# The link leads to a folder of each node's own /dev/shm.
for node in 1 2; do bash "$CLUSTER" on-node $node cp -r "$PWD/tone" /dev/shm/agree; done
"$WAVETRAIN" prepare simulate sine --utterances 20 --seconds 0.2 --noise 0.1 --seed 2 --out other >prepare.txt 2>&1
for case in data part; do
    case $case in
    data) bash "$CLUSTER" on-node 2 cp "$PWD"/other/train-00000.h5 /dev/shm/agree && words='the data set /dev/shm/agree, train' ;;
    part)
        bash "$CLUSTER" on-node 2 cp "$PWD"/tone/train-00000.h5 /dev/shm/agree
        bash "$CLUSTER" on-node 2 rm /dev/shm/agree/validation-00000.h5
        words='the validation part of the data set /dev/shm/agree'
        ;;
    esac
    began=$EPOCHREALTIME code=0
    srun --mpi=pmix -w wt1,wt2 -N2 --ntasks-per-node=2 --kill-on-bad-exit=1 "$WAVETRAIN" train config.yaml --run new \
        --set data.path=/dev/shm/agree --set validation.every=5 >refused.txt 2>&1 || code=$?
    [ "$code" = 2 ] || fail "$case: exit code $code: $(cat refused.txt)"
    within "$(seconds_since "$began")" 10
    said refused.txt "wavetrain: rank 2 on wt2 differs from rank 0 on wt1 in $words (got "
done
for node in 1 2; do bash "$CLUSTER" on-node $node rm -r /dev/shm/agree; done

# --- jobs/train.sbatch ---

# start RUN NAME=VALUE,…
start() {
    job=$(WAVETRAIN=$WAVETRAIN sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=10 \
        --job-name="$1" --output="$1.log" --export="ALL,$2" "$SOURCE/jobs/train.sbatch" config.yaml --run "$1")
}

# ends RUN JOB STATE WORDS: how its job ends, and with which words its log's last line begins
ends() {
    wait_for_job "$2"
    [ "$(job_state "$2")" = "$3" ] || fail "$1: $(scontrol show job "$2") $(cat "$1.log")"
    [[ $(tail -n 1 "$1.log") = "train.sbatch: $4"* ]] || fail "$1: no '$4' at the end of $(cat "$1.log")"
}

# Where SLURM does not say how many tasks there are, nor the launcher's words.
echo 'unset SLURM_NTASKS SLURM_NPROCS SLURM_NTASKS_PER_NODE' >untold.sh
start free "WAVETRAIN_ENV=$PWD/untold.sh,LAUNCHER=srun --mpi=pmix --label"
free=$job
start mpirun "WAVETRAIN_ENV=$PWD/untold.sh,LAUNCHER=mpirun"
mpirun=$job
start absent 'LAUNCHER=absent-mpiexec'
absent=$job
start refused 'LAUNCHER=srun --mpi=none'
refused=$job

# A start that dies at once; the next one does well. The pause is long, and its end comes with the time's.
cat >dies-first <<JOB
#!/bin/bash
[ -z "\${SLURM_RESTART_COUNT-}" ] || exec $WAVETRAIN "\$@"
[ "\$SLURM_PROCID" = 0 ] || exec sleep 1
mkdir -p pause
echo '- {begun: now, verdict: running, why: ""}' >pause/run.yaml
exit 1
JOB
chmod +x dies-first
start pause "WAVETRAIN=$PWD/dies-first,LAUNCHER=srun,PAUSE=200"
pause=$job
# The data take long to come, the first time.
echo 'srun() { [ -n "${SLURM_RESTART_COUNT-}" ] || { touch copying; sleep 15; }; command srun "$@"; }' >slow-staging.sh
ends free "$free" COMPLETED 'done after step 60'
said free.log '0: machine   wt1 ×2, wt2 ×2: ranks × threads 4 × 1'
same_run whole free 60
ends mpirun "$mpirun" COMPLETED 'done after step 60'
said mpirun.log 'ranks × threads 4 × 1'
ends absent "$absent" FAILED 'there is no absent-mpiexec on the PATH'
ends refused "$refused" FAILED 'not trained: wavetrain: MPI does not understand the launcher'

for ((tries = 0; tries < 200; tries++)); do
    ! grep -qs 'ended with code' pause.log || break
    sleep 0.1
done
scancel --batch --signal=USR1 "$pause"
start staging "WAVETRAIN_ENV=$PWD/slow-staging.sh,LAUNCHER=srun,STAGE=/dev/shm,DATA=$PWD/tone"
for ((tries = 0; tries < 600; tries++)); do
    [ ! -e copying ] || break
    sleep 0.1
done
scancel --batch --signal=USR1 "$job"
ends pause "$pause" COMPLETED 'done after step 60'
ends staging "$job" COMPLETED 'done after step 60'
said staging.log 'train.sbatch: not started: the time is over'
for run in pause staging; do
    [ "$(grep -c '^train.sbatch: queued again' $run.log)" = 1 ] || fail "$run: $(cat $run.log)"
    ! grep -q unbound $run.log || fail "$(cat $run.log)"
    same_run whole $run 60
done
