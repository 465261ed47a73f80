# The job script of jobs/README.md as it stands, with a smaller job, network and time: it trains, stops at USR1, and
# goes on when it is submitted again.
set -eu
. "$SOURCE/tests/slurm/slurm_runs.sh"

make_whole
mkdir build configs
ln -s "$WAVETRAIN" build/wavetrain
cp config.yaml configs/speech.yaml

# The block of code that begins with #SBATCH's line.
awk '/^```/ { if (block ~ /#SBATCH/) printf "%s", block; block = ""; next } { block = block $0 "\n" }' \
    "$SOURCE/jobs/README.md" >readme.job
sed -i 's/--nodes=4/--nodes=2/; s/--cpus-per-task=24/--cpus-per-task=2/; s/08:00:00/00:10:00/' readme.job
for words in '#!/bin/bash' --nodes=2 --cpus-per-task=2 --time=00:10:00 --signal=USR1@300 --kill-on-bad-exit=1; do
    said readme.job "$words"
done

slow_words
job=$("${slow[@]}" sbatch --parsable --job-name=readme --output=first.txt readme.job)
wait_for runs/speech 5
scancel --signal=USR1 "$job"
wait_for_job "$job"
scontrol show job "$job" | grep -q 'ExitCode=75:0' || fail "$(scontrol show job "$job"; cat first.txt)"
said first.txt 'ranks × threads 4 × 2'
said first.txt 'machine   wt1 ×2, wt2 ×2'
[ "$(verdict_of runs/speech)" = continue ] || fail "verdict $(verdict_of runs/speech)"

job=$(sbatch --parsable --job-name=readme --output=second.txt readme.job)
wait_for_job "$job"
[ "$(job_state "$job")" = COMPLETED ] || fail "$(scontrol show job "$job"; cat second.txt)"
[ "$(verdict_of runs/speech)" = 'done' ] || fail "verdict $(verdict_of runs/speech)"
same_run whole runs/speech 60
