#!/bin/bash
# The quickstart as README.md has it, in a copy of the source without anything made: it ends with a checkpoint, a voice
# and a plot, the network is better than a Markov model, and what it has built can be installed. STEPS shortens it; the
# network then need not be better.
set -eu -o pipefail
. "$SOURCE/tests/expect.sh"
unset OMP_NUM_THREADS WAVETRAIN

mkdir clone
tar -C "$SOURCE" --exclude=./.git --exclude=./build --exclude=./runs --exclude='./data/*/*' -cf - . | tar -C clone -xf -
(cd clone && jobs/quickstart.sh ${STEPS:+--steps "$STEPS"}) >out.txt 2>&1 || fail "$(tail -n 40 out.txt)"
for words in '== Set-up' '== Build' '== Data' '== Training' '== Made, and by which command' 'first-order Markov model'; do
    said out.txt "$words"
done
name=$(sed -n 's|^checkpoint  *runs/\([a-z-]*\)/.*|\1|p' out.txt | tail -n 1)
run=clone/runs/$name
for file in loss.png voice.wav run.yaml; do [ -s "$run/$file" ] || fail "no $run/$file: $(tail -n 40 out.txt)"; done
grep -q '^verdict: done' "$run/run.yaml" || fail "$(head -n 3 "$run/run.yaml")"
better=$(awk '$1 == "difference" { print ($2 < 0) }' out.txt)
[ -n "${STEPS-}" ] || [ "$better" = 1 ] || fail "no better than a Markov model: $(grep -A 6 targets out.txt)"

cmake --install clone/build --prefix "$WORK/prefix" >install.txt 2>&1 || fail "cmake --install: $(tail -n 5 install.txt)"
expect_ok "$WORK/prefix/bin/wavetrain" inspect "$run"
[ -s "$WORK/prefix/share/man/man1/wavetrain.1" ] || fail "no manual"
