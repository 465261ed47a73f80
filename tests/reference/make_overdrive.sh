#!/bin/bash
# Pairs of recordings for configs/overdrive.yaml: speech, made quiet, and what an overdriven amplifier makes
# of it.
#     tests/reference/make_overdrive.sh SOUNDS OUT [GAIN [COLOUR]]
# Every WAV file of at least a second below SOUNDS becomes OUT/in/NAME.wav and OUT/out/NAME.wav. All of sox's
# effects here are causal. A recording whose output would clip is left out; the gain is such that a linear
# filter does badly (tests/reference/linear_filter.c).
set -eu
sounds=$1 out=$2 gain=${3:-33} colour=${4:-20}
command -v sox >/dev/null || { echo "sox is missing (Debian package sox)" >&2; exit 1; }
mkdir -p "$out/in" "$out/out"
find "$sounds" -name '*.wav' -size +15k | sort | while read -r file; do
    name=$(realpath --relative-to="$sounds" "$file" | tr / _)
    sox -D "$file" "$out/in/$name" gain -20
    sox -D "$out/in/$name" "$out/out/$name" overdrive "$gain" "$colour" highpass 300 lowpass 3000 2>"$out/sox.log"
    if grep -q clipped "$out/sox.log"; then rm "$out/in/$name" "$out/out/$name"; fi
done
rm -f "$out/sox.log"
echo "$(ls "$out/in" | wc -l) pairs in $out"
