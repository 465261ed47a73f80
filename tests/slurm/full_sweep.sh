# The array of a sweep of six points, one of which loses a rank in the middle: that element alone is queued
# again, goes on, and is what a run left alone is; the report lists all six as done.
set -eu
. "$SOURCE/tests/slurm/full_runs.sh"

make_speech
cat >sweep.yaml <<'YAML'
config: configs/speech-quick.yaml
runs: swept
set: {train.steps: 60, schedule.warmup: 10, checkpoint.every: 10, validation.every: 30}
grid:
  optimizer.learning_rate: [1.0e-3, 2.0e-3, 4.0e-3]
  model.skip: [32, 64]
YAML
began=$EPOCHREALTIME
array=$(sbatch --parsable --array="1-$("$WAVETRAIN" sweep sweep.yaml --list | wc -l)%3" --ntasks-per-node=2 \
    --cpus-per-task=1 --time=30 --output=swept-%a.log "$SOURCE/jobs/sweep.sbatch" sweep.yaml)
wait_for swept/0002 25
kill -KILL "$(rank_of swept/0002 1)"
for point in 1 2 3 4 5 6; do
    wait_for_job "${array}_$point" 600
    [[ $(tail -n 1 swept-$point.log) = 'sweep.sbatch: done after step 60' ]] || fail "$(cat swept-$point.log)"
    [ "$(grep -c '^sweep.sbatch: start ' swept-$point.log)" = $((point == 2 ? 2 : 1)) ] || fail "$(cat swept-$point.log)"
done
from=$(sed -n 's/^sweep.sbatch: start 2 from step \([0-9]*\):.*/\1/p' swept-2.log)
[ "$from" -ge 10 ] || fail "the killed element began anew: $(cat swept-2.log)"
echo "measured: array of 6, rank 1 of element 2 killed: resumed from step $from;" \
    "all done after $(seconds_since "$began") s"
"$WAVETRAIN" train configs/speech-quick.yaml --run alone --set train.steps=60 --set schedule.warmup=10 \
    --set validation.every=30 --set optimizer.learning_rate=1.0e-3 --set model.skip=64 >alone.log 2>&1
same_run alone swept/0002 60
"$WAVETRAIN" sweep sweep.yaml --report >report.txt 2>report.err
[ "$(grep -c '^000[1-6] .* 60  done ' report.txt)" = 6 ] || fail "$(cat report.txt report.err)"
sed 's/^/measured: /' report.txt
