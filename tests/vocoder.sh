#!/bin/bash
# tests/vocoder.sh [--steps N] [--copies N] [--temperature T] [--folder FOLDER] [--csv FILE] [--limits no]
# A vocoder of one voice, N (18,000) steps of configs/vocoder-quick.yaml on the quickstart's speech (jobs/setup.sh
# --recordings):
# held-out loss with the right features, with those of another recording and with the right ones half a hop
# late; scores of copies of N (10) held-out recordings (src/metrics/copy_score.h), drawn at temperature T
# (0.65). A table goes to stdout, the same as CSV to FILE, curves and spectrograms into FOLDER. WAVETRAIN is
# the program (build/wavetrain); a run in FOLDER goes on. Fails where a figure misses its limit; with --limits
# no where the right features have not the lowest loss.
SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain}
set -eu
. "$SOURCE/tests/measuring.sh"
steps=18000 copies=10 temperature=0.65 folder='' csv='' limits=yes
read_options "steps copies temperature folder csv limits" "$@"
enter_folder
find_speech
[ -e data/vocoder ] || "$WAVETRAIN" prepare audio "$speech" --mel 8k,hop=128 --trim 50 --out data/vocoder >prepare.txt
"$WAVETRAIN" train "$SOURCE/configs/vocoder-quick.yaml" --run vocoder \
    --set=train.steps=$steps --set=schedule.warmup=$((steps < 2000 ? steps / 20 + 1 : 100)) >train.log

# nats FRAMES: per sample of 16 bits
nats() {
    "$WAVETRAIN" evaluate vocoder --frames "$1" | tee "loss-$1.txt" |
        sed -n 's/^ *per sample of 16 bits *\([0-9.]*\) nats.*/\1/p'
}
own=$(nats own) other=$(nats other) late=$(nats late)
"$WAVETRAIN" evaluate vocoder --copies "$copies" --temperature "$temperature" --plot copies.png >copies.txt

# score NAME: distance, flatness and three shares of a line of the scores
score() { sed -n "s/^ *$1 *\([0-9.]*\) dB *\([0-9.]*\) x *\([0-9.]*\) % *\([0-9.]*\) % *\([0-9.]*\) %.*/\1 \2 \3 \4 \5/p" copies.txt; }
read -r distance flatness voiced tune invented <<<"$(score 'copies, all')"
read -r noise noise_flatness _ <<<"$(score 'noise of their envelope')"
steps=$(sed -n 's/.*network of step \([0-9]*\).*/\1/p' copies.txt)

# row MEASURE VALUE <=|>=|- LIMIT
row() { awk -v OFS=, -v m="$1" -v v="$2" -v how="$3" -v l="$4" 'BEGIN {
    met = how == "-" ? "" : (how == "<=" ? v + 0 <= l + 0 : v + 0 >= l + 0) ? "yes" : "no"; print m, v, how, l, met }'; }
difference() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a - b }'; }
{
    echo measure,value,comparison,limit,met
    row steps "$steps" - -
    row nats_right_features "$own" - -
    row nats_more_with_another_recordings "$(difference "$other" "$own")" '>=' 0.15
    row nats_more_half_a_hop_late "$(difference "$late" "$own")" '>=' 0.15
    row temperature "$temperature" - -
    row distance_of_noise_dB "$noise" - -
    row distance_dB "$distance" '<=' "$(awk -v n="$noise" 'BEGIN { printf "%.2f", 0.8 * n }')"
    row flatness "$flatness" - -
    row flatness_of_noise "$noise_flatness" - -
    row voiced_percent "$voiced" '>=' 70
    row in_tune_percent "$tune" '>=' 60
    row invented_percent "$invented" '<=' 15
} >vocoder.csv
column -s, -t vocoder.csv
[ -z "$csv" ] || cp vocoder.csv "$csv"
if [ "$limits" = yes ]; then
    if grep -q ',no$' vocoder.csv; then exit 1; fi
else
    awk -v own="$own" -v other="$other" -v late="$late" 'BEGIN { exit !(own < other && own < late) }'
fi
