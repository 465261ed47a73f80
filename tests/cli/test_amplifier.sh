#!/bin/bash
# Files of Neural Amp Modeler through the program: exported, applied, begun from, refused. What
# tests/reference/nam holds is the official package's (make_nam.py there): files with drawn weights, a signal,
# and in double precision what the package makes of it.
set -eu
. "$SOURCE/tests/expect.sh"

reference=$SOURCE/tests/reference/nam

# --- agreement with the official package ---

# The RMS of the difference over that of the expected output, in dB, of two WAV files of 32-bit floats with
# one channel. Bodies are compared from their ends, since headers differ in length.
difference() { # FILE EXPECTED
    od -An -v -t f4 -w4 -j58 "$1" >one.txt
    od -An -v -t f4 -w4 "$2" >two.txt
    [ "$(wc -l <one.txt)" = "$(wc -l <two.txt)" ] || { echo "$1: another length"; exit 1; }
    paste one.txt two.txt | awk '{ d += ($1 - $2) ^ 2; s += $2 ^ 2 } END { printf "%.1f\n", 10 * log(d / s) / log(10) }'
}

for size in a1-nano a2-lite; do
    "$WAVETRAIN" apply "$reference/$size.nam" --in "$reference/input.wav" --out $size.wav 2>log
    decibels=$(difference $size.wav "$reference/$size.f32")
    echo "$size: $decibels dB"
    awk "BEGIN { exit !($decibels <= -100) }" || { echo "$size: $decibels dB, expected at most -100"; exit 1; }
done

# --- the same bits, however the signal comes ---

nano=$reference/a1-nano.nam
"$WAVETRAIN" apply "$nano" --in "$reference/input.wav" --out blocks.wav --block 777 2>log
cmp a1-nano.wav blocks.wav || fail "another block, other bits"
OMP_NUM_THREADS=1 "$WAVETRAIN" apply "$nano" --in "$reference/input.wav" --out one.wav 2>log
cmp a1-nano.wav one.wav || fail "another number of threads, other bits"
"$WAVETRAIN" apply "$nano" --in - --out - <"$reference/input.wav" >piped.wav 2>log
tail -c +59 a1-nano.wav >whole.bits
tail -c +59 piped.wav >piped.bits
cmp whole.bits piped.bits || fail "a pipe, other bits"
expect_ok "$WAVETRAIN" apply "$nano" --in "$reference/input.wav" --out two-a.wav --in a1-nano.wav --out two-b.wav
cmp a1-nano.wav two-a.wav || fail "the first of two files, other bits"

# --- out and in ---

expect_ok "$WAVETRAIN" export "$nano" --format nam --out again.nam --name "Nano" --gear-type amp --input-level 12.5
grep -q '"version":"0.5.4"' again.nam || fail "another version: $(head -c 300 again.nam)"
grep -q '"input_level_dbu":12.5' again.nam || fail "no level"
expect_ok "$WAVETRAIN" apply again.nam --in "$reference/input.wav" --out again.wav
cmp a1-nano.wav again.wav || fail "exported again, other bits"
expect_ok "$WAVETRAIN" export "$reference/a2-lite.nam" "$nano" --format nam --out both.nam
grep -q '"SlimmableContainer"' both.nam || fail "no container"
expect_ok "$WAVETRAIN" inspect "$nano"

# --- a run: begun from a file, its network exported, scored ---

mkdir dry wet
for i in 1 2 3 4; do cp "$reference/input.wav" dry/$i.wav; cp a1-nano.wav wet/$i.wav; done
expect_ok "$WAVETRAIN" prepare audio dry --target wet --out pair
expect_ok "$WAVETRAIN" evaluate "$nano" --data pair
error=$(awk '/error-to-signal/ { print $2 }' out.txt)
awk "BEGIN { exit !($error < 1e-4) }" || fail "the network does not make what it has made: $error"
cat >config.yaml <<YAML
model: {preset: a1-nano}
data: {path: pair, window: 1024, partial_context: pad}
train: {batch: 2, steps: 2}
validation: {every: 0}
YAML
expect_ok "$WAVETRAIN" train config.yaml --run run --init "$nano"
expect_ok "$WAVETRAIN" export run --format nam --out run.nam
expect_ok "$WAVETRAIN" apply run --in "$reference/input.wav" --out from-run.wav
expect_ok "$WAVETRAIN" apply run.nam --in "$reference/input.wav" --out from-file.wav
cmp from-run.wav from-file.wav || fail "a run and its export, other bits"

# --- refusals ---

expect_error 2 "name that is free" "$WAVETRAIN" apply "$nano" --in "$reference/input.wav" --out one.wav
expect_error 2 "expected as many" "$WAVETRAIN" apply "$nano" --in "$reference/input.wav"
expect_error 2 "no such format" "$WAVETRAIN" export "$nano" --format wav --out x.nam
expect_error 2 "no such word" "$WAVETRAIN" export "$nano" --format nam --out x.nam --gear-type guitar
expect_error 2 "is as large as" "$WAVETRAIN" export "$nano" "$nano" --format nam --out x.nam
sed 's/"weights": *\[[^,]*,/"weights": [/' "$nano" >short.nam
expect_error 2 "weights do not fit the layers" "$WAVETRAIN" export short.nam --format nam --out x.nam
sed 's/"architecture": *"WaveNet"/"architecture": "LSTM"/' "$nano" >lstm.nam
expect_error 2 "architecture LSTM is not supported" "$WAVETRAIN" apply lstm.nam --in one.wav --out x.wav
head -c 5000 "$nano" >cut.nam
expect_error 2 "cut.nam:1: is not a .nam file" "$WAVETRAIN" apply cut.nam --in one.wav --out x.wav
expect_error 1 "another architecture" "$WAVETRAIN" train config.yaml --run other --init "$reference/a2-lite.nam"

# --- recordings that lag ---

mkdir late
{
    head -c 58 piped.wav
    head -c 400 /dev/zero
    cat piped.bits
} >late/1.wav # by 100 samples
for i in 2 3 4; do cp late/1.wav late/$i.wav; done
expect_error 2 "is not as long as" "$WAVETRAIN" prepare audio dry --target late --out late-pair
expect_error 2 "--align: got soon" "$WAVETRAIN" prepare audio dry --target late --out late-pair --align soon
expect_error 2 "has nothing of" "$WAVETRAIN" prepare audio dry --target late --out late-pair --align 9700
expect_ok "$WAVETRAIN" prepare audio dry --target late --out late-pair --align 100
expect_ok "$WAVETRAIN" evaluate "$nano" --data late-pair
error=$(awk '/error-to-signal/ { print $2 }' out.txt)
awk "BEGIN { exit !($error < 1e-4) }" || fail "the pair was not brought together: $error"
