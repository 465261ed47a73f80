#!/bin/bash
# Golden hashes: what training, evaluation and generation give, to the last bit, over a covering choice of
# cases.
#     golden.sh cases [PATTERN]                    the cases, one a line
#     golden.sh record PROGRAM OUT.tsv [PATTERN]   runs them with PROGRAM: a line per case and quantity
#     golden.sh compare COMMIT|PROGRAM [PATTERN]   records this build ($WAVETRAIN, or build/wavetrain) and the
#                                                  other one; lists what differs. A commit is built once, in
#                                                  build/golden/COMMIT.
#     golden.sh check [PATTERN]                    records this build, and verifies that
#     golden.sh verify RECORD.tsv                  compares a record with hashes.tsv
#     golden.sh keep RECORD.tsv                    puts a record's hashes into hashes.tsv
# PATTERN is an extended regular expression on a case's name,
# NETWORK/KIND/KERNELS/ACTIVATIONS/tTHREADS/rRANKS. Exit code 1: something differs or failed. Environment:
# GOLDEN_JOBS cases at once (default: two for each processor, since starts wait), GOLDEN_BUILDS a folder for
# builds of other commits.
#
# The rule that makes cases of the lines of the file `cases`. Network n has a case for each set of kernels:
# avx512, avx2, openblas, reference, bf16 (of the fastest set), and every fifth bf16-avx2. Their places
# (activations, threads, ranks) are those of the orthogonal array `places`, beginning with the row n + n / 4,
# so that each two of the three occur in each combination within each network, and each place with each set of
# kernels. The configuration kind is the n-th (avx512 and avx2, which must agree although their places
# differ), n + 1st (openblas), n + 2nd (reference), n + 3rd (bf16), so that each network has each kind and
# each kind each set. A file of configs/ is its own kind. `golden.sh cases` verifies the pairs.
#
# A hash's key says what it may depend on: fma (kernels with fused multiply-adds, which share one), bf16
# (native or made of other instructions), or the kernels with the C library and, for OpenBLAS, the core that
# OpenBLAS chose. Neither activations nor threads nor ranks are in it: cases that differ in these alone must
# agree.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=${SOURCE:-$(cd "$here/../.." && pwd)}
MPIRUN=${MPIRUN:-$SOURCE/tests/mpirun.sh}
program=${WAVETRAIN:-$SOURCE/build/wavetrain}
hashes=${GOLDEN_HASHES:-$here/hashes.tsv}
places=(kept,1,1 kept,3,3 recomputed,1,3 recomputed,3,1)
export LC_ALL=C WAVETRAIN_OVERSUBSCRIBE=1 OMP_WAIT_POLICY=passive OMP_PROC_BIND=false
. "$SOURCE/tests/expect.sh"
. "$here/data.sh"
. "$here/measure.sh"

# section NAME: the lines of a table of the file `cases`
section() {
    awk -v name="[$1]" '/^\[/ { on = $0 == name; next } on && !/^#/ && NF' "$here/cases"
}

# list_cases: NETWORK/KIND/KERNELS/ACTIVATIONS/tTHREADS/rRANKS for each case
list_cases() {
    local kinds
    kinds=$(section kinds | sed 's/ *=.*//' | paste -sd' ')
    section networks | awk -F ' *[|] *' -v kinds="$kinds" -v places="${places[*]}" '
        BEGIN { K = split(kinds, kind, " "); P = split(places, place, " ") }
        function case(kernels, shift, turn) {
            split(place[(n + int(n / P) + turn) % P + 1], p, ",")
            printf "%s/%s/%s/%s/t%s/r%s\n", $1, $4 == "none" ? "own" : kind[(n + shift) % K + 1], kernels, p[1], p[2], p[3]
        }
        {
            case("avx512", 0, 0); case("avx2", 0, 1); case("openblas", 1, 2)
            if ($3 == "all") case("reference", 2, 3)
            case("bf16", 3, 0 + int(n / 2))
            if (n % 5 == 1 && $3 == "all") case("bf16-avx2", 3, 1 + int(n / 2))
            n++
        }'
}

# uncovered: reads cases; each pair of values of two columns that no case has (a network and "reference",
# where plain loops are too slow, apart; kinds "own" too)
uncovered() {
    awk -F/ '
        { for (i = 1; i <= 6; i++) { value[i, $i] = 1; for (j = i + 1; j <= 6; j++) pair[i, $i, j, $j] = 1; if ($2 == "own") own[$1] = 1 } }
        END {
            for (x in value) for (y in value) {
                split(x, a, SUBSEP); split(y, b, SUBSEP)
                if (a[1] >= b[1] || pair[a[1], a[2], b[1], b[2]]) continue
                if (a[1] == 1 && (b[2] ~ /^bf16-avx2$/ || own[a[2]] && (b[1] == 2 || b[2] == "reference") || b[2] == "own")) continue
                print a[2] " with " b[2]
            }
        }'
}

# record PROGRAM OUT PATTERN: CASE, quantity, key, hash; sorted
record() {
    local out=$2
    program=$(realpath "$1")
    list_cases | grep -E -- "${3:-.}" >/dev/null || fail "no case is like '$3'"
    folder=$(mktemp -d "${TMPDIR:-/tmp}/golden.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    (
        cd "$folder"
        make_data
        find_machine
        for text in data/*.txt; do
            line "data/$(basename "$text" .txt)" digests any "$(sed 's/, in [0-9.]* s$//; /^  per part /d; /^ \{14\}/d' "$text" | hashed)"
        done >data.tsv
        export WAVETRAIN="$program" MPIRUN SOURCE blas libc
        list_cases | grep -E -- "${3:-.}" |
            xargs -P "${GOLDEN_JOBS:-$((2 * $(nproc)))}" -n 1 "$BASH" "$here/golden.sh" measure
    ) || return 1
    sort "$folder"/*.tsv >"$out"
    awk -F'\t' '$2 == "failed" { print "FAIL: " $1 ": " $4; bad = 1 } END { exit bad }' "$out" >&2
}

# disagreements RECORD: cases whose keys say that they must agree, and that do not
disagreements() {
    awk -F'\t' '
        $2 == "skipped" || $2 == "failed" { next }
        {
            split($1, part, "/"); at = $3 FS part[1] "/" part[2] FS $2
            if (!(at in hash)) { hash[at] = $4; first[at] = $1 }
            else if (hash[at] != $4) { print "DIFFERS\t" $2 "\t" first[at] "\t" $1; bad = 1 }
        }
        END { exit bad }' "$1"
}

# differences OLD NEW: each case and quantity
differences() {
    awk -F'\t' '
        FNR == NR { old[$1 FS $2] = $4; next }
        { at = $1 FS $2; count++
          if (!(at in old)) { print "ONLY NEW\t" at; bad = 1 }
          else if (old[at] != $4) { print "DIFFERS\t" at ($2 == "failed" ? "\t" $4 : ""); bad = 1 }
          delete old[at] }
        END { for (at in old) { print "ONLY OLD\t" at; bad = 1 }
              if (!count) { print "nothing was compared"; bad = 1 }
              exit bad }' "$1" "$2"
}

# built COMMIT: builds it, if that has not been done; prints the program's path
built() {
    local commit folder
    commit=$(git -C "$SOURCE" rev-parse --verify --quiet "$1^{commit}") || fail "$1: is neither a program nor a commit"
    folder=${GOLDEN_BUILDS:-$SOURCE/build/golden}/$commit
    if [ ! -x "$folder/build/wavetrain" ]; then
        mkdir -p "$folder"
        git -C "$SOURCE" archive "$commit" | tar -x -C "$folder"
        (cd "$folder" && cmake --preset release -DWT_TESTS=OFF && cmake --build --preset release --parallel "$(nproc)") \
            >"$folder/build.log" 2>&1 || fail "$1 does not build: $(tail -n 5 "$folder/build.log")"
    fi
    echo "$folder/build/wavetrain"
}

# record_once PROGRAM PATTERN: prints the path of the record of that very program, made if it is not there
record_once() {
    local sum file
    sum=$( (cat "$1" "$here"/cases "$here"/*.sh; echo "${2:-}") | hashed)
    file=${GOLDEN_BUILDS:-$SOURCE/build/golden}/$sum.tsv
    mkdir -p "$(dirname "$file")"
    [ -s "$file" ] || { record "$1" "$file.part" "${2:-}" && mv "$file.part" "$file"; } || return 1
    echo "$file"
}

compare() {
    local other old new bad=0
    if [ -f "$1" ] && [ -x "$1" ]; then other=$1; else other=$(built "$1"); fi
    old=$(record_once "$other" "${2:-}") || fail "$other: the record of the other program failed"
    new=$(mktemp "${TMPDIR:-/tmp}/golden-new.XXXXXX")
    record "$program" "$new" "${2:-}" || bad=1
    differences "$old" "$new" || bad=1
    disagreements "$new" || bad=1
    echo "$(wc -l <"$new") hashes of $(cut -f1 "$new" | sort -u | wc -l) cases compared with $other"
    rm -f "$new"
    return $bad
}

check() {
    local new bad=0
    list_cases | uncovered | sed 's/^/not covered: /' | grep . && bad=1
    new=$(mktemp "${TMPDIR:-/tmp}/golden-new.XXXXXX")
    record "$program" "$new" "${1:-}" || bad=1
    verify "$new" || bad=1
    rm -f "$new"
    return $bad
}

# verify RECORD: what hashes.tsv has no key for is skipped, with the reason; that nothing is left is a failure
verify() {
    local bad=0
    disagreements "$1" || bad=1
    awk -F'\t' '
        FNR == NR { kept[$1 FS $2 FS $3] = $4; keys[$1] = 1; next }
        $2 == "failed" { print "FAIL: " $1 ": " $4; bad = 1; next }
        $2 == "skipped" { skipped["not on this machine: " $4]++; next }
        {
            split($1, part, "/"); at = $3 FS part[1] "/" part[2] FS $2
            if (at in kept) { same += $3 != "any" && kept[at] == $4; if (kept[at] != $4) { print "DIFFERS\t" $1 "\t" $2; bad = 1 } }
            else if ($3 in keys) { print "NOT KEPT\t" $1 "\t" $2; bad = 1 }
            else skipped["hashes.tsv has no key: " $3]++
        }
        END {
            for (why in skipped) print "skipped: " skipped[why] " hashes: " why
            print same + 0 " hashes are the same"
            if (!same) { print "FAIL: nothing was compared"; bad = 1 }
            exit bad
        }' "$hashes" "$1" || bad=1
    return $bad
}

# keep RECORD: its keys replace those of hashes.tsv
keep() {
    disagreements "$1" || fail "$1: cases that must agree do not"
    touch "$hashes"
    awk -F'\t' -v OFS='\t' '
        FNR == NR { if ($2 != "skipped") { split($1, part, "/"); fresh[$3] = 1; print $3, part[1] "/" part[2], $2, $4 }; next }
        !($1 in fresh)' "$1" "$hashes" | sort -u >"$hashes.part"
    mv "$hashes.part" "$hashes"
}

command=${1:-}
shift || true
case $command in
cases)
    list_cases | grep -E -- "${1:-.}"
    list_cases | uncovered | sed 's/^/not covered: /' >&2
    ;;
record) record "$1" "$2" "${3:-}" ;;
compare) compare "$@" ;;
check) check "$@" ;;
verify) verify "$1" ;;
keep) keep "$1" ;;
measure) measure "$1" ;;
*)
    sed -n '2,/^# builds/p' "$here/golden.sh" | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
