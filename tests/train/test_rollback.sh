# A run whose loss stops being finite: steps are skipped, the run goes back to its last good checkpoint with a
# lower learning rate, survives that way or gives up with one line; a kill does not undo what it learnt.
set -eu
. "$SOURCE/tests/runs.sh"
make_tone
make_config config.yaml

# AdamW's decay with an absurd learning rate flips the parameters' signs and blows them up. How many halvings
# of the rate bring the run below that is plain arithmetic: the factor 1 − rate·decay must come within ±1.
wild() { # EVERY
    echo "--set train.steps=30 --set optimizer.kind=adamw --set optimizer.weight_decay=1000 --set optimizer.clip=0
        --set schedule.kind=constant --set schedule.warmup=1 --set guard.skips=3 --set checkpoint.every=$1
        --set validation.every=0 --set optimizer.epsilon=1"
}

# gives up
# shellcheck disable=SC2046
train lost $(wild 1) --set optimizer.learning_rate=1000 --set guard.rollbacks=2 && fail "a hopeless run ended well"
[ "$(grep -c '^wavetrain: ' lost.log)" = 1 ] || fail "not one line: $(cat lost.log)"
grep -q '3 steps in a row were skipped, after going back 2 times' lost.log || fail "$(cat lost.log)"
[ "$(verdict_of lost)" = failed ] || fail "verdict $(verdict_of lost)"
[ "$(grep -c 'warning: back to step' lost.log)" = 2 ] || fail "not back twice: $(cat lost.log)"

# comes through: from the beginning, since there is no checkpoint yet, with a rate that holds
# shellcheck disable=SC2046
train_ok saved $(wild 20) --set optimizer.learning_rate=1000 --set guard.rollbacks=20 --set guard.rate=1.0e-7
grep -q 'warning: back to step .* learning rate times 1e-07' saved.log || fail "never went back: $(cat saved.log)"
[ "$(verdict_of saved)" = done ] || fail "verdict $(verdict_of saved)"
[ "$(rows_of saved)" = 30 ] || fail "metrics.csv has $(rows_of saved) rows"
metrics_of saved | cut -d, -f1 | sed 1d | cmp -s - <(seq 30) || fail "metrics.csv has not each step once"

# the same on two ranks, bit for bit
# shellcheck disable=SC2046
ranks=2 train_ok saved-2 $(wild 20) --set optimizer.learning_rate=1000 --set guard.rollbacks=20 --set guard.rate=1.0e-7
same_run saved saved-2 30

# stopped after going back, resumed: the lower rate is remembered
# shellcheck disable=SC2046
train_ok saved $(wild 20) --set optimizer.learning_rate=1000 --set guard.rollbacks=20 --set guard.rate=1.0e-7 --set train.steps=33
tail -n 1 saved/metrics.csv | cut -d, -f7 | grep -q '^0.0001$' || fail "the rate came back: $(tail -n 1 saved/metrics.csv)"
