#!/bin/bash
# The quickstart as README.md has it, in a copy of the source without anything made: it ends with a checkpoint, copies of
# sentences, a voice and plots, the copies are nearer to the recordings than those of others, and what it has built can
# be installed. STEPS shortens it; the copies then need not be near.
set -eu -o pipefail
. "$SOURCE/tests/expect.sh"
unset OMP_NUM_THREADS WAVETRAIN

mkdir clone
tar -C "$SOURCE" --exclude=./.git --exclude=./build --exclude=./runs --exclude='./data/*/*' -cf - . | tar -C clone -xf -
(cd clone && jobs/quickstart.sh ${STEPS:+--steps "$STEPS"}) >out.txt 2>&1 || fail "$(tail -n 40 out.txt)"
for words in '== Set-up' '== Build' '== Data' '== Training' '== Made, and by which command'; do
    said out.txt "$words"
done
name=$(sed -n 's|^checkpoint  *runs/\([a-z-]*\)/.*|\1|p' out.txt | tail -n 1)
run=clone/runs/$name
files="loss.png voice.wav run.yaml"
if [ "$name" = vocoder-minutes ]; then # else there is no speech on this machine
    files="$files copies.txt copy-1.wav copy-2.wav sounds.png"
    for words in 'noise of their envelope' 'distance, dB' 'unvoiced ones with a voice' 'More training'; do
        said out.txt "$words"
    done
fi
for file in $files; do [ -s "$run/$file" ] || fail "no $run/$file: $(tail -n 40 out.txt)"; done
grep -q '^verdict: done' "$run/run.yaml" || fail "$(head -n 3 "$run/run.yaml")"
# distance NAME: of the line of the scores
distance() { sed -n "s/^ *$1  *\([0-9.]*\) dB .*/\1/p" "$run/copies.txt"; }
if [ -z "${STEPS-}" ] && [ "$name" = vocoder-minutes ]; then
    awk -v own="$(distance 'copies, all')" -v other="$(distance 'another recording')" \
        'BEGIN { exit !(own > 0 && own < 0.5 * other) }' || fail "the copies are far: $(cat "$run/copies.txt")"
fi

cmake --install clone/build --prefix "$WORK/prefix" >install.txt 2>&1 || fail "cmake --install: $(tail -n 5 install.txt)"
expect_ok "$WORK/prefix/bin/wavetrain" inspect "$run"
[ -s "$WORK/prefix/share/man/man1/wavetrain.1" ] || fail "no manual"
