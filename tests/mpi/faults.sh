# Functions for tests of a run that is harmed; sourced. They need the library of tests/faults beside the
# program.
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=

faults=$(dirname "$WAVETRAIN")/tests/faults/libwavetrain_faults.so
[ -e "$faults" ] || fail "there is no $faults"

# under FAULT: the words that go before the program so that it meets WT_FAULT, a line each, also behind mpirun
# (the sanitizers' library does not mind then that it is not the first one).
under() {
    printf '%s\n' env "LD_PRELOAD=$faults" "WT_FAULT=$1" \
        "ASAN_OPTIONS=verify_asan_link_order=0:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
}

# harmed_train FAULT RUN ARGUMENT…: as `train`; returns the exit code.
harmed_train() {
    local words run=$2
    mapfile -t words < <(under "$1")
    shift 2
    ${ranks:+"$MPIRUN" "$ranks"} "${words[@]}" "$WAVETRAIN" train config.yaml --run "$run" "$@" >"$run.log" 2>&1
}

# code_of COMMAND…: its exit code, for a command that may fail
code_of() {
    local code=0
    "$@" || code=$?
    echo $code
}

# errors_of RUN: the lines of its log that are errors
errors_of() {
    grep '^wavetrain: ' "$1.log" || true
}

# seconds_since TIME ($EPOCHREALTIME): with one decimal
seconds_since() {
    awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

# within SECONDS LIMIT: the limit is that of the released program
within() {
    awk -v a="$1" -v b="$2" -v slowness="${SLOWNESS:-1}" 'BEGIN { exit !(a <= b * slowness) }' || fail "it took $1 s, expected at most $2 × ${SLOWNESS:-1}"
}
