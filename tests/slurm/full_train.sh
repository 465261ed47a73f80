# jobs/train.sbatch with configs/speech-quick.yaml on 2 nodes × 2 tasks and a time limit of a minute: queued
# again at the limit at least twice, and in the end what one rank makes without an interruption.
set -eu
. "$SOURCE/tests/slurm/full_runs.sh"

make_speech
train_job limited "${two_nodes[@]}" --time=1 --signal=B:USR1@30 --
began=$EPOCHREALTIME
ends limited "$job" COMPLETED 0: "done after step $steps"
again=$(log_times limited 'queued again')
from=$(sed -n 's/^train.sbatch: start .* from step \([0-9]*\):.*/\1/p' limited.log | paste -sd' ')
echo "measured: time limit 1 minute, 2 nodes × 2 tasks: queued again $again times, from steps $from," \
    "done after $(seconds_since "$began") s"
[ "$again" -ge 2 ] || fail "it was queued again $again times, expected 2 at least: $(cat limited.log)"
said limited.log 'srun --mpi=pmix'
said limited/run.yaml 'hosts: "wt'
whole_again limited
