# One answer for a wavenet whose blocks have norms and dropout: losses, validation losses, parameters, running
# statistics and moments are the same bits on any number of ranks and threads, with microbatches that are told
# to advance one by one, activations kept or made again, after a stop and a resume on other ranks, and where
# steps are skipped.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
steps=24
"$WAVETRAIN" prepare simulate sine --utterances 31 --seconds 0.02 --noise 0.1 --out tone >prepare.txt 2>&1 ||
    fail "prepare: $(cat prepare.txt)"
cat >config.yaml <<YAML
model:
  norm: batch
  dropout: 0.1
  skip: 9
  arrays:
    - {dilations: [2, 1], residual: 11, gate: 9, kernel: 2}
    - {dilations: [4, 1], residual: 5, gate: 3, kernel: 3, activation: tanh}
data: {path: tone, window: 70, quantization: mulaw:32}
train: {batch: 12, steps: $steps, microbatches: 6}
optimizer: {learning_rate: 1.0e-2, clip: 1.0}
ema: {decay: 0.9}
schedule: {kind: constant, warmup: 0}
validation: {every: 8, windows: 7}
checkpoint: {every: 8}
run: {compare_every: 6}
YAML

for norm in batch layer none; do
    ranks= OMP_NUM_THREADS=1
    set -- --set model.norm=$norm
    train_ok $norm "$@"
    learnt=$(metrics_of $norm | awk -F, -v last=$steps '$1 == 1 {first = $3} $1 == last {print (first - $3 > 0.2)}')
    [ "$learnt" = 1 ] || fail "the network learnt nothing: $(cat $norm.log)"
    like $norm $norm-2-3 2 3 "$@" --set train.microbatches_at_once=1 --set train.activations=recomputed
    like $norm $norm-3-1 3 1 "$@" --set exchange.progress=thread
    ranks=
    train_ok $norm-part "$@" --set train.steps=16
    ranks=2 train_ok $norm-part "$@"
    grep -q '^resuming from ' $norm-part.log || fail "it began anew: $(cat $norm-part.log)"
    same_run $norm $norm-part $steps
done

# batch norm's sums are over all microbatches: a batch in six microbatches has the loss that it has in one
ranks= OMP_NUM_THREADS=1
train_ok plain-1 --set train.microbatches=1 --set model.dropout=0.0 --set train.steps=1
train_ok plain-6 --set model.dropout=0.0 --set train.steps=1
paste -d, <(metrics_of plain-1) <(metrics_of plain-6) | awk -F, '
    NR == 2 { if ($3 == 0 || ($3 - $(3 + NF / 2))^2 > 1e-12 * $3^2) { print; exit 1 } }' ||
    fail "a batch in six microbatches has another loss than in one"

# a skipped step leaves the running statistics as they are
train_ok skipped --set train.steps=72 --set guard.spike=1.0e-6 --set guard.skips=1000 --set validation.every=0 \
    --set checkpoint.every=64
[ "$(grep -c 'is skipped' skipped.log)" = 8 ] || fail "expected 8 skipped steps: $(cat skipped.log)"
before=$(hash_of skipped/checkpoints/step-00000064.h5)
[ ${#before} = 32 ] && [ "$before" = "$(hash_of skipped/checkpoints/step-00000072.h5)" ] ||
    fail "a skipped step has changed something"

# what is made of a checkpoint: running statistics, nothing dropped
"$WAVETRAIN" evaluate batch >once.txt 2>&1 || fail "evaluate: $(cat once.txt)"
"$MPIRUN" 2 "$WAVETRAIN" evaluate batch >twice.txt 2>&1 || fail "evaluate on two ranks: $(cat twice.txt)"
cmp once.txt twice.txt || fail "evaluate differs on two ranks"
expect_ok "$WAVETRAIN" generate batch --out tone.wav --seconds 0.05
expect_ok "$WAVETRAIN" inspect batch --tensors
said out.txt 'blocks.3.norm.running_var'
