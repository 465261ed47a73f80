# The overfitting test as a user runs it: configs/sine.yaml learns the tone in two minutes, and what the
# network then generates, drawn at temperature 1 from silence, is that tone. $1: spectrum
set -eu
. "$SOURCE/tests/runs.sh"
spectrum=$1
export OMP_NUM_THREADS=2

expect_ok "$WAVETRAIN" prepare simulate sine --out data/sine
start=$SECONDS
expect_ok "$WAVETRAIN" train "$SOURCE/configs/sine.yaml"
echo "trained in $((SECONDS - start)) s"
# the limit is for the program as released: a build with sanitizers is slower by a factor
[ $((SECONDS - start)) -le 120 ] || nm "$WAVETRAIN" | grep -q __asan_init ||
    fail "it took $((SECONDS - start)) s"
for seed in 1 2 3; do
    expect_ok "$WAVETRAIN" generate runs/sine --seconds 1 --seed $seed --out sine-$seed.wav
    "$spectrum" sine-$seed.wav 500 20 0.95 || fail "less than 95 %"
done
# an untrained network makes none
expect_ok "$WAVETRAIN" train "$SOURCE/configs/sine.yaml" --run untrained \
    --set train.steps=1 --set schedule.warmup=0
expect_ok "$WAVETRAIN" generate untrained --seconds 1 --out noise.wav
! "$spectrum" noise.wav 500 20 0.2 || fail "a network without training makes a tone"
