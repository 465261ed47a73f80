# Buckets and what drives them change no bit: the hash of parameters and moments is that of one rank. The end of a run
# says where its time went; `bench exchange` prints its table.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1

make_tone
make_config config.yaml
set -- --set train.steps=6 --set validation.every=0
train_ok one "$@"
said one.log 'time of a step: '
grep -q '^exposed exchange' one.log && fail "one rank has nothing to exchange: $(cat one.log)"

# the network has 23 KiB: twenty buckets, three, one
for ranks in 2 3; do
    for bucket in 0.001 0.01 4096; do
        for progress in test thread after; do
            run=ranks-$ranks-$bucket-$progress
            train_ok "$run" "$@" --set exchange.bucket=$bucket --set exchange.progress=$progress
            same_run one "$run" 6
            grep -q '^exposed exchange, median: [0-9.]* ms of a step' "$run.log" || fail "$run: $(cat "$run.log")"
        done
    done
done

# several waves, other ones on each rank; threads; no power of two
OMP_NUM_THREADS=2 ranks=3 train_ok waves "$@" --set exchange.bucket=0.005 --set train.lanes_at_once=1
same_run one waves 6
OMP_NUM_THREADS=2 OMP_PROC_BIND=true ranks=3 train_ok bound "$@" --set exchange.progress=thread \
    --set exchange.bucket=0.005 --set train.lanes_at_once=2
same_run one bound 6

# a resume may have other buckets
ranks=2 train_ok resumed "$@" --set train.steps=3 --set schedule.warmup=2 --set exchange.bucket=0.003
ranks=3 train_ok resumed "$@" --set schedule.warmup=2 --set exchange.progress=thread
grep -q 'exchange' <(grep '^warning' resumed.log) && fail "$(cat resumed.log)"

# out of range
expect_error 2 'exchange.bucket' "$WAVETRAIN" train config.yaml --run x --set exchange.bucket=0
expect_error 2 'exchange.progress' "$WAVETRAIN" train config.yaml --run x --set exchange.progress=fast

expect_ok "$MPIRUN" 2 "$WAVETRAIN" bench exchange --rounds 1 --bucket 8 --csv bench.csv
[ "$(wc -l <bench.csv)" = 12 ] || fail "bench.csv: $(cat bench.csv)"
awk -F, 'NR > 1 && (NF != 10 || $1 != 2 || $2 != 65536 * 2 ^ (NR - 2) || $3 <= 0 || $4 <= 0 || $10 <= 0) { exit 1 }' bench.csv ||
    fail "bench.csv: $(cat bench.csv)"
expect_error 2 '--rounds: out of range (got 0' "$WAVETRAIN" bench exchange --rounds 0
expect_error 2 'exchange.bucket' "$WAVETRAIN" bench exchange --bucket -1
