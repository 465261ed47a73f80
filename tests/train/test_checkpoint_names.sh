# A run's checkpoints are what they hold, not what they are called: renamed ones are taken by the step inside,
# and damaged ones of higher numbers neither stop a run nor cost it its good ones.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 8/; s/warmup: 5/warmup: 2/; s/every: 20/every: 2, keep: 2/; s/kind: cosine/kind: constant/' config.yaml
set -- --set validation.every=0
train_ok whole "$@"
train_ok run "$@" --set train.steps=4

# renamed to a higher step
mv run/checkpoints/step-00000004.h5 run/checkpoints/step-00000100.h5
train_ok run "$@" --set train.steps=6
said run.log 'step-00000100.h5: its name says step 100, but it holds step 4, which counts'
said run.log 'run       run, steps 5 to 6'
[ "$(steps_kept run)" = '6 100' ] || fail "kept: $(steps_kept run)"
expect_ok "$WAVETRAIN" inspect run
grep -q '^step  *6,' out.txt || fail "$(cat out.txt)"
expect_ok "$WAVETRAIN" inspect run --checkpoint 4
grep -q '^step  *4,' out.txt || fail "$(cat out.txt)"
train_ok run "$@"
said run.log 'run       run, steps 7 to 8'
[ "$(steps_kept run)" = '6 8' ] || fail "kept: $(steps_kept run)"
same_run run whole 8

# two damaged ones of higher numbers, and room for one
train_ok keep "$@" --set train.steps=4
for step in 6 100; do head -c 5000 keep/checkpoints/step-00000004.h5 >keep/checkpoints/step-$(printf %08d $step).h5; done
train_ok keep "$@" --set checkpoint.keep=1 --set train.steps=5
# step 4, which a rollback would lead to, stays
[ "$(steps_kept keep)" = '4 5 6 100' ] || fail "kept: $(steps_kept keep)"
train_ok keep "$@" --set checkpoint.keep=1
[ "$(steps_kept keep)" = '8 100' ] || fail "kept: $(steps_kept keep)"
[ "$(hash_of keep)" = "$(hash_of whole)" ] || fail "another state"
