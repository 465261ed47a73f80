# Runs that fail at once are not queued for ever, and the log's last line says why.
set -eu
. "$SOURCE/tests/slurm/full_runs.sh"

make_speech
export PAUSE=2
printf '#!/bin/sh\necho "wavetrain: the disk is on fire" >&2\nexit 1\n' >on-fire
chmod +x on-fire
cat >cases <<'CASES'
key      FAILED 2: not trained: wavetrain: --set train.stops
value    FAILED 2: not trained: wavetrain: --set train.microbatches=3: train.microbatches does not divide
data     FAILED 2: not trained: wavetrain: data/absent: no data set
crash    FAILED 1: not started: code 1, and nothing was written in crash: wavetrain: the disk is on fire
CASES
train_job key "${two_nodes[@]}" -- --set train.stops=5 && key=$job
train_job value "${two_nodes[@]}" -- --set train.microbatches=3 && value=$job
train_job data "${two_nodes[@]}" -- --set data.path=data/absent && data=$job
WAVETRAIN=$PWD/on-fire train_job crash "${two_nodes[@]}" -- && crash=$job
while read -r run state code words; do
    ends "$run" "${!run}" "$state" "$code" "$words"
    echo "measured: $run: $(log_times "$run" 'start ') start(s), $(tail -n 1 "$run.log")"
done <cases
