# A job that is requeued, from outside and because its node is gone, goes on where it was.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
sed -i 's/every: 1000/every: 4/' config.yaml # checkpoints for the node that is killed
slow_words

# start RUN: slow when it starts for the first time
start() {
    submit "$1" -N2 -n4 --time=2 --requeue <<JOB
#!/bin/bash
slow=(${slow[*]})
[ -z "\${SLURM_RESTART_COUNT-}" ] || slow=()
srun --mpi=pmix --kill-on-bad-exit=1 "\${slow[@]}" $WAVETRAIN train config.yaml --run $1
code=\$?
echo "code \$code"
exit \$code
JOB
    wait_for "$1" 10
}

# again RUN: it was started again, went on and is done
again() {
    wait_for_job "$job"
    [ "$(job_state "$job")" = COMPLETED ] || fail "$1: $(scontrol show job "$job"; cat "$1.log")"
    said "$1.log" "resuming from $1/checkpoints/step-"
    printed "$1" 'code 0'
    [ "$(verdict_of "$1")" = 'done' ] || fail "$1: verdict $(verdict_of "$1")"
    same_run whole "$1" 60
    grep -qx 'restarts: 1' "$1/run.yaml" || fail "$1: $(grep restarts "$1/run.yaml")"
}

# The ranks get SIGTERM first, and write a checkpoint.
start asked
began=$EPOCHREALTIME
scontrol requeue "$job"
again asked
echo "measured: requeued from outside: done $(seconds_since "$began") s later"
said asked.log 'a signal asked to stop'

# A node that is gone: SLURM notices by itself or is told, and the job starts on others.
start lost
began=$EPOCHREALTIME
bash "$CLUSTER" kill-node 2
scontrol update nodename=wt2 state=down reason=gone
again lost
echo "measured: node killed: done on others $(seconds_since "$began") s later"
grep -qx 'hosts: "wt1 ×2, wt3 ×2"\|hosts: "wt1 ×3, wt3"' lost/run.yaml || fail "$(grep hosts lost/run.yaml)"
bash "$CLUSTER" revive-node 2
scontrol update nodename=wt2 state=resume 2>resume.txt || # it may be back by itself
    sinfo --noheader --nodes=wt2 --format=%T | grep -q '^idle\|^mixed\|^allocated' || fail "$(cat resume.txt)"
