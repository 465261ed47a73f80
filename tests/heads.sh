#!/bin/bash
# tests/heads.sh [--steps N] [--folder FOLDER] [--csv FILE]
# The heads of real samples compared with the softmax on the quickstart's speech: the network of
# configs/speech-quick.yaml and its steps (2,000), inputs and batches, with each head; the held-out loss in
# nats per sample of 16 bits, with and without runs of 8 or more equal samples. The recordings are those of
# jobs/quickstart.sh (jobs/setup.sh --recordings). A table goes to stdout, the same as CSV to FILE. WAVETRAIN
# is the program (build/wavetrain). Fails where a mixture of logistics is above --logistics (1.00) or a
# Gaussian above --gaussian (1.05) × the softmax.
SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain}
set -eu
. "$SOURCE/tests/measuring.sh"
steps=2000 folder='' csv='' logistics=1.00 gaussian=1.05
read_options "steps folder csv logistics gaussian" "$@"
enter_folder
find_speech
[ -e data/speech-quick ] || "$WAVETRAIN" prepare audio "$speech" --out data/speech-quick >prepare.txt

# nats PATTERN FILE: the nats of the line of an evaluation that has PATTERN
nats() { sed -n "s/^ *$1[^0-9]* \([0-9.]*\) nats.*/\1/p" "$2"; }

printf 'head,steps,nats,nats_without_runs,ratio,ratio_without_runs\n' >heads.csv
for head in softmax logistics gaussian; do
    changes=(train.steps="$steps" schedule.warmup=$((steps / 20)) ema.decay=0.99)
    [ $head = softmax ] || changes+=(model.head=$head model.mean_curve=sinh optimizer.clip=10
        model.mean_unit=$([ $head = logistics ] && echo 0.0003 || echo 0.001))
    "$WAVETRAIN" train "$SOURCE/configs/speech-quick.yaml" --run $head "${changes[@]/#/--set=}" >$head.log
    "$WAVETRAIN" evaluate $head >$head.txt
    all=$(nats 'per sample of 16 bits' $head.txt) without=$(nats 'the same, out of such runs' $head.txt)
    [ -n "$all" ] && [ -n "$without" ] || { echo "$head: no nats in $head.txt:"; cat $head.txt; exit 1; }
    [ $head != softmax ] || { base=$all base_without=$without; }
    awk -v OFS=, -v h=$head -v s="$steps" -v a="$all" -v w="$without" -v b="$base" -v c="$base_without" \
        'BEGIN { print h, s, a, w, sprintf("%.4f", a / b), sprintf("%.4f", w / c) }' >>heads.csv
done
tr , '\t' <heads.csv
[ -z "$csv" ] || cp heads.csv "$csv"
awk -F, -v logistics="$logistics" -v gaussian="$gaussian" '
    $1 == "logistics" && !($6 <= logistics) { print "logistics: " $6 ", expected at most " logistics; bad = 1 }
    $1 == "gaussian" && !($6 <= gaussian) { print "gaussian: " $6 ", expected at most " gaussian; bad = 1 }
    END { exit bad }' heads.csv
