# One answer for hierarchies: losses, validation losses, parameters, running statistics and moments are the
# same bits on any number of ranks and threads, with microbatches that are told to advance one by one (batch
# norm has its sums over all of them all the same), after a stop and a resume, and where steps are skipped;
# for each norm, with dropout.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
steps=60
"$WAVETRAIN" prepare simulate sine --utterances 31 --seconds 0.02 --noise 0.1 --out tone >prepare.txt 2>&1 ||
    fail "prepare: $(cat prepare.txt)"
cat >config.yaml <<YAML
model: {trunk: hierarchy, embedding: 5, fuse: [2, 3, 2], width: [33, 19, 24], norm: batch, dropout: 0.1, init: kaiming, output_scale: 0.1}
data: {path: tone, window: 7, quantization: mulaw:32}
train: {batch: 24, steps: $steps, microbatches: 8}
optimizer: {learning_rate: 1.0e-2, clip: 1.0}
ema: {decay: 0.9}
schedule: {kind: cosine, warmup: 5}
validation: {every: 20, windows: 50}
checkpoint: {every: 20}
run: {compare_every: 10}
YAML

for norm in batch layer none; do
    ranks= OMP_NUM_THREADS=1
    set -- --set model.norm=$norm
    train_ok $norm "$@"
    learnt=$(metrics_of $norm | awk -F, -v last=$steps '$1 == 1 {first = $3} $1 == last {print (first - $3 > 0.3)}')
    [ "$learnt" = 1 ] || fail "the network learnt nothing: $(cat $norm.log)"
    like $norm $norm-1-3 '' 3 "$@"
    like $norm $norm-2-1 2 1 "$@" --set train.microbatches_at_once=1
    like $norm $norm-3-2 3 2 "$@" --set exchange.progress=thread
done

# batch norm's sums are over all microbatches: a batch in eight microbatches has the loss that it has in one
ranks= OMP_NUM_THREADS=1
train_ok plain-1 --set train.microbatches=1 --set model.dropout=0.0 --set train.steps=1 --set schedule.warmup=0
train_ok plain-8 --set model.dropout=0.0 --set train.steps=1 --set schedule.warmup=0
paste -d, <(metrics_of plain-1) <(metrics_of plain-8) | awk -F, '
    NR == 2 { if ($3 == 0 || ($3 - $(3 + NF / 2))^2 > 1e-12 * $3^2) { print; exit 1 } }' ||
    fail "a batch in eight microbatches has another loss than in one"

# --- stopped at step 20, and gone on with on other ranks ---

train_ok stopped --set train.steps=20 --set schedule.kind=constant
train_ok whole --set schedule.kind=constant
ranks=2
train_ok stopped --set train.steps=$steps --set schedule.kind=constant
grep -q '^resuming from ' stopped.log || fail "it began anew: $(cat stopped.log)"
same_run whole stopped $steps

# --- a skipped step leaves the running statistics as they are ---

ranks=
train_ok skipped --set train.steps=80 --set schedule.kind=constant --set guard.spike=1.0e-6 --set guard.skips=1000 \
    --set validation.every=0 --set checkpoint.every=32
[ "$(grep -c 'is skipped' skipped.log)" = 16 ] || fail "expected 16 skipped steps: $(cat skipped.log)"
before=$(hash_of skipped/checkpoints/step-00000064.h5)
[ ${#before} = 32 ] && [ "$before" = "$(hash_of skipped/checkpoints/step-00000080.h5)" ] ||
    fail "a skipped step has changed something"
