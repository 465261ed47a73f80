# The golden hashes: training, evaluation and generation give what they gave. With a pattern, those cases
# alone, and faults that must be found: a hash that differs, cases that must agree and don't, keys that are
# all missing.
set -eu
. "$SOURCE/tests/expect.sh"
golden="$SOURCE/tests/golden/golden.sh"
if [ $# = 0 ]; then
    "$golden" check
    exit
fi

"$golden" record "$WAVETRAIN" record.tsv "$1"
"$golden" verify record.tsv

# another program beside this one, which learns at another rate
printf '#!/bin/sh\nif [ "$1" = train ]; then set -- "$@" --set optimizer.learning_rate=0.02; fi\nexec "%s" "$@"\n' "$WAVETRAIN" >other
chmod +x other
export GOLDEN_BUILDS=$PWD/builds
expect_ok "$golden" compare "$WAVETRAIN" '^flat/.*/bf16/'
said out.txt ' cases compared with '
"$golden" compare ./other '^flat/.*/bf16/' >out.txt && fail "another program is not told apart"
said out.txt 'DIFFERS'

hash=00000000000000000000000000000000
at=$(awk -F'\t' '$2 == "parameters" && $1 ~ /avx|bf16/ { print NR; exit }' record.tsv)
[ -n "$at" ] || fail "no case has parameters"
awk -F'\t' -v OFS='\t' -v at="$at" -v hash=$hash 'NR == at { $4 = hash } 1' record.tsv >other.tsv
cmp -s record.tsv other.tsv && fail "nothing was changed"
"$golden" verify other.tsv >out.txt && fail "another hash passes"
said out.txt "$(awk -F'\t' -v at="$at" 'NR == at { print "DIFFERS\t" $1 "\t" $2 }' record.tsv)"

awk -F'\t' '$3 == "fma"' record.tsv >two.tsv
awk -F'\t' -v OFS='\t' -v hash=$hash '$2 == "metrics" && !n++ { $4 = hash } 1' two.tsv >other.tsv
if [ -s two.tsv ] && grep -q /avx2/ two.tsv && grep -q /avx512/ two.tsv; then
    "$golden" keep other.tsv 2>err.txt && fail "cases that must agree do not, and are kept"
    said err.txt 'must agree'
fi

sed 's/^[^\t]*/elsewhere/' "$SOURCE/tests/golden/hashes.tsv" >elsewhere.tsv
GOLDEN_HASHES=$PWD/elsewhere.tsv "$golden" verify record.tsv >out.txt && fail "a check of nothing passes"
said out.txt 'hashes.tsv has no key: '
said out.txt 'nothing was compared'

sed 's/\tmetrics\t/\tfailed\t/' record.tsv >other.tsv
"$golden" verify other.tsv >out.txt && fail "a case that failed passes"
said out.txt 'FAIL: '
