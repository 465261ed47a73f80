# One answer: after 200 steps, losses, validation losses, parameters and moments are the same bits on any
# number of ranks up to the microbatches, with any number of threads, with microbatches that advance together
# or one by one, and however the exchange cuts and drives its messages; for each table of kernels with itself.
#
# The network is as small as it can be with all that could lose a bit: blocks of several widths with a
# rechannel between, widths that are odd and wider than a panel of weight gradients, windows of more than one
# tile, some with fewer targets, epochs that end within a step, and ranks that get no window of a validation.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1
steps=200 rank_counts='1 2 3 5 8' thread_counts='1 2 3' ranks=

"$WAVETRAIN" prepare simulate sine --utterances 63 --seconds 0.04 --noise 0.1 --out tone >prepare.txt 2>&1 ||
    fail "prepare: $(cat prepare.txt)"
cat >config.yaml <<YAML
model:
  skip: 9
  residual_scale: 0.7071067811865476
  arrays:
    - {dilations: [2], residual: 37, gate: 35, kernel: 2}
    - {dilations: [4, 1, 5], residual: 5, gate: 3, kernel: 3, activation: tanh}
data: {path: tone, window: 300, quantization: mulaw:32}
train: {batch: 8, steps: $steps, microbatches: 8}
optimizer: {learning_rate: 3.0e-3}
schedule: {kind: cosine, warmup: 5}
validation: {every: $((steps / 4)), windows: 7}
checkpoint: {every: 0}
run: {compare_every: 20}
YAML

# --- ranks and threads ---

train_ok one
learnt=$(metrics_of one | awk -F, -v last=$steps '$1 == 1 {first = $3} $1 == last {print (first - $3 > 0.1)}')
[ "$learnt" = 1 ] || fail "the network learnt nothing: $(cat one.log)"
[ "$(metrics_of one | awk -F, '$8 != ""' | wc -l)" = 5 ] || fail "expected 4 validations"
grep -q '^windows .*102 of 300 targets' one.log || fail "epochs no longer end within a step: $(cat one.log)"
for count in $rank_counts; do
    for threads in $thread_counts; do
        [ $count-$threads = 1-1 ] || like one ranks-$count-threads-$threads $count $threads
    done
done

# --- a number of microbatches that is no power of two, and two windows in a microbatch ---

ranks= OMP_NUM_THREADS=1
set -- --set train.batch=12 --set train.microbatches=6 --set validation.windows=0
train_ok six "$@"
for count in 2 3 4 5 6; do like six six-$count $count $((count % 3 + 1)) "$@"; done

# --- microbatches that advance together ---

for microbatches in 1 2 8; do
    like one at-once-$microbatches 1 2 --set train.microbatches_at_once=$microbatches
done
like one ranks-2-at-once-1 2 1 --set train.microbatches_at_once=1
like one ranks-3-at-once-2 3 3 --set train.microbatches_at_once=2

# --- buckets (the network has 36 KiB: as many as there can be, four, one), and what drives them ---

for bucket in 0.001 0.01 100; do
    for progress in test thread; do
        like one bucket-$bucket-$progress 3 1 --set exchange.bucket=$bucket --set exchange.progress=$progress
    done
done
like one waves 2 2 --set exchange.bucket=0.005 --set exchange.progress=thread --set train.microbatches_at_once=1
OMP_PROC_BIND=true like one bound 3 2 --set exchange.bucket=0.005 --set exchange.progress=thread

# --- each table of kernels with itself: all that the configuration has a name for ---

backends=$("$WAVETRAIN" train --help-config | sed -n '/^  backend: auto/,/\./p' | tr -s '# \n' ' ' |
    sed -n 's/^ *backend: auto auto, \([^.]*\)\..*/\1/p' | sed 's/,\| or / /g')
[ "$(wc -w <<<"$backends")" -ge 2 ] || fail "the kernels' names are not where they were: '$backends'"
tables=
for backend in $backends; do
    set -- --set run.backend=$backend
    ranks= OMP_NUM_THREADS=1
    if ! train $backend "$@" && [ $backend != reference ] && grep -q "run.backend" $backend.log; then
        echo "not on this machine: $(cat $backend.log)"
        continue
    fi
    like $backend $backend-1-3 1 3 "$@"
    like $backend $backend-2-2 2 2 "$@" --set train.microbatches_at_once=1
    like $backend $backend-3-1 3 1 "$@" --set exchange.bucket=0.01
    tables="$tables $backend"
done

# and the tables nearly with each other, before they have drifted apart
for backend in $tables; do
    paste -d, <(metrics_of reference) <(metrics_of $backend) | awk -F, '
        NR == 1 { columns = NF / 2 }
        NR > 1 && NR < 12 && ($3 - $(3 + columns))^2 > (1e-5 * $3)^2 { print "step", $1, $3, $(3 + columns); wrong = 1 }
        END { exit wrong }' || fail "reference and $backend differ"
done

# --- bf16: one answer, near fp32's, and the same from all tables with fused multiply-adds but AMX's ---

bf16=
for backend in amx avx512 avx2 reference; do
    if [ $backend = reference ] && [ "$bf16" != "" ]; then continue; fi # slow, and test_bf16 compares it
    set -- --set train.precision=bf16 --set run.backend=$backend
    ranks= OMP_NUM_THREADS=1
    if ! train bf16-$backend "$@" && [ $backend != reference ] && grep -q "run.backend" bf16-$backend.log; then
        echo "not on this machine: $(cat bf16-$backend.log)"
        continue
    fi
    like bf16-$backend bf16-$backend-1-3 1 3 "$@"
    like bf16-$backend bf16-$backend-3-2 3 2 "$@" --set train.microbatches_at_once=1 --set exchange.bucket=0.01
    [ "$bf16" = "" ] || [ "$bf16" = bf16-amx ] || same_run "$bf16" bf16-$backend $steps
    bf16=bf16-$backend
    cmp -s <(metrics_of $bf16) <(metrics_of reference) && fail "train.precision changes nothing"
    paste -d, <(metrics_of reference) <(metrics_of $bf16) | awk -F, '
        NR == 1 { columns = NF / 2 }
        NR > 1 { fp32 += $3; bf16 += $(3 + columns) }
        END { exit !((bf16 - fp32)^2 <= (0.01 * fp32)^2 && fp32 > 0) }' || fail "$bf16 learns another thing than fp32"
done

# --- an epoch with fewer windows than microbatches: a step goes on into the next ones, and each target weighs
# the same ---

steps=20 OMP_NUM_THREADS=1 ranks=
expect_ok "$WAVETRAIN" prepare simulate sine --utterances 3 --seconds 0.0875 --noise 0.1 --out few
set -- --set data.path=few --set train.steps=20 --set schedule.warmup=0 --set validation.every=10
train_ok few-8 "$@"
grep -q '^windows *3 of 300 targets' few-8.log || fail "expected 3 windows: $(cat few-8.log)"
like few-8 few-8-3 3 2 "$@"
like few-8 few-8-8 8 1 "$@"
# three epochs in nine microbatches have the loss and gradient of one epoch in one microbatch, and the loss
# that evaluate finds
ranks= OMP_NUM_THREADS=1
set -- --set data.path=few --set train.steps=1 --set schedule.warmup=0 --set optimizer.learning_rate=1.0e-30 \
    --set validation.every=0
train_ok epoch "$@" --set train.batch=3 --set train.microbatches=1
train_ok epochs "$@" --set train.batch=9 --set train.microbatches=9
expect_ok "$WAVETRAIN" evaluate epoch --split train
said out.txt 'few, train: 700 targets, '
awk '/network/ {print $4}' out.txt | paste -d, <(metrics_of epoch) <(metrics_of epochs) - | awk -F, '
    function differ(a, b, within) { return (a - b)^2 > (within * a)^2 }
    NR == 1 { columns = (NF - 1) / 2; for (i = 1; i <= columns; i++) at[$i] = i; score = $NF }
    NR == 2 {
        loss = at["loss"]; norm = at["gradient_norm"]
        wrong = !($loss > 0) || differ($loss, $(columns + loss), 1e-6) || differ($loss, score, 1e-4)
        if (wrong || differ($norm, $(columns + norm), 1e-5)) { print $0, score; exit 1 }
    }' || fail "targets weigh otherwise in microbatches"
