# jobs/pipeline.sh, from the recordings to a generated WAV with no hand in between.
set -eu
. "$SOURCE/tests/slurm/full_runs.sh"

ln -s "$SOURCE/configs" configs
began=$EPOCHREALTIME
export PREPARE_JOB='--ntasks-per-node=4' TRAIN_JOB='--nodes=2 --ntasks-per-node=2 --cpus-per-task=1'
export EVALUATE_JOB='--ntasks-per-node=4 --cpus-per-task=1' GENERATE_JOB='--cpus-per-task=2' SBATCH_TIMELIMIT=30
bash "$SOURCE/jobs/pipeline.sh" configs/speech-quick.yaml "$speech" -- --set train.steps=100 >pipeline.txt
[ "$(wc -l <pipeline.txt)" = 4 ] || fail "$(cat pipeline.txt)"
while read -r link job; do
    wait_for_job "$job" 600
    [ "$(job_state "$job")" = COMPLETED ] || fail "$link: $(scontrol show job "$job") $(cat ./*"-$job.log")"
    echo "measured: $link, job $job: $(tail -n 1 ./*"-$job.log")"
done <pipeline.txt
voice=runs/speech-quick/voice.wav
[ "$(head -c 4 $voice)" = RIFF ] || fail "$voice is no sound"
bytes=$(stat -c %s $voice)
[ "$bytes" -gt 80000 ] || fail "$voice has $bytes bytes, expected those of 5 s at 8 kHz"
echo "measured: $(grep 'network, step 100' wavetrain-evaluate-*.log)"
echo "measured: recordings to $voice ($bytes bytes) in $(seconds_since "$began") s, 100 of the configuration's 2000 steps"
