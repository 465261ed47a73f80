# Optimizers, schedules, the parameters' mean, early ends: each goes on after stops and kills as if there had
# been none, bit for bit, on any number of ranks; evaluate and generate take the mean; what a resume says to
# changed keys.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=2 ranks=
steps=120
if nm "$WAVETRAIN" | grep -q __asan_init; then steps=100; fi

make_tone
make_config config.yaml
sed -i "s/steps: 50/steps: $steps/; s/windows: 7/windows: 0/; s/{every: 20}/{every: 30, keep: 2}/
    s/^schedule:.*/schedule: {kind: cosine}/" config.yaml

# whole_and_broken NAME ARGUMENT…: NAME-whole without a break, NAME stopped, killed and finished on several
# ranks
whole_and_broken() {
    local name=$1 code
    shift
    train_ok "$name-whole" "$@"
    code=$(interrupt "$name" 25 USR1 "$@")
    [ "$code" = 75 ] || fail "$name: exit code $code, expected 75: $(cat "$name.log")"
    code=$(ranks=2 interrupt "$name" $(($(rows_of "$name") + 20)) KILL "$@")
    [ "$code" != 0 ] || fail "$name: a rank was killed, and the exit code is 0"
    ranks=3 train_ok "$name" "$@"
    grep -q '^resuming from ' "$name.log" || fail "$name: began anew: $(cat "$name.log")"
    # a busy disk makes a checkpoint slow, which is said
    ! grep '^warning: ' "$name.log" | grep -qv ' kills .* after it asked to stop' || fail "$name: $(cat "$name.log")"
    same_run "$name-whole" "$name" "$(rows_of "$name-whole")"
}

# column RUN NAME: of its metrics.csv
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$1/metrics.csv"
}

# --- SGD with Nesterov's momentum through one cycle, with a mean ---

set -- --set optimizer.kind=sgd --set optimizer.momentum=0.9 --set optimizer.nesterov=true --set optimizer.clip=0 \
    --set optimizer.learning_rate=0.05 --set optimizer.weight_decay=0.001 --set optimizer.decay_on=weights \
    --set schedule.kind=one-cycle --set ema.decay=0.98
whole_and_broken cycle "$@"
column cycle learning_rate | awk -v steps=$steps '
    { rate[NR] = $1; if ($1 > most) { most = $1; at = NR } }
    END { exit !(most > 0.0499 && at > 0.27 * steps && at < 0.33 * steps && rate[1] < 0.0021 && rate[NR] < 1e-6) }' ||
    fail "no cycle: $(column cycle learning_rate | paste -sd' ')"
last=cycle/checkpoints/step-$(printf %08d $steps).h5
[ "$(h5ls "$last/optimizer" | wc -l)" = 1 ] || fail "SGD keeps more than its momentum: $(h5ls "$last/optimizer")"
h5ls "$last/ema" | grep -q '^input.weight' || fail "no mean in $last"
h5diff "$last" cycle-whole/checkpoints/step-$(printf %08d $steps).h5 /ema || fail "the mean differs"
! h5diff -q "$last" "$last" /ema /parameters || fail "the mean is the parameters"

# what validation has found is what evaluate finds with the mean, and not what it finds without
validated=$(column cycle validation_loss | tail -n 1)
expect_ok "$WAVETRAIN" evaluate cycle --split validation
said out.txt "network, step $steps (mean)"
mean=$(awk '/network/ { print $5 }' out.txt)
expect_ok "$WAVETRAIN" evaluate cycle --split validation --no-ema
raw=$(awk '/network/ { print $4 }' out.txt)
awk -v a="$validated" -v b="$mean" -v c="$raw" 'BEGIN { exit !((a - b)^2 < 1e-8 && (a - c)^2 > 1e-8) }' ||
    fail "validation $validated, evaluate $mean, --no-ema $raw"
expect_ok "$WAVETRAIN" generate cycle --seconds 0.5 --seed 3 --out mean.wav
expect_ok "$WAVETRAIN" generate cycle --seconds 0.5 --seed 3 --no-ema --out raw.wav
! cmp -s mean.wav raw.wav || fail "generate --no-ema makes no difference"
"$WAVETRAIN" inspect cycle >inspect.txt
said inspect.txt 'mean             of the parameters, of decay 0.98'

# fine-tuning begins with the mean
train_ok tuned --init cycle --set train.steps=1 --set optimizer.learning_rate=1.0e-30 --set validation.every=1 --set schedule.warmup=0
awk -v a="$mean" -v b="$(column tuned validation_loss)" 'BEGIN { exit !((a - b)^2 < 1e-8) }' ||
    fail "--init: validation $(column tuned validation_loss), expected $mean"

# --- AdamW on plateaus: an improvement must be a fifth, so there are some ---

set -- --set optimizer.kind=adamw --set optimizer.weight_decay=0.01 --set schedule.kind=plateau --set schedule.warmup=5 \
    --set schedule.patience=1 --set schedule.cooldown=1 --set schedule.threshold=0.2 --set ema.decay=0.5
whole_and_broken plateau "$@"
[ "$(column plateau learning_rate | tail -n +5 | sort -u | wc -l)" -ge 3 ] ||
    fail "the rate was not lowered twice: $(column plateau learning_rate | uniq -c)"
grep -q 'the learning rate is now 0.0015$' plateau-whole.log || fail "it is not said: $(cat plateau-whole.log)"

# --- an early end: a rate that makes it worse ---

set -- --set optimizer.kind=sgd --set optimizer.learning_rate=1000 --set optimizer.clip=1 --set schedule.kind=constant \
    --set schedule.warmup=0 --set validation.every=5 --set validation.patience=3
train_ok early "$@"
ended=$(rows_of early)
[ "$ended" -lt $steps ] || fail "no early end: $(cat early.log)"
[ "$(verdict_of early)" = done ] || fail "an early end: verdict $(verdict_of early)"
grep -q '^why: "3 validations in a row without a new best (.* nats at step [0-9]*)"$' early/run.yaml ||
    fail "why: $(grep ^why early/run.yaml)"
said early.log 'ended early: 3 validations in a row'
[ -e "early/checkpoints/step-$(printf %08d "$ended").h5" ] || fail "its last step has no checkpoint"
column early validation_loss | grep . | tail -n 4 | awk '
    NR == 1 { best = $1 } NR > 1 && $1 < best { exit 1 }' || fail "it ended too early"
before=$(metrics_of early)
train_ok early "$@" # is done already
[ "$(verdict_of early) $(metrics_of early)" = "done $before" ] || fail "a run that has ended went on"
train_ok early "$@" --set validation.patience=5 # more patience
[ "$(rows_of early)" = $((ended + 10)) ] || [ "$(rows_of early)" -gt $((ended + 10)) ] ||
    fail "with more patience: $(rows_of early) rows after $ended"
ranks=2 train_ok early-2 "$@"
[ "$(metrics_of early-2)" = "$before" ] || fail "on two ranks it ends elsewhere"

# --- what a resume says to changed keys ---

set -- --set train.steps=20 --set schedule.warmup=0 --set optimizer.kind=sgd
train_ok changed "$@"
if command -v h5ls >/dev/null; then
    ! h5ls changed/checkpoints/step-00000020.h5 | grep -q '^optimizer' || fail "SGD without momentum keeps something"
fi
set -- "$@" --set train.steps=30
train_ok changed "$@" --set optimizer.momentum=0.9 --set ema.decay=0.9 --set optimizer.decay_on=weights
for key in 'optimizer.momentum was 0.0 ' 'ema.decay was 0.0 ' 'optimizer.decay_on was all '; do
    grep -q "^warning: $key" changed.log || fail "no warning of $key: $(cat changed.log)"
done
expect_error 2 'optimizer.kind was sgd, now adam' "$WAVETRAIN" train config.yaml --run changed --set train.steps=30 \
    --set schedule.warmup=0
cp -r tone bare
rm bare/validation-*
expect_error 2 'bare: has no validation part, which schedule.kind plateau needs' "$WAVETRAIN" train config.yaml \
    --run bare-run --set data.path=bare --set schedule.kind=plateau
no_leftovers
