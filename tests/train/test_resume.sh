# A run that is stopped or killed and started again, on as many ranks or others, ends with the metrics,
# parameters and moments of a run that was left alone, bit for bit. What is kept, and what is refused.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=2 ranks=
steps=300

make_tone
make_config config.yaml
sed -i "s/steps: 50/steps: $steps/; s/every: 10,/every: 60,/; s/{every: 20}/{every: 40, keep: 2}/" config.yaml

# stopped RUN CODE: what a run looks like that was asked to stop
stopped() {
    [ "$2" = 75 ] || fail "$1: exit code $2, expected 75: $(cat "$1.log")"
    [ "$(verdict_of "$1")" = continue ] || fail "$1: verdict $(verdict_of "$1")"
    [ -e "$1/checkpoints/step-$(printf %08d "$(rows_of "$1")").h5" ] ||
        fail "$1: its last step has no checkpoint"
}

train_ok whole
[ "$(verdict_of whole)" = done ] || fail "whole: verdict $(verdict_of whole)"

# stopped twice, by either signal
code=$(interrupt stopped 30 USR1)
stopped stopped "$code"
code=$(interrupt stopped $(($(rows_of stopped) + 30)) TERM)
stopped stopped "$code"
train_ok stopped
grep -q '^resuming from ' stopped.log || fail "it began anew: $(cat stopped.log)"
[ "$(grep '^restarts: ' stopped/run.yaml)" = 'restarts: 2' ] || fail "$(grep '^restarts' stopped/run.yaml)"
same_run whole stopped $steps
if command -v h5diff >/dev/null; then
    last=checkpoints/step-$(printf %08d $steps).h5
    for group in /parameters /optimizer; do
        h5diff whole/$last stopped/$last $group || fail "$group differs"
    done
fi

# killed between checkpoints, three times
for rows in 50 105 190; do
    code=$(interrupt killed $rows KILL)
    [ "$code" = 137 ] || fail "killed: exit code $code"
done
train_ok killed
grep -q '^resuming from ' killed.log || fail "it began anew: $(cat killed.log)"
same_run whole killed $steps

# on other numbers of ranks each time, one of them killed
code=$(ranks=2 interrupt ranks 30 USR1)
stopped ranks "$code"
code=$(ranks=3 interrupt ranks $(($(rows_of ranks) + 50)) KILL)
[ "$code" != 0 ] || fail "ranks: a rank was killed, and the exit code is 0"
ranks=4 train_ok ranks
same_run whole ranks $steps

# a run that is done
train_ok killed
grep -q '^done after step 300 of 300' killed.log || fail "a run that is done: $(cat killed.log)"
[ "$(verdict_of killed)" = done ] || fail "a run that is done: verdict $(verdict_of killed)"
same_run whole killed $steps

# the newest checkpoint cut short, then the one before damaged within: passed over, and the same in the end
[ "$(steps_kept killed)" = "280 300" ] || fail "checkpoints kept: $(steps_kept killed)"
truncate -s -100 killed/checkpoints/step-00000300.h5
touch killed/checkpoints/step-00000240.h5.tmp-1 # of a write that was killed: goes with the next checkpoint
train_ok killed
grep -q '^warning: killed/checkpoints/step-00000300.h5: .*passed over' killed.log || fail "$(cat killed.log)"
grep -q '^resuming from killed/checkpoints/step-00000280.h5' killed.log || fail "$(cat killed.log)"
no_leftovers
same_run whole killed $steps
printf 'x' | dd of=killed/checkpoints/step-00000300.h5 bs=1 seek=5000 conv=notrunc 2>/dev/null
train_ok killed
grep -q '^warning: killed/checkpoints/step-00000300.h5: the checkpoint is damaged' killed.log ||
    fail "$(cat killed.log)"
same_run whole killed $steps

# the newest empty
: >killed/checkpoints/step-00000300.h5
train_ok killed
grep -q '^warning: killed/checkpoints/step-00000300.h5: .*passed over' killed.log || fail "$(cat killed.log)"
[ "$(warnings_of killed | wc -l)" = 1 ] || fail "not one warning: $(cat killed.log)"
same_run whole killed $steps

# only damaged ones: nothing is begun anew over them
for file in killed/checkpoints/*.h5; do truncate -s 1000 "$file"; done
metrics_of killed >before.csv
expect_error 1 'killed: none of its 2 checkpoints can be read' "$WAVETRAIN" train config.yaml --run killed
metrics_of killed | cmp - before.csv || fail "metrics.csv has changed"

# from a checkpoint of another run, in a new folder
expect_error 2 'whole: the run has checkpoints already' "$WAVETRAIN" train config.yaml --run whole --resume never
cp whole/checkpoints/step-00000280.h5 .
train_ok branch --resume step-00000280.h5
[ "$(hash_of branch)" = "$(hash_of whole)" ] || fail "branch: other parameters or moments"
[ "$(metrics_of branch | sed 1d)" = "$(metrics_of whole | sed 1,281d)" ] || fail "branch: other metrics"

# the best is kept besides the last two: a run that gets worse from step 20 on
set -- --set schedule.kind=constant --set schedule.warmup=0 --set validation.every=5 --set checkpoint.every=5
train_ok worse "$@" --set train.steps=20
train_ok worse "$@" --set train.steps=50 --set optimizer.learning_rate=3
grep -q '^warning: optimizer.learning_rate was 0.003 ' worse.log || fail "no warning: $(cat worse.log)"
[ "$(steps_kept worse)" = "20 45 50" ] || fail "checkpoints kept: $(steps_kept worse)"
[ "$(hash_of worse --checkpoint best)" = "$(hash_of worse --checkpoint 20)" ] || fail "best is not step 20"
[ "$(hash_of worse)" = "$(hash_of worse --checkpoint 50)" ] || fail "newest is not step 50"
no_leftovers
