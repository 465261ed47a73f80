# A vocoder of recorded speech, as tests/vocoder.sh trains and scores it, in few steps: the right features have
# the lowest loss, and everything is there that is scored.
set -eu
. "$SOURCE/tests/expect.sh"
bash "$SOURCE/tests/vocoder.sh" --steps 60 --copies 2 --limits no --folder "$WORK/vocoder"
for measure in nats_right_features nats_more_half_a_hop_late distance_dB in_tune_percent; do
    grep -q "^$measure,-\?[0-9.]*[0-9]," vocoder/vocoder.csv || fail "no $measure: $(cat vocoder/vocoder.csv)"
done
[ -s vocoder/copies.png ] || fail "no spectrograms"
