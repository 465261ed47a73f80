# A run of a version whose keys were train.lanes and train.lanes_at_once: its checkpoint is inspected, scored
# and gone on with, its run.yaml is read; the same keys in a user's file are refused with the line that names
# the new ones.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1
before=$SOURCE/tests/train/before-microbatches

awk 'BEGIN {
    split("an be ci do", part, " ")
    for (i = 0; i < 64; i++) print part[1 + i % 4] part[1 + int(i / 4) % 4] part[1 + int(i / 16) % 4]
}' >names.txt
expect_ok "$WAVETRAIN" prepare text --lines names.txt --out names
mkdir -p run/checkpoints
cp "$before/step-00000004.h5" run/checkpoints/
cp "$before/run.yaml" run/
expect_ok "$WAVETRAIN" inspect run
said out.txt 'step 4'
expect_ok "$WAVETRAIN" evaluate run
said out.txt 'names, test: '

cat >config.yaml <<YAML
model: {input_kernel: 2, stacks: 1, dilations: [1, 2], residual: 2, gate: 2, skip: 2}
data: {path: names, window: 1, quantization: vocabulary}
train: {batch: 12, steps: 6, microbatches: 6}
optimizer: {kind: sgd, learning_rate: 0.1}
checkpoint: {every: 4, keep: 1}
YAML
train_ok run
said run.log 'resuming from run/checkpoints/step-00000004.h5'
! grep microbatches run.log | grep -q 'was' || fail "a key that has only been renamed counts as changed: $(cat run.log)"
grep -qx '    microbatches: 6' run/run.yaml || fail "$(cat run/run.yaml)"
! grep -q lanes run/run.yaml || fail "$(cat run/run.yaml)"
expect_error 2 'train.microbatches was 6, now 4' "$WAVETRAIN" train config.yaml --run run --set train.steps=8 \
    --set train.microbatches=4

sed 's/microbatches: 6/lanes: 6/' config.yaml >old.yaml
expect_error 2 'old.yaml:3: train.lanes is the old name of a key (expected train.microbatches)' \
    "$WAVETRAIN" train old.yaml --run new
expect_error 2 '--set train.lanes_at_once=1: train.lanes_at_once is the old name of a key (expected train.microbatches_at_once)' \
    "$WAVETRAIN" train config.yaml --run new --set train.lanes_at_once=1
printf 'config: config.yaml\ngrid:\n  train.lanes: [2, 3]\n' >sweep.yaml
expect_error 2 'sweep.yaml:3: train.lanes is the old name of a key (expected train.microbatches)' "$WAVETRAIN" sweep sweep.yaml
