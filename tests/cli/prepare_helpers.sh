# Functions for the tests of wavetrain prepare; sourced. WAVETRAIN is the program, $1 of the test make_sounds.
. "$SOURCE/tests/expect.sh"
make_sounds=$1

# sound PATH RATE CHANNELS FRAMES KIND…: a sound file; its folder is made.
sound() {
    mkdir -p "$(dirname "$1")"
    "$make_sounds" "$@" || fail "make_sounds $*"
}

# column SPLIT N: field N of a split's line in the report.
column() {
    awk -v name="$1" -v n="$2" '$1 == name {gsub(",", "", $n); print $n}' report.txt
}
