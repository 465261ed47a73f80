# Ranks on two hosts, with a slow link between them: the bits of one rank, for both patterns and both drives,
# and the gradients set out while backward runs. Skipped where two hosts can't be made (tests/two_hosts.sh
# says what it needs).
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1
make_tone
make_config config.yaml
set -- --set train.steps=6 --set validation.every=0 --set exchange.bucket=0.004
train_ok one "$@"

# hosts RANKS RUN ARGUMENT…
hosts() {
    local ranks=$1 run=$2 code=0
    shift 2
    "$SOURCE/tests/two_hosts.sh" --build "$(dirname "$WAVETRAIN")" run "$ranks" \
        "$WAVETRAIN" train config.yaml --verbose --run "$run" "$@" >"$run.log" 2>&1 || code=$?
    [ $code != 77 ] || { cat "$run.log"; exit 77; }
    [ $code = 0 ] || fail "$run: exit code $code: $(cat "$run.log")"
    same_run one "$run" 6
}

hosts 2 auto "$@"
grep -q '^buckets: [1-9][0-9]* of [0-9]* were sent before' auto.log || fail "$(cat auto.log)"
hosts 4 test "$@" --set exchange.progress=test
grep -q '×2, .* ×2' test.log || fail "$(cat test.log)"
hosts 3 owners "$@"
