# Interfered with from outside: scontrol requeue, scancel --signal=USR1 and scancel leave a checkpoint and the
# state that each should; submitted again, the run goes on, and ends as if there had been none of it.
set -eu
. "$SOURCE/tests/slurm/full_runs.sh"

make_speech
run=interfered

# saved: the last step has its checkpoint, and the record says why it was written
saved() {
    [ "$(verdict_of $run)" = continue ] || fail "verdict $(verdict_of $run): $(cat $run.log)"
    grep -q '^why: "a signal asked to stop"' $run/run.yaml || fail "$(grep '^why' $run/run.yaml)"
    [ "$(steps_kept $run | awk '{ print $NF }')" = "$(rows_of $run)" ] || fail "its last step has no checkpoint"
}

train_job $run "${two_nodes[@]}" --
wait_for $run $((steps / 5))
began=$EPOCHREALTIME
scontrol requeue "$job"
for tries in $(seq 1200); do
    [ "$(log_times $run 'start ')" -lt 2 ] || break
    sleep 0.1
done
echo "measured: scontrol requeue: started again $(seconds_since "$began") s later, same job"
[ "$(log_times $run 'start 2 ')" = 1 ] || fail "$(cat $run.log)"
[ "$(log_times $run 'cancelled or requeued')" = 1 ] || fail "$(cat $run.log)"

wait_for $run $((steps / 5 * 2))
began=$EPOCHREALTIME
scancel --signal=USR1 "$job"
ends $run "$job" FAILED 75: 'stopped after step '
saved
echo "measured: scancel --signal=USR1: state $(job_state "$job"), exit code 75, checkpoint of step $(rows_of $run)," \
    "$(seconds_since "$began") s later"

train_job $run "${two_nodes[@]}" --
wait_for $run $((steps / 5 * 3))
began=$EPOCHREALTIME
scancel "$job"
ends $run "$job" CANCELLED '' 'cancelled or requeued from outside'
saved
echo "measured: scancel: state $(job_state "$job"), checkpoint of step $(rows_of $run), $(seconds_since "$began") s later"

train_job $run "${two_nodes[@]}" --
ends $run "$job" COMPLETED 0: "done after step $steps"
whole_again $run
