# Five recorded voices, as tests/speakers.sh trains and classifies them, in few steps: everything is there that
# is scored, and one's own speaker has the lower loss in the mean.
set -eu
. "$SOURCE/tests/expect.sh"
bash "$SOURCE/tests/speakers.sh" --steps 60 --classifier-steps 20 --windows 20 --seconds 2 --held-out 0.01 \
    --limits no --folder "$WORK/speakers"
for measure in mean_margin_nats classifier_held_out_percent right_windows_mean_percent; do
    grep -q "^$measure,-\?[0-9.]*[0-9]," speakers/speakers.csv || fail "no $measure: $(cat speakers/speakers.csv)"
done
