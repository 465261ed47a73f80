# wavetrain prepare text: every way to split, what it reports, wrong input, the same bytes on any number of
# ranks.
set -eu
. "$SOURCE/tests/expect.sh"

# text OPTION…: prepares, the report in report.txt
text() {
    "$WAVETRAIN" prepare text "$@" >report.txt 2>log.txt || fail "prepare text $*: $(cat log.txt)"
    no_leftovers
}

# column SPLIT N: of the report's table, without the commas
column() {
    awk -v split_="$1" -v n="$2" '$1 == split_ { gsub(",", "", $n); print $n }' report.txt
}

reported() {
    grep -qE -- "$1" report.txt || fail "no '$1' in the report: $(cat report.txt)"
}

# Some thousand made-up names: 2,000 different ones, a few with letters beyond ASCII, capitals and a hyphen.
names() {
    awk 'BEGIN {
        split("an be ci do el fa gu ho il jo ka lu mi no or pe", part, " ")
        for (i = 0; i < 2000; i++) {
            name = part[1 + i % 16] part[1 + int(i / 16) % 16] part[1 + int(i / 256) % 16]
            if (i % 50 == 0) name = name "-" toupper(part[3])
            if (i % 70 == 0) name = name "é"
            print name
        }
    }'
}
names >names.txt
characters=$(sed 's/é/e/' names.txt | wc -c) # a byte each, the ends of lines counted as end marks

# --- lines, by what they hold ---
text --lines names.txt --out lines
reported '^lines: 2,000 items, [0-9,]+ characters with the end marks, 23 symbols'
reported 'symbols +the end mark, - C I a b c d e f g h i j k l m n o p r u é'
reported 'dropped +0 of '
[ $(($(column train 2) + $(column validation 2) + $(column test 2))) = 2000 ] || fail "items: $(cat report.txt)"
[ $(($(column train 3) + $(column validation 3) + $(column test 3))) = "$characters" ] || fail "characters"
[ "$(column train 4)" = "$(column train 3)" ] || fail "examples are not all characters"
cp report.txt whole.txt
"$WAVETRAIN" inspect lines >inspected.txt
said inspected.txt '23 symbols: the end mark, - C I a b'
said inspected.txt "train            $(column train 2) items, $(column train 3) characters with the end marks, $(column train 4) examples"

# lines added: those that were there stay where they were, equal ones together
{ echo new; cat names.txt; echo ananané-CI; sed -n 3p names.txt; } >more.txt
text --lines more.txt --out more
if command -v h5dump >/dev/null; then
    # items_of SPLIT FOLDER OFFSET: line numbers, less the offset
    items_of() {
        h5dump -d utterances/id "$2/$1-00000.h5" | grep -oE '"[a-z.]*:[0-9]+' | sed 's/.*://' |
            awk -v o="$3" '$1 - o >= 1 && $1 - o <= 2000 { print $1 - o }' | sort -n
    }
    for split in train validation test; do
        items_of $split lines 0 >before.txt
        items_of $split more 1 >after.txt
        [ -s before.txt ] || fail "no ids in $split"
        cmp -s before.txt after.txt || fail "lines added moved some in or out of $split"
    done
    h5dump -d vocabulary lines/test-00000.h5 | grep -q ' -1, 45, 67, 73, 97' || fail "vocabulary in the shard"
fi
text --lines names.txt --out other --split-seed 1
[ "$(column test 6)" != "$(awk '$1 == "test" { print $6 }' whole.txt)" ] || fail "--split-seed changes nothing"
text --lines names.txt --out halves --shares 1,1,0
ls halves | grep -q '^test' && fail "a test part of share 0"
[ "$(column validation 2)" -gt 900 ] || fail "--shares 1,1,0: $(cat report.txt)"

# --- lines, by example ---
text --lines --by-example names.txt --out examples
[ $(($(column train 4) + $(column validation 4) + $(column test 4))) = "$characters" ] || fail "examples"
[ "$(column train 4)" -lt "$(column train 3)" ] || fail "nothing is masked"
[ "$(column test 4)" -gt $((characters / 15)) ] || fail "a test part too small: $(cat report.txt)"
"$WAVETRAIN" inspect examples >inspected.txt
said inspected.txt "$(column test 4) examples"

# --- given files ---
mkdir one other2
head -n 100 names.txt >one/firsts.txt
cp names.txt one
echo Zoé >other2/names.txt
text --lines --train one/firsts.txt --train names.txt --validation other2/names.txt --out given --test more.txt
[ "$(column train 2) $(column validation 2) $(column test 2)" = "2100 1 2003" ] || fail "given: $(cat report.txt)"
reported '25 symbols' # of all parts: a Z from validation, a w from test
text --lines --train names.txt --out alone
[ "$(ls alone)" = train-00000.h5 ] || fail "given: $(ls alone)"

# --- running text ---
for i in $(seq 200); do printf 'Line %d — of “the” book.\r\n' "$i"; done >book.txt
text book.txt --lower --keep 'a-z \n' --out book
reported '^book: 3 parts, 3,800 characters, 12 symbols' # "line   of the book" and its end, 19 of each line
reported 'symbols +\\n space b e f h i k l n o t$'
reported 'dropped +1,292 of 5,092 characters: .* and [0-9]+ other symbols'
[ "$(column train 3) $(column validation 3) $(column test 3)" = "3040 380 380" ] || fail "parts: $(cat report.txt)"
"$WAVETRAIN" inspect book >inspected.txt
said inspected.txt 'train            1 text, 3040 characters, 3040 examples'

# as little as it is, no part is empty; too little for a part: a warning with what to do
echo 'ab' >tiny.txt
text tiny.txt --out tiny
for part in train validation test; do [ "$(column $part 3)" = 1 ] || fail "tiny: $(cat report.txt)"; done
said log.txt 'warning: tiny: 2 of 3 classes are missing from the train part (\n, b; more text'
printf ab >tiniest.txt
text tiniest.txt --out tiniest
said log.txt "warning: tiniest: the test part is empty (its share is 0.1; more text, other --shares, another --split-seed,"
for i in 1 2 3 4 5; do
    for line in a b c c; do echo "$line$i"; done >five.txt
    text --lines five.txt --split-seed $i --out five-$i
    for part in train validation test; do [ "$(column $part 2)" -gt 0 ] || fail "five lines: $(cat report.txt)"; done
done

# files of the text by name, the others by shares
mkdir chapters
for i in 1 2 3 4; do sed -n "$((100 * i + 1)),$((100 * i + 100))p" names.txt >chapters/$i.txt; done
text --lines chapters/*.txt --validation 2.txt --test 'chapters/[34].txt' --out named
[ "$(column train 2) $(column validation 2) $(column test 2)" = "100 100 200" ] || fail "named: $(cat report.txt)"
text --lines chapters/*.txt --validation 2.txt --out named2
[ "$(column validation 2)" = 100 ] && [ "$(column test 2)" -gt 10 ] || fail "named: $(cat report.txt)"
reported 'per part +the end mark:[0-9]+/100/[0-9]+ -:'
printf '\n\n--\n\na b\n' >few.txt
text --lines few.txt --keep a-z --shares 1,0,0 --out few
reported 'dropped +3 of 5 characters: - × 2, space × 1'
reported 'empty +4 lines with nothing that is kept, left out'

# --- wrong input ---
wrong() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" prepare text "$@" --out out
    [ ! -e out ] || fail "$*: there is a data set"
}
printf 'anna\nb\303(o\n' >latin.txt
printf 'anna\nbo\0\n' >zero.txt
: >empty.txt
wrong 'latin.txt:2:2: is not UTF-8 text (got byte 0xC3)' --lines latin.txt
wrong 'latin.txt:2:2: is not UTF-8 text' latin.txt
wrong 'zero.txt:2:3: is not UTF-8 text (got a zero byte' zero.txt
wrong 'empty.txt: there is no text' empty.txt
wrong 'names.txt: nothing is kept of the text (see --keep)' --lines names.txt --keep 0-9
wrong 'nowhere.txt: no such file' nowhere.txt
wrong 'one: is a folder' one
wrong 'names.txt: would have the same name' --lines names.txt one/names.txt
wrong 'an argument is missing'
wrong 'leave nothing to train on (got names of all of 1 texts)' names.txt --validation names.txt
wrong "--test: other.txt is no text's name" names.txt --test other.txt
wrong '--train: is missing' --validation names.txt
wrong '--shares: has no meaning with --train' --train names.txt --shares 1,1,1
wrong '--by-example: has no meaning with --train' --lines --train names.txt --by-example
wrong '--by-example: needs --lines' book.txt --by-example
wrong '--shares: got 80,20, expected TRAIN,VALIDATION,TEST' names.txt --shares 80,20
wrong '--shares: got 80,10,-1' names.txt --shares 80,10,-1
wrong '--shares: got nan,1,1' names.txt --shares nan,1,1
wrong '--shares: leave nothing to train on' names.txt --shares 0,1,1
wrong '--keep: a range ends before it begins' names.txt --keep z-a
wrong '--shard-mib: out of range' names.txt --shard-mib 0
expect_error 2 '--out: is missing' "$WAVETRAIN" prepare text names.txt
expect_error 2 'lines: exists already' "$WAVETRAIN" prepare text names.txt --out lines
mkdir inside
cp names.txt inside
expect_error 2 'inside/names.txt: is or lies in the data set' "$WAVETRAIN" prepare text inside/names.txt --out inside

# --- ranks ---
for ranks in '' 2 4; do
    ${ranks:+"$MPIRUN" "$ranks"} "$WAVETRAIN" prepare text --lines --by-example names.txt --shard-mib 0.005 --out ranks-$ranks \
        >report.txt 2>log.txt || fail "on $ranks ranks: $(cat log.txt)"
    sed '1s/ in [0-9.]* s$//; 1s/^ranks-[0-9]*//' report.txt >report-$ranks.txt
    cmp report-.txt report-$ranks.txt || fail "reports differ on $ranks ranks"
    diff -r ranks- ranks-$ranks || fail "shards differ on $ranks ranks"
done
[ "$(ls ranks-/train-*.h5 | wc -l)" -gt 4 ] || fail "fewer shards than ranks: nothing was shared"
expect_error 2 'latin.txt:2:2: is not UTF-8' "$MPIRUN" 3 "$WAVETRAIN" prepare text latin.txt --out out
"$WAVETRAIN" prepare text --help | grep -q -- '--keep=CHARACTERS' || fail "--help"
