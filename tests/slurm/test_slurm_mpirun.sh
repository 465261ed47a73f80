# Under mpirun in a job of two nodes: trains, stops when mpirun gets SIGUSR1 (from the job's shell, as a
# script passes it on), goes on; and a rank that dies ends the job within 10 s.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
sed -i 's/every: 1000/every: 4/' config.yaml
slow_words

# start RUN WORD…: as a job; the words go before the program
start() {
    local run=$1
    shift
    submit "$run" -N2 -n4 --time=2 <<JOB
#!/bin/bash
mpirun -q --bind-to none -n 4 $* $WAVETRAIN train config.yaml --run $run &
mpirun=\$!
trap 'kill -USR1 \$mpirun' USR1
wait \$mpirun
code=\$?
while kill -0 \$mpirun 2>/dev/null; do wait \$mpirun; code=\$?; done
echo "code \$code"
exit \$code
JOB
}

start asked "${slow[@]}"
wait_for asked 5
scancel --batch --signal=USR1 "$job"
wait_for_job "$job"
printed asked 'code 75'
stopped asked 'a signal asked to stop'
start asked
wait_for_job "$job"
printed asked 'code 0'
same_run whole asked 60

start dies "${slow[@]}"
wait_for dies 10
began=$EPOCHREALTIME
kill -KILL "$(rank_of dies 3)"
wait_for_job "$job" 20
took=$(seconds_since "$began")
echo "measured: rank 3 killed under mpirun: $took s"
within "$took" 10
[ "$(job_state "$job")" = FAILED ] || fail "$(scontrol show job "$job")"
resumed dies 2 3
