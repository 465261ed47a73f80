# An error that passes is not damage: where the newest checkpoint can't be opened or read for a moment, the
# run goes on from it all the same; where that lasts, the start ends with code 1 and one line, and nothing is
# dropped. So do all commands that read a run's folder.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 4/; s/warmup: 5/warmup: 2/; s/every: 20/every: 2/' config.yaml
set -- --set validation.every=0
train_ok run "$@"

# resumed NAME ERRNO FAULT: meets it once, and goes on from step 4
resumed() {
    local began=$EPOCHREALTIME
    cp -r run "$1"
    WT_FAULT_ERRNO=$2 harmed_train "$3" "$1" --set validation.every=0 --set train.steps=5 || fail "$1: $(cat "$1.log")"
    said "$1.log" "resuming from $1/checkpoints/step-00000004.h5"
    ! grep -q 'passed over' "$1.log" || fail "$1: $(cat "$1.log")"
    [ "$(rows_of "$1")" = 5 ] || fail "$1: $(rows_of "$1") rows"
    awk -v s="$(seconds_since "$began")" 'BEGIN { exit !(s >= 1) }' || fail "$1: it met no fault"
}
jobs=
number=0
for fault in 5:open 13:open 24:open 116:open 12:open 5:read 116:read; do # EIO EACCES EMFILE ESTALE ENOMEM
    number=$((number + 1))
    resumed "once-$number" "${fault%:*}" "${fault#*:}:step-00000004.h5:1:1" &
    jobs="$jobs $!"
done
# two looks before it need not succeed: how far the last start came, and what killed writes have left
resumed folder 5 "open:folder/checkpoints:3:1" &
jobs="$jobs $!"
resumed record 5 "open:record/run.yaml:1:1" &
jobs="$jobs $!"
for job in $jobs; do wait "$job" || fail "a run that met an error once: see above"; done

# no memory for the newest, once: inspect takes as much at a time for nothing else
mapfile -t scarce < <(under "memory:$(stat -c %s run/checkpoints/step-00000004.h5):1:1")
began=$EPOCHREALTIME
expect_ok "${scarce[@]}" "$WAVETRAIN" inspect run
grep -q '^step  *4,' out.txt && [ ! -s err.txt ] || fail "$(cat out.txt err.txt)"
awk -v s="$(seconds_since "$began")" 'BEGIN { exit !(s >= 1) }' || fail "inspect met no fault"

# lasting NAME COMMAND…: what the command meets does not pass
mapfile -t lasting < <(under open:step-00000004.h5:1)
lasting() {
    local name=$1 got=0 began=$EPOCHREALTIME
    shift
    WT_FAULT_ERRNO=116 "${lasting[@]}" "$@" >"$name.out" 2>"$name.err" || got=$?
    [ "$got" = 1 ] || fail "$name: exit code $got: $(cat "$name.err")"
    [ "$(wc -l <"$name.err")" = 1 ] || fail "$name: not one line: $(cat "$name.err")"
    said "$name.err" "step-00000004.h5: can't be read (Stale file handle), tried 3 times"
    within "$(seconds_since "$began")" $((8 + 12)) # what the rest of the command takes comes on top
}
cp -r run kept
jobs=
lasting train "$WAVETRAIN" train config.yaml --run run "$@" --set train.steps=6 &
jobs="$jobs $!"
lasting evaluate "$WAVETRAIN" evaluate run --split train &
jobs="$jobs $!"
lasting generate "$WAVETRAIN" generate run --out sound.wav &
jobs="$jobs $!"
lasting inspect "$WAVETRAIN" inspect run &
jobs="$jobs $!"
lasting init "$WAVETRAIN" train config.yaml --run other --init run &
jobs="$jobs $!"
lasting file "$WAVETRAIN" inspect run/checkpoints/step-00000004.h5 &
jobs="$jobs $!"
for job in $jobs; do wait "$job" || fail "a command that met a lasting error: see above"; done
cmp run/metrics.csv kept/metrics.csv || fail "metrics.csv has changed"
[ "$(ls run/checkpoints)" = "$(ls kept/checkpoints)" ] || fail "checkpoints: $(ls run/checkpoints)"
[ ! -e sound.wav ] || fail "there is a sound"

# one that can't be read is not known to be damaged, nor good: it stays, and counts for nothing
cp -r run pruned
harmed_train open:step-00000002.h5:1 pruned "$@" --set train.steps=6 --set checkpoint.keep=1 || fail "$(cat pruned.log)"
[ "$(steps_kept pruned)" = '2 6' ] || fail "kept: $(steps_kept pruned)"

# what was read and is wrong is passed over at once
truncate -s 1000 run/checkpoints/step-00000004.h5
train_ok run "$@"
said run.log 'step-00000004.h5: is no whole checkpoint'
said run.log 'resuming from run/checkpoints/step-00000002.h5'
same_run run kept 4
