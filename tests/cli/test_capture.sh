#!/bin/bash
# wavetrain capture: a pair is prepared, trained, written, gone on with; a folder of them, by its elements;
# what is wrong.
set -eu
. "$SOURCE/tests/expect.sh"

sounds=$1
export OMP_NUM_THREADS=1 WAVETRAIN_OVERSUBSCRIBE=1
mkdir wets
"$sounds" dry.wav 8000 1 160000 played
"$sounds" wets/one.wav 8000 1 160100 amplified 37
"$sounds" wets/two.wav 8000 1 160100 amplified 37
capture=("$WAVETRAIN" capture --align 37 dry.wav)
quick=(--preset a1-nano --minutes 0.001)

# --- one pair ---

expect_ok "${capture[@]}" wets/one.wav --out one.nam "${quick[@]}" --name "One"
said out.txt "one.nam: a1-nano: done, ESR "
grep -q '"version":"0.5.4"' one.nam || fail "another version"
grep -q '"validation_esr":' one.nam || fail "no ESR"
grep -q '"name":"One"' one.nam || fail "no name"
esr() { sed -n 's/.*"validation_esr":\([0-9.e+-]*\).*/\1/p' "$1"; }
first=$(esr one.nam)

# the same once more: nothing is trained, the file is what it was
steps=$(grep -c . one.capture/a1-nano/metrics.csv)
expect_ok "${capture[@]}" wets/one.wav --out one.nam "${quick[@]}" --name "One"
[ "$(esr one.nam)" = "$first" ] || fail "another ESR"
[ "$(grep -c . one.capture/a1-nano/metrics.csv)" = "$steps" ] || fail "trained again"
expect_ok "${capture[@]}" wets/one.wav --out one.nam "${quick[@]}" --more-epochs 3
[ "$(grep -c . one.capture/a1-nano/metrics.csv)" -gt "$steps" ] || fail "not gone on"
awk "BEGIN { exit !($(esr one.nam) <= $first) }" || fail "more epochs are worse: $first, then $(esr one.nam)"

# the network that a capture has begun with is its default
expect_ok "${capture[@]}" wets/one.wav --out one.nam --report
said out.txt "one.nam: a1-nano: done, ESR "

# --- a folder: both sizes in a file, element by element ---

expect_ok "${capture[@]}" wets --out models --list
[ "$(cat out.txt)" = $'models/one.capture\nmodels/two.capture' ] || fail "$(cat out.txt)"
expect_ok "${capture[@]}" wets --out models --preset a2 --minutes 0.001 --index 2
[ ! -e models/one.nam ] || fail "another element"
grep -q '"SlimmableContainer"' models/two.nam || fail "no container"
expect_ok "$WAVETRAIN" apply models/two.nam --in dry.wav --out two.wav
expect_ok "${capture[@]}" wets --out models --preset a2 --report
said out.txt "models/one.nam: a2-full: not begun"
said out.txt "models/two.nam: a2-lite: done, ESR "

expect_ok "${capture[@]}" wets/one.wav --out odd --preset a2-lite --minutes 0.001
[ -d odd.capture ] && [ -s odd ] || fail "another name than one without an ending: $(ls)"

# --- refusals ---

expect_error 2 "--out is missing" "${capture[@]}" wets/one.wav
expect_error 2 "no such preset" "${capture[@]}" wets/one.wav --out x.nam --preset a3
expect_error 2 "--minutes is out of range" "${capture[@]}" wets/one.wav --out x.nam --minutes 0
expect_error 2 "expected --index up to that" "${capture[@]}" wets --out models --index 3
echo mine >mine.nam
expect_error 2 "name that is free" "${capture[@]}" wets/one.wav --out mine.nam
expect_error 2 "no such word" "${capture[@]}" wets/one.wav --out x.nam --tone-type blue
