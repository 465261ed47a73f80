# More threads than processors are refused, in one line and with code 2, on any number of ranks, bound or not,
# unless told; ranks that are told no number of threads share what there is; and what a run got is said.
set -eu
. "$SOURCE/tests/runs.sh"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export WAVETRAIN_OVERSUBSCRIBE=

make_tone
make_config config.yaml
sed -i "s/warmup: 5/warmup: 0/" config.yaml
set -- train config.yaml --set train.steps=2 --set validation.every=0
core=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//') # the first that there is
one=(taskset -c "$core")

# refused WORDS COMMAND…
refused() {
    rm -rf run
    expect_error 2 "$1" "${@:2}" --run run
    [ ! -e run ] || fail "a run that never began has a folder"
}

# runs WORDS COMMAND…: and its binding has the words
runs() {
    rm -rf run
    expect_ok "${@:2}" --run run
    grep -q "^binding .*$1" err.txt || fail "${*:2}: no binding '$1': $(cat err.txt)"
    grep -q 'verdict: done' run/run.yaml || fail "$(cat run/run.yaml)"
}

export OMP_NUM_THREADS=2
refused "(got 1 rank × 2 threads, expected at most 1 thread on processors $core that" "${one[@]}" "$WAVETRAIN" "$@"
refused "(got 2 ranks × 2 threads, expected at most 1 " "${one[@]}" "$MPIRUN" 2 "$WAVETRAIN" "$@"
OMP_NUM_THREADS=1 refused "(got 3 ranks × 1 thread, expected at most 1 " "${one[@]}" "$MPIRUN" 3 "$WAVETRAIN" "$@"
OMP_NUM_THREADS=$(($(nproc --all) + 1)) refused "more threads than processors (got 1 rank × " "$WAVETRAIN" "$@"
WAVETRAIN_OVERSUBSCRIBE=0 refused "more threads than processors" "${one[@]}" "$WAVETRAIN" "$@"

# told
runs "each rank may use processors $core\$" "${one[@]}" "$MPIRUN" 2 "$WAVETRAIN" "$@" --oversubscribe
said err.txt 'ranks × threads 2 × 2'
WAVETRAIN_OVERSUBSCRIBE=1 runs "processors $core\$" "${one[@]}" "$MPIRUN" 2 "$WAVETRAIN" "$@"

# threads that OpenMP binds, and threads that nobody asked for
OMP_NUM_THREADS=1 OMP_PROC_BIND=true runs 'processors' "$WAVETRAIN" "$@"
unset OMP_NUM_THREADS
runs 'processors' "$WAVETRAIN" "$@"
launch=(mpirun -q --oversubscribe --bind-to none)
count=$(($(nproc) < 4 ? $(nproc) : 4))
export OMPI_MCA_mpi_yield_when_idle=1
runs 'each rank may use processors' "${launch[@]}" -n $count "$WAVETRAIN" "$@"
said err.txt "ranks × threads $count × $(($(nproc) / count))"

# a run that is there says so; other commands refuse too
WAVETRAIN_OVERSUBSCRIBE=1 expect_ok "$WAVETRAIN" "$@" --run kept
export OMP_NUM_THREADS=2
expect_error 2 'more threads than processors' "${one[@]}" "$WAVETRAIN" "$@" --run kept --set train.steps=4
[ "$(verdict_of kept)" = done ] || fail "a refused start has left the verdict $(verdict_of kept)"
grep -q '^- {.*verdict: refused, why: ".*more threads than processors' kept/run.yaml || fail "$(grep '^- ' kept/run.yaml)"
expect_error 2 'more threads than processors' "${one[@]}" "$WAVETRAIN" evaluate kept
expect_error 2 'more threads than processors' "${one[@]}" "$WAVETRAIN" bench step --model S --targets 10 --threads 3
expect_error 2 'more threads than processors' "${one[@]}" "$MPIRUN" 2 "$WAVETRAIN" bench exchange --to 64
