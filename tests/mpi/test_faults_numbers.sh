# Numbers that go wrong on one rank: a gradient that is not finite, once or for ever, and a bit that flips in
# one replica. Each has its line and its exit code, and no checkpoint holds what went wrong.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 40/; s/{every: 20}/{every: 10, keep: 9}/' config.yaml
export ranks=3
# The head is so wide that nothing else that a start shares is as large as the parameters.
set -- --set model.head_channels=256 --set validation.every=0 --set run.compare_every=4 --set guard.skips=3 --set guard.rollbacks=2

# The broadcast that is counted to for a fault in about the middle of the run, and the step that follows it.
middle=39

# --- once: the step is left out, with a warning, everywhere ---

for rank in 0 1 2; do
    WT_FAULT_RANK=$rank harmed_train nan:gradient:$middle:1 once-$rank "$@" || fail "exit code $?: $(cat once-$rank.log)"
    [ "$(warnings_of once-$rank | wc -l)" = 1 ] || fail "not one warning: $(cat once-$rank.log)"
    step=$(sed -n 's/^warning: step \([0-9]*\) is skipped: its loss or gradient is not finite$/\1/p' once-$rank.log)
    [ "${step:-0}" -gt 10 ] && [ "$step" -lt 40 ] || fail "no skipped step: $(cat once-$rank.log)"
    [ -z "$(errors_of once-$rank)" ] || fail "$(cat once-$rank.log)"
    [ "$(verdict_of once-$rank)" = done ] || fail "verdict $(verdict_of once-$rank)"
    grep -qx 'skipped: 1' once-$rank/run.yaml || fail "not counted: $(grep skipped once-$rank/run.yaml)"
    [ "$(hash_of once-$rank)" = "$(hash_of once-0)" ] || fail "ranks $rank and 0: the step was not left out alike"
done
expect_ok "$WAVETRAIN" inspect once-0
said out.txt '1 step skipped'
train_ok whole "$@"
grep -qx 'skipped: 0' whole/run.yaml || fail "$(grep skipped whole/run.yaml)"
[ "$(hash_of whole)" != "$(hash_of once-0)" ] || fail "nothing was left out"
for kept in 10 20; do # those before it
    [ "$kept" -ge "$step" ] || [ "$(hash_of whole --checkpoint $kept)" = "$(hash_of once-0 --checkpoint $kept)" ] ||
        fail "step $kept is another one"
done

# --- for ever: back to the last checkpoint twice, then the end; what was kept is good to go on from ---

code=$(WT_FAULT_RANK=1 code_of harmed_train nan:gradient:$middle ever "$@")
[ "$code" = 1 ] || fail "ever: exit code $code: $(cat ever.log)"
[ "$(errors_of ever)" = "wavetrain: ever: 3 steps in a row were skipped, after going back 2 times (a lower \
optimizer.learning_rate may help)" ] || fail "ever: $(errors_of ever)"
[ "$(grep -c '^warning: step .* is skipped' ever.log)" = 9 ] || fail "ever: $(cat ever.log)"
[ "$(grep -c "^warning: back to step $((step / 10 * 10))," ever.log)" = 2 ] || fail "ever: $(cat ever.log)"
[ "$(verdict_of ever)" = failed ] || fail "ever: verdict $(verdict_of ever)"
train_ok ever "$@"
[ "$(verdict_of ever)" = done ] || fail "ever: verdict $(verdict_of ever)"
[ "$(rows_of ever)" = 40 ] || fail "ever: $(rows_of ever) steps"

# --- one flipped bit in one rank's parameters ---

found=$(((step - 1 + 3) / 4 * 4)) # the first comparison after it; it strikes with the decision of the step before
[ $(((step - 1) / 10)) = $((found / 10)) ] || fail "a checkpoint's comparison comes first: choose another middle"
for rank in 0 1 2; do
    code=$(WT_FAULT_RANK=$rank code_of harmed_train flip:60000:$middle flip-$rank "$@")
    [ "$code" = 1 ] || fail "flip-$rank: exit code $code: $(cat flip-$rank.log)"
    [ "$(errors_of flip-$rank | wc -l)" = 1 ] || fail "flip-$rank: $(cat flip-$rank.log)"
    errors_of flip-$rank | grep -q "the replicas differ after step $found: wrong is rank $rank; " ||
        fail "flip-$rank: expected rank $rank after step $found: $(errors_of flip-$rank)"
    [ "$(verdict_of flip-$rank)" = failed ] || fail "flip-$rank: verdict $(verdict_of flip-$rank)"
    [ "$(steps_kept flip-$rank)" = "$(seq -s ' ' 10 10 "$found")" ] || fail "kept: $(steps_kept flip-$rank)"
    train_ok flip-$rank "$@"
    same_run whole flip-$rank 40
done
