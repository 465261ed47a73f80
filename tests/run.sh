#!/bin/bash
# tests/run.sh [--quick] [CTEST-ARGUMENT...]
# Sets up, builds and runs all tests: with address and undefined-behaviour sanitizers, those with threads of
# their own with the thread sanitizer, the fuzz targets for ten seconds each, then all as released. Arguments
# go to ctest, for example
#   tests/run.sh -L mpi      tests/run.sh -R generate
#   --quick (or WT_QUICK=1)  only the quick tests, only as released
set -eu -o pipefail
cd "$(dirname "$0")/.."

quick=${WT_QUICK:-0}
if [ "${1-}" = --quick ]; then
    quick=1
    shift
fi

# phase WORDS…: where the time goes, in seconds; the end of the output lists it
phase() {
    local now=$SECONDS
    [ -z "${phase-}" ] || printf '%6d s  %s\n' $((now - since)) "$phase" >>"$work/phases"
    phase=$* since=$now
}

# build PRESET
build() {
    phase "build, $1"
    cmake --preset "$1" -DWT_TESTS=ON >"$work/configure" || { cat "$work/configure"; return 1; }
    cmake --build --preset "$1" --parallel "$(nproc)" >"$work/build" || { cat "$work/build"; return 1; }
}

# check PRESET ARGUMENT... (ctest does not show why a test was skipped)
check() {
    local preset=$1 folder=build status=0
    [ "$preset" = release ] || folder=build/$preset
    shift
    phase "tests, $preset build"
    echo
    echo "tests, $preset build:"
    ${fixed[@]+"${fixed[@]}"} ctest --preset "$preset" -j$((2 * $(nproc))) "$@" 2>&1 | tee "$work/$preset" || status=$?
    grep -sE '^skipped: |^\[  SKIPPED \] [a-z_]+$' "$folder/Testing/Temporary/LastTest.log" || true
    return $status
}

# Several tests run at once, so threads that wait give up their core.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY-passive}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
phase set-up
if [ "$quick" = 1 ]; then jobs/setup.sh --tests; else jobs/setup.sh --tests --threads --recordings --voices; fi
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR-Ninja}; fi

if [ "$quick" = 1 ]; then
    build release
    check release -L quick "$@"
    exit
fi

# The released program is tested last, so that its summary is at the end of the output, before the seconds of
# each phase and the summaries of what failed. In a run of all tests, its tests on a SLURM cluster, which wait
# more than they work, run at the same time as the first build's.
# Leaks are told apart by the libraries in their stacks, which takes the slow unwinder: libc has no frame
# pointers. The leak checker crashes on the thread-local storage of libraries that are loaded later, unless it
# leaves it alone.
export ASAN_OPTIONS=fast_unwind_on_malloc=0:intercept_tls_get_addr=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}
build release
build asan
build threads
build fuzz
failed=
beside=''
if [ $# = 0 ]; then
    ctest --preset release -R '^test_slurm$' -V >"$work/cluster" 2>&1 &
    beside=$!
fi
check asan "$@" || failed=asan
# The thread sanitizer can't place its memory where a kernel spreads addresses widely.
fixed=()
if setarch -R true 2>/dev/null; then fixed=(setarch -R); fi
check threads ${1+--no-tests=ignore} "$@" || failed="$failed threads"
fixed=()
check fuzz ${1+--no-tests=ignore} "$@" || failed="$failed fuzz"
if [ -n "$beside" ]; then
    wait $beside || failed="$failed cluster"
    echo
    echo "tests on a SLURM cluster, release build:"
    sed -n 's/^[0-9]*: //p; /tests passed/p' "$work/cluster"
    set -- -E '^test_slurm$'
fi
check release "$@" || failed="$failed release"
phase end
echo
cat "$work/phases"
echo "in all $SECONDS s"
for preset in $failed; do
    echo
    echo "failed: $preset"
    sed -n '/tests passed,/,$p' "$work/$preset"
done
[ -z "$failed" ]
