# wavetrain prepare table: what is wrong with a table is said with file, line and column; the same shards on
# any number of ranks; wavetrain prepare simulate ion-channels writes a table that gives the data set it made.
set -eu
. "$SOURCE/tests/expect.sh"

table() {
    local code=$1 words=$2
    shift 2
    expect_error "$code" "$words" "$WAVETRAIN" prepare table "$@" --out out
    [ ! -e out ] || fail "$*: there is a data set"
}

# rows HEADING ROW…: bad.csv
rows() {
    printf '%s\n' "$@" >bad.csv
}
columns="--signal a --label y"

# rows
rows a,y 1,0 2,1 nan,1
table 2 'bad.csv:4: column a: is not finite (got "nan", expected a number)' bad.csv $columns
rows a,y 1,0 -Inf,1
table 2 'bad.csv:3: column a: is not finite (got "-Inf"' bad.csv $columns
rows a,y 1,0 two,1
table 2 'bad.csv:3: column a: is not a number (got "two", expected a number)' bad.csv $columns
rows a,y 1,0 0x10,1
table 2 'bad.csv:3: column a: is not a number (got "0x10"' bad.csv $columns
rows a,y 1,0 1.5.2,1
table 2 'bad.csv:3: column a: is not a number (got "1.5.2"' bad.csv $columns
rows a,y 1,0 ,1
table 2 'bad.csv:3: column a: is empty' bad.csv $columns
rows a,y 1,0 1e39,1
table 2 'bad.csv:3: column a: is too large (got "1e39"' bad.csv $columns
rows a,y 1,0 1,1,1 1,1
table 2 'bad.csv:3: the row has 3 columns (expected 2, as the heading)' bad.csv $columns
rows a,y 1,0 1
table 2 'bad.csv:3: the row has 1 column (expected 2' bad.csv $columns
rows a,y 1,0 , 1,1
table 2 'bad.csv:3: the row is empty, and line 4 is not' bad.csv $columns
rows a,y 1,0 1,,1
table 2 'bad.csv:3: the row has 3 columns (expected 2' bad.csv $columns
rows a,y 1,0 "$(printf '\033[31mred\377'),1"
table 2 'bad.csv:3: column a: is not a number (got "?[31mred?", expected' bad.csv $columns
rows a,y 1,0 '"1,5",1'
table 2 'bad.csv:3: column a: is not a number (got "1,5", expected one with a point; --decimal , reads it)' bad.csv $columns
for field in 33,272 -1,234,567 1,234.5; do
    rows a,y 1,0 "\"$field\",1"
    table 2 "bad.csv:3: column a: is not a number (got \"$field\", expected one with a point, and without commas between" \
        bad.csv $columns
done
rows 'a;y' '1,5;0' '1.5;1'
table 2 'bad.csv:3: column a: is not a number (got "1.5", expected one with a comma' bad.csv $columns --decimal ,
table 2 "(the heading has 1, from \"a;y\" to \"a;y\"; for columns between semicolons: --separator ';')" bad.csv $columns
rows 'a	y' '1	0'
table 2 'for columns between tabs: --separator tab)' bad.csv $columns
rows a,y '"1
",0' 1,0.5
table 2 'bad.csv:2: column a: is not a number' bad.csv $columns
rows a,n,y '1,"two
lines",0' 1,x,0.5
table 2 'bad.csv:4: column y: is no class (got "0.5", expected a whole number from 0 to 65535; --values takes' bad.csv $columns
rows a,y 1,0 1,-1
table 2 'bad.csv:3: column y: is no class (got "-1"' bad.csv $columns
rows a,y 1,0 1,4
table 2 'bad.csv:3: column y: is no class (got "4", expected a whole number from 0 to 3)' bad.csv $columns --classes 4
rows a,y 1,0 '1,"1'
table 2 'bad.csv:3: a quote is not closed' bad.csv $columns
rows a,y 1,0 '"1"2,1'
table 2 'bad.csv:3: text behind a closing quote' bad.csv $columns
printf 'a,y\n1,0\n1\0,1\n' >bad.csv
table 2 'bad.csv:3: holds a zero byte' bad.csv $columns
rows a,y,g 1,0,x 1,0,
table 2 'bad.csv:3: column g: is empty (expected a group' bad.csv $columns --group g

# headings and files
rows a,y
table 2 'bad.csv: has no rows below its heading' bad.csv $columns
: >bad.csv
table 2 'bad.csv: is empty (expected a heading' bad.csv $columns
rows a,b,a 1,2,3
table 2 'bad.csv:1: column a stands twice in the heading' bad.csv $columns
rows b,y 1,2
table 2 'bad.csv:1: no column a (the heading has 2, from "b" to "y")' bad.csv $columns
table 2 'nowhere.csv: can' nowhere.csv $columns
mkdir folder
table 2 'folder: is a folder (expected a regular file)' folder $columns
rows a,y 1,0
mkdir other && cp bad.csv other
table 2 'other/bad.csv: has the same name as bad.csv' bad.csv other/bad.csv $columns

# options
table 2 '--signal: expected 1 to 64 columns (got 0)' bad.csv --label y
table 2 '--label: is given twice (expected once)' bad.csv $columns --label a
table 2 '--separator: got ab' bad.csv $columns --separator ab
table 2 '--decimal: got ";"' bad.csv $columns --decimal ';'
mkfifo pipe.csv # no one writes
table 2 'pipe.csv: is a pipe (expected a regular file)' pipe.csv $columns
table 2 '--classes, --values: expected one of them' bad.csv $columns --classes 3 --values
table 2 '--classes: out of range' bad.csv $columns --classes 1
table 2 '--gap: out of range' bad.csv $columns --gap -1
table 2 '--blocks: out of range' bad.csv $columns --blocks 0
table 2 'leave nothing to train on' bad.csv $columns --test 0.5 --validation 0.5
mkdir taken && touch taken/x
expect_error 2 'taken: exists already' "$WAVETRAIN" prepare table bad.csv $columns --out taken
expect_error 2 '--out: is missing' "$WAVETRAIN" prepare table bad.csv $columns

# the same rows in other forms; digests depend on the ids, hence on the name
form() {
    mkdir -p form && cat >form/t.csv && rm -rf form-out
    expect_ok "$WAVETRAIN" prepare table form/t.csv $columns "$@" --gap 0 --blocks 10 --out form-out
    awk '$1 ~ /^(train|validation|test)$/ { print $1, $NF }' out.txt >form.txt
    [ -s plain.txt ] || cp form.txt plain.txt
    cmp -s form.txt plain.txt || fail "$*: another data set than the plain table"
}
plain() {
    awk 'BEGIN { print "a,y"; for (i = 0; i < 500; i++) printf "%.3f,%d\n", i / 8 - 20, i % 3 }'
}
plain | form
plain | sed 's/$/\r/' | form
plain | tr '\n' '\r' | form
{ printf '\357\273\277'; plain | sed 's/,/ ;\t/; s/\./,/'; printf ';\n;\n'; } | form --decimal ,
plain | sed 's/$/,/' | form
# what columns say less than they seem to: warnings, and signals far from zero are kept less their mean
plain | sed 's/,/.5,/; 1!s/^.*,/7,/; 1s/a.5/a/' >constant.csv
expect_ok "$WAVETRAIN" prepare table constant.csv $columns --out constant
said err.txt 'warning: constant.csv: column a is constant (7 in all of 500 rows)'
awk 'BEGIN { print "a,y"; for (i = 0; i < 500; i++) printf "%.2f,1000000.%d\n", 1e14 + i % 3 / 8, i % 2 }' >ulps.csv
expect_ok "$WAVETRAIN" prepare table ulps.csv $columns --values --out ulps
said err.txt 'warning: ulps.csv: column a differs by 16 steps of double precision at most, from 1000000'
said err.txt 'warning: ulps.csv: column y differs by 2 steps of single precision at most, from 1000000 to 1000000.1'

# classes of each part, and one that a part lacks
{ echo a,y; seq 1 2000 | awk '{ print $1 "," ($1 > 1900) }'; } >late.csv
expect_ok "$WAVETRAIN" prepare table late.csv $columns --gap 0 --blocks 10 --out late
grep -qE '^  per part    0:1,[0-9]{3}/[0-9]+/[0-9]+ 1:(100/0/0|0/100/0|0/0/100)$' out.txt || fail "classes: $(cat out.txt)"
grep -qE '^warning: late: 1 of 2 classes is missing from the (train|validation|test) part \(1; more rows, a ' err.txt ||
    fail "no warning of a class that is missing: $(cat err.txt)"

# parts by name: files, groups, whose names may be numbers; few groups leave no part empty
parts() {
    awk '$1 ~ /^(train|validation|test)$/ { printf "%s%s", n++ ? " " : "", $4 }' out.txt
}
for name in one two three; do { echo a,y,g; seq 1 90 | awk '{ print $1 "," $1 % 3 "," int(($1 - 1) / 30) }'; } >$name.csv; done
expect_ok "$WAVETRAIN" prepare table one.csv two.csv three.csv $columns --gap 0 --validation two.csv --test 0 --out held
[ "$(parts)" = "180 90 0" ] || fail "files by name: $(cat out.txt)"
expect_ok "$WAVETRAIN" prepare table one.csv $columns --group g --validation =1 --test 2 --out held2
[ "$(parts)" = "30 30 30" ] || fail "groups by name: $(cat out.txt)"
for seed in 1 2 3 4 5; do
    expect_ok "$WAVETRAIN" prepare table one.csv $columns --group g --split-seed $seed --out few-$seed
    [ "$(parts)" = "30 30 30" ] || fail "three groups: $(cat out.txt)"
done
table 2 "--validation: 3 is no group's name (expected one such as 0" one.csv $columns --group g --validation 3
table 2 "--test: four.csv is no table's name" one.csv two.csv $columns --test four.csv
table 2 '--validation: out of range (got -1' one.csv $columns --validation -1
expect_ok "$WAVETRAIN" prepare table one.csv $columns --out short
said err.txt 'warning: short: the validation part is empty (its share is 0.1; more rows, a smaller --gap, more --blocks'
rm one.csv two.csv three.csv

# ranks
awk 'BEGIN { print "t;a;b;y;g"; for (i = 0; i < 9000; i++) printf "%d;%.6f;%.6f;%d;g%d\n", i, sin(i / 9), cos(i / 5), i % 3, i / 300 }' >one.csv
awk 'BEGIN { print "y;b;g;a"; for (i = 0; i < 4000; i++) printf "%d;%.6f;%s;%.6f\n", i % 4, sin(i), "h" int(i / 200), i }' >two.csv
for how in "--gap 20" "--group g" "--gap 20 --values"; do
    rm -rf ranks-*
    "$MPIRUN" 3 "$WAVETRAIN" prepare table one.csv two.csv --separator ';' --signal a --signal b --label y \
        $how --shard-mib 0.01 --out ranks-3 >report.txt 2>log.txt || fail "$how on 3 ranks: $(cat log.txt)"
    "$WAVETRAIN" prepare table one.csv two.csv --separator ';' --signal a --signal b --label y \
        $how --shard-mib 0.01 --out ranks-1 >report.txt 2>log.txt || fail "$how: $(cat log.txt)"
    diff -r ranks-1 ranks-3 || fail "$how differs on 3 ranks"
done
[ "$(ls ranks-1/train-*.h5 | wc -l)" -gt 4 ] || fail "fewer shards than ranks: nothing was shared"
said report.txt 'labels      values'
no_leftovers
# what one rank alone meets, which has read nothing else
printf '1;2;x;3;4\n' >>one.csv
expect_error 2 'one.csv:9002: column b: is not a number' "$MPIRUN" 4 "$WAVETRAIN" prepare table one.csv --separator ';' \
    --signal b --signal a --label y --out out

# ion channels
ion="--seconds 0.2 --utterances 20 --rate 5000 --channels 3 --shard-mib 0.01"
"$MPIRUN" 3 "$WAVETRAIN" prepare simulate ion-channels --out ion-3 $ion --csv ion-3.csv >report.txt 2>log.txt ||
    fail "ion channels on 3 ranks: $(cat log.txt)"
"$WAVETRAIN" prepare simulate ion-channels --out ion-1 $ion --csv ion-1.csv >report.txt 2>log.txt ||
    fail "ion channels: $(cat log.txt)"
diff -r ion-1 ion-3 || fail "ion channels differ on 3 ranks"
cmp ion-1.csv ion-3.csv || fail "the table of ion channels differs on 3 ranks"
[ "$(head -n 1 ion-1.csv)" = time,signal,open_channels ] || fail "heading: $(head -n 1 ion-1.csv)"
[ "$(wc -l <ion-1.csv)" = 20001 ] || fail "rows: $(wc -l <ion-1.csv)"
said report.txt 'labels      4 classes'
expect_ok "$WAVETRAIN" prepare table ion-1.csv --signal signal --label open_channels --rate 5000 --gap 100 --out ion-table
said out.txt 'labels      4 classes'
expect_error 2 'ion-1.csv: exists already' "$WAVETRAIN" prepare simulate ion-channels --out out $ion --csv ion-1.csv
expect_error 2 '--noise: out of range' "$WAVETRAIN" prepare simulate ion-channels --out out --noise -1
[ ! -e out ] || fail "there is a data set"
