# The build with the thread sanitizer reports planted races, of our threads and of OpenMP's, and nothing else:
# without Archer the orderly program would be full of them.
set -eu
. "$SOURCE/tests/expect.sh"
export OMP_NUM_THREADS=2
planted=$(dirname "$WAVETRAIN")/tests/base/planted_race

expect_ok "$planted" none
[ "$(cat out.txt)" = '2000 499500' ] || fail "none: $(cat out.txt)"
[ ! -s err.txt ] || fail "none: $(cat err.txt)"

# reported KIND FUNCTION: the race is reported, in the function
reported() {
    local code=0
    "$planted" "$1" >out.txt 2>err.txt || code=$?
    [ $code = 66 ] || fail "$1: exit code $code, expected 66: $(cat err.txt)"
    said err.txt 'WARNING: ThreadSanitizer: data race'
    said err.txt "$2"
}
reported thread '#0 add_unlocked '
reported team '#0 .omp_outlined.'
reported pair '#0 write_values '
