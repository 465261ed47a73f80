# Functions for tests of the program that are shell scripts; sourced. A test stops at its first failure.

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# expect_ok COMMAND…: the command succeeds; its output is left in out.txt and err.txt.
expect_ok() {
    "$@" >out.txt 2>err.txt || fail "$*: exit code $?: $(cat err.txt)"
}

# expect_error CODE WORDS COMMAND…: the command ends with CODE, and says so in one line on standard error that
# has the WORDS (warnings may stand before it), nothing on standard output, and leaves no partial file below.
expect_error() {
    local code=$1 words=$2 got=0
    shift 2
    "$@" >out.txt 2>err.txt || got=$?
    [ "$got" = "$code" ] || fail "$*: exit code $got, expected $code: $(cat err.txt)"
    [ "$(grep -vc '^warning: ' err.txt)" = 1 ] || fail "$*: not one line of error: $(cat err.txt)"
    grep -q '^wavetrain: ' err.txt || fail "$*: not an error of wavetrain: $(cat err.txt)"
    grep -v '^warning: ' err.txt | grep -qF -- "$words" || fail "$*: no '$words' in: $(cat err.txt)"
    [ ! -s out.txt ] || fail "$*: something on standard output: $(cat out.txt)"
    no_leftovers
}

no_leftovers() {
    local left
    left=$(find . -name '*partial*' -o -name '*.tmp-*')
    [ -z "$left" ] || fail "left behind: $left"
}

# said FILE WORDS: the file has the words.
said() {
    grep -qF -- "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"
}

# python_with MODULE…: the first Python that has them, of $PYTHON_COMPARE, jobs/setup.sh --compare, the PATH
# and Debian; nothing if none has
python_with() {
    local python
    for python in ${PYTHON_COMPARE-} "${SOURCE-.}/build/compare/bin/python" python3 /usr/bin/python3; do
        if "$python" -c "import $(IFS=,; echo "$*")" 2>/dev/null; then echo "$python"; return; fi
    done
}
