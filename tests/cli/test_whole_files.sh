# A file that a command writes appears under its name when it is whole. A command that is killed leaves the
# old file, if there was one, and a name that the next one tells of; a signal that can be caught leaves sound
# and text as far as they were generated.
set -eu
. "$SOURCE/tests/mpi/faults.sh"

# killed FILE COMMAND…: is killed when it has written all, but before the file has its name; that is as it was
# before
killed() {
    local file=$1 held process tries before
    shift
    before=$(cat "$file" 2>/dev/null || echo none)
    mapfile -t held < <(under "hold:$file.tmp-:1")
    "${held[@]}" "$@" >killed.txt 2>&1 &
    process=$!
    for tries in $(seq 600); do
        [ ! -s "$file.tmp-$process" ] || break
        sleep 0.05
    done
    [ -s "$file.tmp-$process" ] || fail "$*: nothing was written: $(cat killed.txt)"
    kill -KILL $process
    wait $process 2>/dev/null || true
    [ "$(cat "$file" 2>/dev/null || echo none)" = "$before" ] || fail "$file: a part of it stands there"
    left=$file.tmp-$process
}

# named: the next command has told of what was left
named() {
    said err.txt "warning: $left: was left behind by a command that was killed"
    rm "$left"
}

# --- tables ---
awk 'BEGIN { print "current,label"; for (i = 0; i < 8000; i++) print (i * 7919 % 1000) / 500 "," int(i / 100) % 3 }' >t.csv
expect_ok "$WAVETRAIN" prepare table t.csv --signal current --label label --gap 10 --test 0.6 --out table
cat >config.yaml <<'YAML'
model: {stacks: 1, layers: 2, residual: 4, gate: 4, skip: 4, input: real}
data: {path: table, window: 8, target: label}
train: {batch: 2, steps: 2}
validation: {every: 0}
YAML
train_ok run
killed p.csv "$WAVETRAIN" evaluate run --predictions p.csv
expect_ok "$WAVETRAIN" evaluate run --predictions p.csv
named
targets=$(sed -n 's/.*: \([0-9]*\) targets.*/\1/p' out.txt)
[ "$(wc -l <p.csv)" = $((targets + 1)) ] || fail "p.csv has $(wc -l <p.csv) lines, expected $((targets + 1))"
killed p.h5 "$WAVETRAIN" evaluate run --predictions p.h5
expect_ok "$WAVETRAIN" evaluate run --predictions p.h5
named
expect_error 2 'p.csv: exists already' "$WAVETRAIN" evaluate run --predictions p.csv

ion="--seconds 0.5 --utterances 20 --rate 5000 --channels 3"
killed i.csv "$WAVETRAIN" prepare simulate ion-channels --out ion $ion --csv i.csv
rm -rf ion ion.partial*
expect_ok "$WAVETRAIN" prepare simulate ion-channels --out ion $ion --csv i.csv
named
[ "$(wc -l <i.csv)" -gt 10000 ] || fail "i.csv has $(wc -l <i.csv) lines"

echo 'an old table' >b.csv
kernels=(bench kernels --channels 5,16 --taps 1,2 --dilations 1,300 --rows 20 --rounds 2)
killed b.csv "$WAVETRAIN" "${kernels[@]}" --csv b.csv
expect_ok "$WAVETRAIN" "${kernels[@]}" --csv b.csv
named
[ "$(head -n 1 b.csv | cut -c 1-9)" != 'an old ta' ] || fail "b.csv: $(head -n 1 b.csv)"
no_leftovers

# --- sound and text that a signal ends ---

# ends_by SIGNAL COMMAND…: gets it a second after it has begun, and ends with code 1 and one line
ends_by() {
    local signal=$1 process code=0
    shift
    env --default-signal "$@" >out.txt 2>err.txt &
    process=$!
    sleep 1.5
    kill -"$signal" $process
    wait $process || code=$?
    [ "$code" = 1 ] || fail "$signal: exit code $code: $(cat err.txt)"
    [ "$(grep -c '^wavetrain: ' err.txt)" = 1 ] || fail "$signal: $(cat err.txt)"
    said err.txt 'wavetrain: stopped by a signal: '
}

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 2/; s/warmup: 5/warmup: 0/' config.yaml
train_ok voice --set validation.every=0
expect_ok "$WAVETRAIN" generate voice --out whole.wav --seconds 0.02
bytes=$(stat -c %s whole.wav)
for signal in TERM INT; do
    ends_by $signal "$WAVETRAIN" generate voice --out part.wav --seconds 3000
    said err.txt '0 of 1 pieces are whole, 1 are kept as unfinished, with '
    said out.txt 'part.unfinished.wav: '
    [ ! -e part.wav ] || fail "$signal: a part has the name of the whole"
    mv part.unfinished.wav part.wav
    [ "$(stat -c %s part.wav)" -gt "$bytes" ] || fail "$signal: $(stat -c %s part.wav) bytes of sound"
    cmp -s <(tail -c +45 whole.wav) <(tail -c +45 part.wav | head -c $((bytes - 44))) || fail "$signal: another sound"
    size=$(od -An -tu4 -j 40 -N 4 part.wav) # what the header says of it
    [ $((size + 44)) = "$(stat -c %s part.wav)" ] || fail "$signal: the header says $size bytes"
    rm part.wav
done

# A restart skips what is whole and makes anew what is not.
many=(generate voice --count 5 --seconds 8 --seed 2)
expect_ok "$WAVETRAIN" "${many[@]}" --out many.wav
mkdir again
cp many-2.wav again
touch -d '2001-01-01' again/many-2.wav
env --default-signal OMP_NUM_THREADS=1 "$WAVETRAIN" "${many[@]}" --out again/many.wav >out.txt 2>err.txt &
process=$!
until ls again | grep -q tmp; do sleep 0.01; done
kill -TERM $process
wait $process && fail "a signal came too late"
said err.txt '0 of 4 pieces are whole, 4 are kept as unfinished'
[ "$(ls again)" = "$(printf 'many-%s\n' 1.unfinished.wav 2.wav 3.unfinished.wav 4.unfinished.wav 5.unfinished.wav)" ] ||
    fail "there are $(ls again)"
expect_ok "$WAVETRAIN" "${many[@]}" --out again/many.wav
said err.txt '1 of 5 pieces were there already'
[ "$(ls again | wc -l)" = 5 ] || fail "there are $(ls again)"
for i in 1 2 3 4 5; do cmp "many-$i.wav" "again/many-$i.wav" || fail "piece $i differs"; done
[ "$(date -r again/many-2.wav +%Y)" = 2001 ] || fail "a piece that was there is made again"

awk 'BEGIN { for (i = 0; i < 200; i++) print "an be ci do " i % 7 }' >book.txt
expect_ok "$WAVETRAIN" prepare text book.txt --out book
cat >config.yaml <<'YAML'
model: {stacks: 1, layers: 2, residual: 4, gate: 4, skip: 4}
data: {path: book, window: 8, quantization: vocabulary}
train: {batch: 2, steps: 2}
validation: {every: 0}
YAML
train_ok page
expect_ok "$WAVETRAIN" generate page --max-length 300
head -c 300 out.txt >whole.txt
ends_by TERM "$WAVETRAIN" generate page --max-length 100000000
said err.txt '0 of 1 texts are whole'
cmp -s whole.txt <(head -c 300 out.txt) || fail "another text: $(head -c 300 out.txt)"
ends_by TERM "$WAVETRAIN" generate page --max-length 100000000 --out page.txt
cmp -s whole.txt <(head -c 300 page.txt) || fail "another text: $(head -c 300 page.txt)"
no_leftovers
