# Labels on sound: classes of recordings by folder, name and table, groups and folds; of samples by annotations
# of three kinds; names of classes in tables, checkpoints and reports.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"

prepare() {
    "$WAVETRAIN" prepare "$@" >report.txt 2>log.txt || fail "prepare $*: $(cat log.txt)"
    no_leftovers
}

refuse() { # WORDS ARGUMENT…
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" prepare audio "$@" --out bad
    [ ! -e bad ] || fail "prepare audio $* left a data set"
}

# dump SET/SHARD DATASET: its values, one a line
dump() {
    h5dump -y -w 1 -d "$2" "$1" | sed -n '/DATA {/,/^   }/p' | sed '1d;$d' |
        sed -E 's/^ *//; s/,? *$//; s/\\000//g; s/", "/"\n"/g; /"/!s/, */\n/g' | sed 's/"//g; /^$/d'
}
# runs SET/SHARD: labels as "COUNT CLASS" of neighbours that are alike, with - where they are masked
runs() {
    dump "$1" y >y.txt
    if h5dump -n "$1" | grep -q ' /mask$'; then
        dump "$1" mask >mask.txt
        paste -d' ' y.txt mask.txt | awk '{ print ($2 ? $1 : "-") }' >masked.txt
        mv masked.txt y.txt
    fi
    uniq -c y.txt | awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }'
}
expect_runs() { # SET/SHARD RUNS
    local got
    got=$(runs "$1")
    [ "$got" = "$2" ] || fail "$1: labels $got, expected $2"
}

# --- a class per recording ---

for i in $(seq 12); do
    sound "in/low/$((i % 4))-$i.wav" 8000 1 $((400 + i)) tone 200
    sound "in/mid/$((i % 4))-$i.wav" 8000 1 400 tone 800
    sound "in/high/$((i % 4))-$i.wav" 8000 1 400 tone 2400
done
{
    echo 'filename,fold,target,category'
    for c in low mid high; do
        for i in $(seq 12); do printf '%s/%d-%d.wav,%d,0,"class, %s"\r\n' $c $((i % 4)) "$i" $((i % 4 + 1)) $c; done
    done
} >meta.csv

prepare audio in --label folder --group '/([0-9])-' --out by-folder
said report.txt '3 classes'
[ "$(dump by-folder/train-00000.h5 class_names | tr '\n' ' ')" = "high low mid " ] || fail "names of classes"
# groups are of one part each
for split in train validation test; do dump by-folder/$split-00000.h5 utterances/group | sort -u; done >groups.txt
[ "$(sort groups.txt | uniq -d)" = "" ] || fail "a group is in two parts: $(cat groups.txt)"
[ "$(sort groups.txt | tr '\n' ' ')" = "0 1 2 3 " ] || fail "groups: $(cat groups.txt)"
prepare audio in --label '^([a-z]+)/' --group '/([0-9])-' --out by-name
diff -r by-folder by-name || fail "a regular expression gave other bytes than folders"
"$MPIRUN" 3 "$WAVETRAIN" prepare audio in --label folder --group '/([0-9])-' --out by-three --shard-mib 0.005 >report.txt 2>log.txt ||
    fail "on three ranks: $(cat log.txt)"
prepare audio in --label folder --group '/([0-9])-' --out by-one --shard-mib 0.005
diff -r by-one by-three || fail "labels differ on three ranks"

# the layout of ESC-50: a table with folds, found by the names of files
prepare audio in --label meta.csv:category --fold fold=2 --validation 0.2 --out by-table
dump by-table/test-00000.h5 utterances/id | grep -v '/1-' && fail "the test part is not the fold"
[ "$(dump by-table/test-00000.h5 utterances/id | wc -l)" = 9 ] || fail "not all of the fold"
[ "$(dump by-table/test-00000.h5 class_names | head -1)" = "class, high" ] || fail "names from the table"
prepare audio in --label folder --classes mid,low,high --out ordered
[ "$(dump ordered/train-00000.h5 class_names | tr '\n' ' ')" = "mid low high " ] || fail "the order of --classes"

refuse 'lies in no folder that names its class' in/low --label folder
refuse 'its name tells no class' in --label '^(x)/'
refuse 'meta.csv:1: no column kind' in --label meta.csv:kind
refuse '--fold: no recording has fold=9 (the column has 1, 2, 3, 4)' in --label meta.csv:category --fold fold=9
refuse '--fold: needs --label' in --fold fold=1
refuse 'is of the fold for testing' in --label meta.csv:category --fold fold=2 --validation low/1-1.wav
refuse 'of the same group, low, for' in --label meta.csv:category --fold fold=2 --group '^(low|mid|high)' \
    --validation low/2-2.wav
refuse 'is no class of --classes (got "low")' in --label folder --classes mid,high
{ cat meta.csv; echo low/0-4.wav,1,0,other; } >twice.csv
refuse 'twice.csv:38: low/0-4.wav has two of a class (got "other"' in --label twice.csv:category
grep -v 'mid/1-5.wav' meta.csv >lacks.csv
refuse 'mid/1-5.wav: has no class in lacks.csv' in --label lacks.csv:category
refuse '--mel: has no use where recordings have classes' in --label folder --mel 8k
refuse '--label, --annotations: expected one of them' in --label folder --annotations meta.csv

# --- training and what is reported ---

cat >config.yaml <<'END'
model: {layers: 5, stacks: 1, residual: 8, gate: 8, skip: 8, input: real}
data: {path: by-folder, window: 128, target: label}
train: {batch: 8, steps: 30, class_weights: balanced}
optimizer: {learning_rate: 0.005}
validation: {every: 10, windows: 0}
END
expect_ok "$WAVETRAIN" train config.yaml --run run
[ "$(head -1 run/metrics.csv | grep -o '[^,]*$')" = validation_accuracy ] || fail "no accuracy in metrics.csv"
[ -n "$(sed -n '$p' run/metrics.csv | grep -o '[^,]*$')" ] || fail "no accuracy of the last step"
expect_ok "$WAVETRAIN" evaluate run --probabilities p.csv
said out.txt 'of whole recordings'
grep -qE '^ +1  low +[0-9]+ +[01]\.[0-9]+ +[01]\.[0-9]+$' out.txt || fail "no row of a class: $(cat out.txt)"
said out.txt 'top 2'
[ "$(head -1 p.csv)" = "file,time,group,class,prediction,high,low,mid" ] || fail "heading: $(head -1 p.csv)"
[ "$(wc -l <p.csv)" = 10 ] || fail "not a row per recording: $(cat p.csv)"
awk -F, 'NR > 1 && ($6 + $7 + $8 < 0.999 || $6 + $7 + $8 > 1.001 || $2 != 0 || $3 !~ /^[0-3]$/) { exit 1 }' p.csv ||
    fail "rows: $(cat p.csv)"
h5dump -d class_names "$(ls run/checkpoints/*.h5 | tail -1)" | grep -q '"high", "low' || fail "names in the checkpoint"
expect_error 2 'has other classes than the network has learnt (class 0: got mid, expected high' \
    "$WAVETRAIN" evaluate run --data ordered
expect_error 2 'train.class_weights: got 1,2, expected' "$WAVETRAIN" train config.yaml --run bad --set train.class_weights=1,2
expect_error 2 'train.class_weights: got often, expected' "$WAVETRAIN" train config.yaml --run bad --set train.class_weights=often
expect_error 2 'train.class_weights: needs labels that are classes' "$WAVETRAIN" train config.yaml --run bad \
    --set data.target=next --set model.input=class

# weights as they are given are those that "balanced" counts: the same parameters
counts=$(dump by-folder/train-00000.h5 y | sort -n | uniq -c | awk '{ n[NR] = $1; all += $1 }
    END { printf "%.17g,%.17g,%.17g", all / 3 / n[1], all / 3 / n[2], all / 3 / n[3] }')
expect_ok "$WAVETRAIN" train config.yaml --run given --set "train.class_weights=$counts"
hash_of() { "$WAVETRAIN" inspect "$1" | grep '^hash'; }
[ "$(hash_of run)" = "$(hash_of given)" ] || fail "balanced is not targets / (classes · targets of the class)"
expect_ok "$WAVETRAIN" train config.yaml --run plain --set train.class_weights=none
[ "$(hash_of run)" != "$(hash_of plain)" ] || fail "weights change nothing"
OMP_NUM_THREADS=1 expect_ok "$MPIRUN" 2 "$WAVETRAIN" train config.yaml --run two --set train.microbatches=4
expect_ok "$WAVETRAIN" train config.yaml --run one --set train.microbatches=4
[ "$(hash_of one)" = "$(hash_of two)" ] || fail "weights depend on the ranks"
# a metrics.csv from before there was accuracy is taken on
cut -d, -f1-12 run/metrics.csv >older.csv && cp older.csv run/metrics.csv
expect_ok "$WAVETRAIN" train config.yaml --run run --set train.steps=31
awk -F, 'NF != 13 { exit 1 }' run/metrics.csv || fail "an older metrics.csv: $(tail -3 run/metrics.csv)"

# --- tables whose labels are names ---

seq 0 1999 | awk 'BEGIN { print "x,kind,who" } { k = int($1 / 100) % 3; print $1 % 7 "," (k ? k > 1 ? "up" : "down" : "rest") ",p" int($1 / 500) }' >table.csv
prepare table table.csv --signal x --label kind --classes names --group who --out table
[ "$(dump table/train-00000.h5 class_names | tr '\n' ' ')" = "down rest up " ] || fail "names of a table"
said report.txt 'rest:'
dump table/train-00000.h5 utterances/group | grep -q '^p[0-3]$' || fail "groups of a table"
"$WAVETRAIN" inspect table --verify >out.txt || fail "inspect --verify: $(cat out.txt)"
expect_error 2 '--classes names takes names' "$WAVETRAIN" prepare table table.csv --signal x --label kind --out bad
expect_error 2 'is no class of --classes (got "rest")' \
    "$WAVETRAIN" prepare table table.csv --signal x --label kind --classes up,down --out bad

# --- events ---

sound one/a.wav 1000 1 1000 noise 1
sound one/b.wav 1000 1 500 noise 2
all="--validation 0 --test 0"
cat >events.csv <<'END'
file,start,end,class
a.wav,0.1,0.2,dog
a.wav,0.2,0.25,cat
b.wav,0.4,0.7,cat
c.wav,0.4,0.7,cat
END
prepare audio one --annotations events.csv $all --out set
expect_runs set/train-00000.h5 '100 0, 100 2, 50 1, 1150 0, 100 1'
[ "$(dump set/train-00000.h5 class_names | tr '\n' ' ')" = "background cat dog " ] || fail "names of events"
said log.txt '1 events are of files that are no recordings here; the first: events.csv:5: c.wav'
said log.txt '1 event ends behind the end of the recording; cut there'
prepare audio one --annotations events.csv $all --out masked --background mask
expect_runs masked/train-00000.h5 '100 -, 100 1, 50 0, 1150 -, 100 0'
prepare audio one --annotations events.csv $all --out half --rate 2000
expect_runs half/train-00000.h5 '200 0, 200 2, 100 1, 2300 0, 200 1'
# the same between semicolons with commas for points, a byte order mark and CRLF
{ printf '\357\273\277'; tr , ';' <events.csv | sed 's/\([0-9]\)\.\([0-9]\)/\1,\2/g; s/$/\r/'; } >commas.csv
prepare audio one --annotations commas.csv $all --out commas
diff -r set commas || fail "semicolons and decimal commas gave other bytes"

# trimming: labels go with their samples
sound trim/t.wav 1000 1 1000 speech
printf 'file,start,end,class\nt.wav,0.3,0.4,x\nt.wav,0.1,0.2,y\n' >trim.csv
prepare audio trim --annotations trim.csv $all --trim 30 --out trimmed
expect_runs trimmed/train-00000.h5 '50 0, 100 1, 350 0'
# parts in time: one recording alone
prepare audio one/a.wav --annotations events.csv --background mask --validation 0.2 --test 0.2 --out parts
expect_runs parts/train-00000.h5 '100 -, 100 1, 50 0, 350 -'

# Audacity: the base name of the recording, frequencies between, a point, commas
mkdir -p tracks
printf '0,100000\t0,200000\tdog\n\\\t100,0\t2000,0\n0.200000\t0.250000\tcat\n' >tracks/a.txt
printf '\357\273\2770.300000\t0.300000\tdog\r\n0.400000\t0.500000\tcat\r\n' >tracks/b.txt
echo 'not a label' >tracks/readme.txt
prepare audio one --annotations tracks $all --out audacity
expect_runs audacity/train-00000.h5 '100 0, 100 2, 50 1, 1050 0, 1 2, 99 0, 100 1'
said log.txt '1 label is a point in time'
said log.txt '1 file is no annotations'
prepare audio one --annotations tracks $all --point 0.01 --out points
expect_runs points/train-00000.h5 '100 0, 100 2, 50 1, 1050 0, 10 2, 90 0, 100 1'

# Raven: a row per view, files by offset, channels from 1
heading='Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin File\tFile Offset (s)\tSpecies\n'
{
    printf "$heading"
    printf '1\tWaveform 1\t1\t0.1\t0.2\t0\t400\ta.wav\t0.1\tdog\n1\tSpectrogram 1\t1\t0.1\t0.2\t0\t400\ta.wav\t0.1\tdog\n'
    printf '2\tSpectrogram 1\t1\t1.4\t1.5\t0\t400\tb.wav\t0.4\tcat\n3\tSpectrogram 1\t1\t0.2\t0.25\t0\t400\ta.wav\t0.2\tcat\n'
} >raven.txt
prepare audio one --annotations raven.txt $all --out raven
expect_runs raven/train-00000.h5 '100 0, 100 2, 50 1, 1150 0, 100 1'
prepare audio one --annotations raven.txt $all --label-column Species --out raven-column
diff -r raven raven-column || fail "--label-column gave other bytes"
sound stereo/s.wav 1000 2 500 noise 3
printf 'Selection\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\t1\t0.1\t0.2\tx\n2\t2\t0.3\t0.4\ty\n' >stereo/s.Table.1.selections.txt
prepare audio stereo --annotations stereo $all --channels 2 --background z --classes z,x,y --out channel
expect_runs channel/train-00000.h5 '300 0, 100 2, 100 0'

# overlaps
printf 'file,start,end,class\na,0.1,0.3,x\na,0.2,0.4,y\na,0.25,0.5,x\n' >over.csv
refuse 'over.csv:3: overlaps with an event of another class (it begins at 0.2 s, that of line 2 ends at 0.3 s' \
    one --annotations over.csv
prepare audio one/a.wav --annotations over.csv $all --overlap first --out first
expect_runs first/train-00000.h5 '100 0, 200 1, 100 2, 100 1, 500 0'
prepare audio one/a.wav --annotations over.csv $all --overlap mask --out overlapped
expect_runs overlapped/train-00000.h5 '100 0, 100 1, 200 -, 100 1, 500 0'

# what is wrong is named by file and line
bad() { # WORDS LINE…
    local words=$1
    shift
    printf '%s\n' "$@" >bad.csv
    refuse "$words" one --annotations bad.csv
}
h=file,start,end,class
bad 'bad.csv:3: its start is no time (got "soon", expected seconds)' $h a,0,0.1,x a,soon,1,x
bad 'bad.csv:2: its end is no time (got "", expected seconds)' $h a,0.1,,x
bad 'bad.csv:2: its start is no time (got "-1", expected seconds from 0 on)' $h a,-1,0.1,x
bad 'bad.csv:2: ends before it begins (got 0.2 s to 0.1 s)' $h a,0.2,0.1,x
bad 'bad.csv:2: begins behind the end of its recording (got 1.5 s, expected less than 1 s' $h a,1.5,1.7,x
bad 'bad.csv:2: has no class (got an empty name)' $h a,0.1,0.2,
bad 'bad.csv:2: the row has 3 columns (expected 4 or more' $h a,0.1,0.2
bad 'bad.csv:1: no column is a class' file,start,end,what a,0.1,0.2,x
bad 'bad.csv:1: is no annotation (got "hello"' hello
bad 'has no events of the recordings; the first is of another file, bad.csv:2: q' $h q,0.1,0.2,x
printf '0.1\t0.2\tx\n' >tracks/b.txt && rm tracks/a.txt
refuse 'one/a.wav: has no annotations in tracks' one --annotations tracks
printf 'Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\tClass\n1\t0\t0.1\ta.wav\tx\n2\t0.1\t0.2\tb.wav\tx\n' >two.txt
refuse 'two.txt:3: the table is of several files and has no column File Offset (s)' one --annotations two.txt
printf 'Selection\tBegin Time (s)\tEnd Time (s)\tChannel\tClass\n1\t0\t0.1\t3\tx\n' >stereo/s.Table.1.selections.txt
refuse 'its recording has no such channel (got "3"' stereo --annotations stereo
refuse '--overlap: got both, expected refuse, first or mask' one --annotations over.csv --overlap both
cp one/a.wav in/low/a.wav && cp one/a.wav in/mid/a.wav
printf 'file,start,end,class\na,0.1,0.2,x\n' >bad.csv
refuse 'bad.csv:2: is the name of two recordings' in --annotations bad.csv
