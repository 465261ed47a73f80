# Overlap: the end of a run says how much of a step only waited for gradients; a resume may have other
# buckets; `bench exchange` prints its table. That no bucket and no way of driving it changes a bit is in
# test_one_answer.sh.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1

make_tone
make_config config.yaml
set -- --verbose --set train.steps=6 --set validation.every=0
train_ok one "$@"
said one.log 'time of a step: '
grep -q '^exposed exchange' one.log && fail "one rank has nothing to exchange: $(cat one.log)"
for progress in test thread after; do
    ranks=2 train_ok $progress "$@" --set exchange.progress=$progress
    grep -q '^exposed exchange, median: [0-9.]* ms of a step' $progress.log || fail "$progress: $(cat $progress.log)"
done

# a resume may have other buckets
ranks=2 train_ok resumed "$@" --set train.steps=3 --set schedule.warmup=2 --set exchange.bucket=0.003
ranks=3 train_ok resumed "$@" --set schedule.warmup=2 --set exchange.progress=thread
grep -q 'exchange' <(grep '^warning' resumed.log) && fail "$(cat resumed.log)"

# out of range
expect_error 2 'exchange.bucket' "$WAVETRAIN" train config.yaml --run x --set exchange.bucket=-1
expect_error 2 'exchange.progress' "$WAVETRAIN" train config.yaml --run x --set exchange.progress=fast

expect_ok "$MPIRUN" 2 "$WAVETRAIN" bench exchange --rounds 1 --bucket 8 --csv bench.csv
[ "$(wc -l <bench.csv)" = 12 ] || fail "bench.csv: $(cat bench.csv)"
awk -F, 'NR > 1 && (NF != 10 || $1 != 2 || $2 != 65536 * 2 ^ (NR - 2) || $3 <= 0 || $4 <= 0 || $10 <= 0) { exit 1 }' bench.csv ||
    fail "bench.csv: $(cat bench.csv)"
expect_error 2 '--rounds: out of range (got 0' "$WAVETRAIN" bench exchange --rounds 0
expect_error 2 'exchange.bucket' "$WAVETRAIN" bench exchange --bucket -1
