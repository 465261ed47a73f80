# Functions for the tests of wavetrain prepare; sourced. WAVETRAIN is the program, $1 of the test make_sounds.
make_sounds=$1

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# sound PATH RATE CHANNELS FRAMES KIND…: a sound file; its folder is made.
sound() {
    mkdir -p "$(dirname "$1")"
    "$make_sounds" "$@" || fail "make_sounds $*"
}

# expect_error CODE WORDS COMMAND…: the command ends with CODE, one line on standard error that has the WORDS,
# nothing on standard output, and no partial data set anywhere below.
expect_error() {
    local code=$1 words=$2 got=0
    shift 2
    "$@" >out.txt 2>err.txt || got=$?
    [ "$got" = "$code" ] || fail "$*: exit code $got, expected $code: $(cat err.txt)"
    [ "$(wc -l <err.txt)" = 1 ] || fail "$*: not one line of error: $(cat err.txt)"
    grep -qF -- "$words" err.txt || fail "$*: no '$words' in: $(cat err.txt)"
    grep -q '^wavetrain: ' err.txt || fail "$*: not an error of wavetrain: $(cat err.txt)"
    [ ! -s out.txt ] || fail "$*: something on standard output: $(cat out.txt)"
    no_leftovers
}

no_leftovers() {
    local left
    left=$(find . -name '*partial*' -o -name '*.tmp-*')
    [ -z "$left" ] || fail "left behind: $left"
}

# column SPLIT N: field N of a split's line in the report.
column() {
    awk -v name="$1" -v n="$2" '$1 == name {gsub(",", "", $n); print $n}' report.txt
}
