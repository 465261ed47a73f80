# A disk that is full, broken or takes little at a time: training goes on, says at each attempt what went
# wrong, and the last good checkpoint stays. Only a run that can't write its last checkpoint has failed.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 30/; s/{every: 20}/{every: 5, keep: 9}/' config.yaml
set -- --set validation.every=0

train_ok whole "$@"

# lost RUN FAULT STEPS WORDS: the checkpoints of STEPS are missing, each with a warning that has the WORDS
lost() {
    local run=$1 step expected=
    harmed_train "$2" "$run" --set validation.every=0 || fail "$run: exit code $?: $(cat "$run.log")"
    for step in 5 10 15 20 25 30; do
        case " $3 " in
        *" $step "*)
            grep -q "^warning: no checkpoint of step $step: .*$4" "$run.log" || fail "no word of step $step: $(cat "$run.log")"
            ;;
        *) expected="$expected $step" ;;
        esac
    done
    [ "$(warnings_of "$run" | wc -l)" = "$(wc -w <<<"$3")" ] || fail "other warnings: $(cat "$run.log")"
    [ "$(steps_kept "$run")" = "${expected# }" ] || fail "$run: checkpoints $(steps_kept "$run"), expected$expected"
    no_leftovers
    [ "$(verdict_of "$run")" = done ] || fail "$run: verdict $(verdict_of "$run")"
    same_run whole "$run" 30
}

# a checkpoint is written with two calls, image and trailer, unless one of them fails or is cut short
lost full enospc:checkpoints/step-:3:2 '10 15' 'No space left on device'
lost broken eio:checkpoints/step-:4:1 '10' 'Input/output error'
lost torn torn:checkpoints/step-:1:2 '5' 'No space left on device'
lost short short:checkpoints/step-:1 '' ''
lost unsynced fsync:checkpoints/step-:1:2 '5 10' 'Input/output error'
lost unnamed rename:checkpoints/step-:2:1 '10' 'Input/output error'

# the disk stays full: the last checkpoint can't be written, which is one line and a failure
code=$(code_of harmed_train enospc:checkpoints/step-:5 gone "$@")
[ "$code" = 1 ] || fail "gone: exit code $code: $(cat gone.log)"
[ "$(grep -c '^warning: no checkpoint of step ' gone.log)" = 3 ] || fail "gone: $(cat gone.log)"
[ "$(errors_of gone | wc -l)" = 1 ] || fail "gone: not one error: $(cat gone.log)"
errors_of gone | grep -q 'step-00000030.h5: .*No space left on device' || fail "gone: $(errors_of gone)"
[ "$(steps_kept gone)" = '5 10' ] || fail "gone: $(steps_kept gone)"
[ "$(verdict_of gone)" = failed ] || fail "gone: verdict $(verdict_of gone)"
no_leftovers
train_ok gone "$@"
grep -q '^resuming from .*00010.h5' gone.log || fail "$(cat gone.log)"
same_run whole gone 30

# the folder of the checkpoints vanishes and comes back
(
    wait_for vanished 6
    rm -r vanished/checkpoints
    wait_for vanished 16
    mkdir vanished/checkpoints
) &
code=$(code_of harmed_train slow:metrics.csv:1 vanished "$@")
wait $!
[ "$code" = 0 ] || fail "vanished: exit code $code: $(cat vanished.log)"
grep -q '^warning: no checkpoint of step 1[05]: .*No such file' vanished.log || fail "$(cat vanished.log)"
same_run whole vanished 30
