# A node is gone in the middle, its processes killed and its link down: the job ends on the other, is queued
# again and goes on with the spare node, under srun (SLURM queues it again) and under mpirun (the script
# does).
set -eu
. "$SOURCE/tests/slurm/full_runs.sh"

make_speech
for launcher in srun mpirun; do
    LAUNCHER=$launcher train_job $launcher "${two_nodes[@]}" -- --set checkpoint.every=20
    wait_for $launcher $((steps / 3))
    nodes=$(squeue -h -j "$job" -o %N)
    lost=$(scontrol show hostnames "$nodes" | tail -n 1)
    began=$EPOCHREALTIME rows=$(rows_of $launcher)
    bash "$CLUSTER" kill-node "${lost#wt}"
    for tries in $(seq 1200); do
        [ "$(log_times $launcher 'start ')" -lt 2 ] || break
        sleep 0.1
    done
    echo "measured: $launcher: $lost of $nodes killed after step $rows, started again $(seconds_since "$began") s later"
    ends $launcher "$job" COMPLETED 0: "done after step $steps"
    from=$(sed -n 's/^train.sbatch: start .* from step \([0-9]*\):.*/\1/p' $launcher.log | tail -n 1)
    echo "measured: $launcher: resumed from step $from on $(sed -n 's/^hosts: //p' $launcher/run.yaml)," \
        "done $(seconds_since "$began") s after the kill"
    [ "$from" -gt 0 ] || fail "it began anew: $(cat $launcher.log)"
    ! grep -q "^hosts: .*$lost" $launcher/run.yaml || fail "it ended on the lost node"
    whole_again $launcher
    bash "$CLUSTER" revive-node "${lost#wt}"
    scontrol update nodename="$lost" state=resume 2>/dev/null || true # it may be back by itself
    bash "$CLUSTER" await-idle || fail "the node is not back: $(sinfo -N)"
done
