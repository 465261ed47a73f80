# All threads of a run at once: the loader, the exchange's, the checkpoint writer after every step, the hang
# watch, the one that asks SLURM, and OpenMP's in each rank; resumed on another number of ranks, scored,
# heard. The bits are those of one rank with one thread. The build with the thread sanitizer watches the same
# runs: a race is exit code 66.
set -eu
. "$SOURCE/tests/runs.sh"

make_tone
make_config config.yaml
sed -i "s/steps: 50/steps: 12/; s/window: 300/window: 260/; s/{batch: 16/{batch: 8/; s/cosine/constant/" config.yaml
sed -i 's/every: 10, windows: 7/every: 3, windows: 4/; s/{every: 20}/{every: 1, keep: 2}/' config.yaml

# a job of SLURM that has an hour left
mkdir slurm
printf '#!/bin/sh\ndate -d "1 hour" +%%Y-%%m-%%dT%%H:%%M:%%S\n' >slurm/squeue
chmod +x slurm/squeue
export PATH=$PWD/slurm:$PATH SLURM_JOB_ID=4711

# plain loops: of products in OpenBLAS the sanitizer sees nothing
for backend in reference auto; do
    set -- --set run.backend=$backend --set run.compare_every=2 --set run.hang_seconds=60
    OMP_NUM_THREADS=1 ranks= train_ok $backend-alone "$@"
    set -- "$@" --set exchange.progress=thread --set exchange.bucket=0.005
    OMP_NUM_THREADS=2 ranks=2 train_ok $backend "$@" --set train.steps=6
    OMP_NUM_THREADS=1 ranks=3 train_ok $backend "$@" --set train.microbatches_at_once=2
    grep -q '^resuming from ' $backend.log || fail "it began anew: $(cat $backend.log)"
    same_run $backend-alone $backend 12
done

export OMP_NUM_THREADS=2
expect_ok "$WAVETRAIN" evaluate auto --split test --markov
expect_ok "$WAVETRAIN" generate auto --out tone.wav --seconds 0.1
no_leftovers
