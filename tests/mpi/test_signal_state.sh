# What a signal's checkpoint holds, when the program is killed as soon as it is there: a whole step, never
# half of an update; and a step whose validation is still due; resumed, the run is that of one left alone, bit
# for bit.
set -eu
. "$SOURCE/tests/mpi/faults.sh"
make_tone

# at_once RUN: a signal, and a kill as soon as the verdict stands
at_once() {
    local tries
    kill -TERM $process
    for tries in $(seq 1500); do
        [ "$(verdict_of "$1")" != continue ] || break
        sleep 0.01
    done
    kill -KILL $process 2>/dev/null || true
    wait $process 2>/dev/null || true
    [ "$(verdict_of "$1")" = continue ] || fail "$1: no verdict: $(cat "$1.log")"
    [ -z "$(errors_of "$1")" ] || fail "$1: $(errors_of "$1")"
}

# half of a step is the update of many parameters, for few targets: what is copied within it is of no step
cat >config.yaml <<'YAML'
model: {trunk: hierarchy, embedding: 256, fuse: [2, 2], width: 1024}
data: {path: tone, window: 4, quantization: mulaw:64}
train: {batch: 2, steps: 400, microbatches: 2}
validation: {every: 0}
checkpoint: {every: 1000}
YAML
train_ok whole
for stop in 1 2 3 4 5 6; do
    rows=$(rows_of held)
    env --default-signal "$WAVETRAIN" train config.yaml --run held >held.log 2>&1 &
    process=$!
    wait_for held $((rows + stop + 1))
    at_once held
    ! grep -q '^warning: ' held.log || fail "stop $stop: $(grep '^warning: ' held.log)"
    newest=$(steps_kept held | awk '{ print $NF }')
    [ "$newest" -gt "$rows" ] || fail "stop $stop: the newest checkpoint is of step $newest, as before"
done
train_ok held
! grep -q '^warning: ' held.log || fail "$(grep '^warning: ' held.log)"
same_run whole held 400

# validation after five steps takes seconds
"$WAVETRAIN" prepare simulate sine --utterances 1000 --seconds 0.4 --noise 0.1 --out tones >prepare.txt 2>&1 || fail "$(cat prepare.txt)"
cat >config.yaml <<'YAML'
model: {stacks: 1, layers: 8, residual: 48, gate: 48, skip: 64}
data: {path: tones, window: 300, quantization: mulaw:64}
train: {batch: 2, steps: 12, microbatches: 2}
schedule: {kind: plateau, warmup: 0, patience: 1}
validation: {every: 5, windows: 0, patience: 3}
checkpoint: {every: 5}
YAML
rm -rf whole
train_ok whole
for step in 5 10 12; do
    env --default-signal "$WAVETRAIN" train config.yaml --run due >due.log 2>&1 &
    process=$!
    wait_for due $((step - 1))
    sleep 0.4
    at_once due
    [ "$(rows_of due)" = $((step - 1)) ] || fail "due: $(rows_of due) rows, asked in the validation of step $step"
    "$WAVETRAIN" inspect due >out.txt
    said out.txt "validation       of step $step is still due"
done
train_ok due
! grep -q '^warning: ' due.log || fail "$(grep '^warning: ' due.log)"
same_run whole due 12
"$WAVETRAIN" inspect due >out.txt
"$WAVETRAIN" inspect whole >expected.txt
[ "$(grep '^validation\|^plateau' out.txt)" = "$(grep '^validation\|^plateau' expected.txt)" ] ||
    fail "another best: $(diff out.txt expected.txt)"
[ "$(steps_kept due)" = "$(steps_kept whole)" ] || fail "other checkpoints: $(steps_kept due), $(steps_kept whole)"
