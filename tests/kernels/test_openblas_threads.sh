# The three builds of OpenBLAS that Debian has (for one thread, with threads, with OpenMP), each found by the
# loader's path, called from several threads: the same bits in training and generation, on every run.
set -eu
. "$SOURCE/tests/runs.sh"
export WAVETRAIN_OVERSUBSCRIBE=1

folders=$(echo /usr/lib/*/openblas-pthread)
builds=(serial openmp)
for build in "${builds[@]}"; do
    [ -e "${folders%-pthread}-$build/libopenblas.so.0" ] ||
        { echo "skipped: there is no libopenblas0-$build (jobs/setup.sh --tests installs it)"; exit 77; }
done

make_tone
cat >config.yaml <<'YAML'
model: {stacks: 1, layers: 6, residual: 24, gate: 24, skip: 32}
data: {path: tone, window: 800, quantization: mulaw:64}
train: {batch: 8, steps: 8, microbatches: 2}
validation: {every: 0}
run: {backend: openblas}
YAML
warning='this OpenBLAS was built for one thread'

# trains RUN BUILD THREADS
trains() {
    LD_LIBRARY_PATH=${folders%-pthread}-$2${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} OMP_NUM_THREADS=$3 train_ok "$1"
}

trains alone pthread 1
for build in pthread "${builds[@]}"; do
    for try in 1 2; do
        trains $build-$try $build 3
        [ "$(hash_of alone)" = "$(hash_of $build-$try)" ] || fail "$build, run $try: other bits than with one thread"
    done
    [ "$(grep -c "$warning" $build-1.log)" = $([ $build = serial ] && echo 1 || echo 0) ] || fail "$(cat $build-1.log)"
    LD_LIBRARY_PATH=${folders%-pthread}-$build OMP_NUM_THREADS=3 \
        "$WAVETRAIN" generate alone --count 4 --seconds 0.05 --out $build.wav >generate.txt 2>&1 || fail "$(cat generate.txt)"
    for piece in 1 2 3 4; do
        cmp -s pthread-$piece.wav $build-$piece.wav || fail "$build, piece $piece: another sound"
    done
done
trains serial-alone serial 1
! grep "$warning" serial-alone.log || fail "a warning for one thread"
