# configs/ecg.yaml, whole: a network that predicts a simulated heart's next sample is within 0.02 nats per
# value of the model that made it, on held-out data, and what it goes on with for 20 s has the rhythm (beats
# per second within 5 %) and in each channel the deviation (within 10 %) of the data.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=2

expect_ok "$WAVETRAIN" prepare simulate ecg --out data/ecg
best=$(sed -n 's/^ *model *\(-[0-9.]*\) nats per value.*/\1/p' out.txt)
expect_ok "$WAVETRAIN" train "$SOURCE/configs/ecg.yaml" --run run
expect_ok "$WAVETRAIN" evaluate run
reached=$(sed -n "s/^ *per value, in the data's units *\(-[0-9.]*\) nats.*/\1/p" out.txt)
awk -v best="$best" -v reached="$reached" 'BEGIN {
    print "nats per value: " reached ", the model itself " best
    exit !(best < 0 && reached < best + 0.02 && reached > best - 0.02) }' || fail "more than 0.02 nats from the model"

expect_ok "$WAVETRAIN" generate run --out on.csv --seconds 20 --prime-from test
deviations=$(h5dump -d normalization/deviation -y -m %.9g data/ecg/train-00000.h5 | grep -v '[A-Z{}]' | tr -d ' \n')
[ -n "$deviations" ] || fail "no deviations in data/ecg/train-00000.h5"
# A beat: channel 3 rises above 0.6, at least 0.3 s behind the last one.
awk -F, -v deviations="$deviations" '
    BEGIN { channels = split(deviations, expected, /, */) }
    NR == 1 { next }
    { for (c = 1; c <= channels; c++) { sum[c] += $(c + 1); squares[c] += $(c + 1) ^ 2 } }
    NR > 2 && before < 0.6 && $4 >= 0.6 && (!beats || $1 - last > 0.3) {
        if (!beats++) first = $1
        last = $1
    }
    { before = $4 }
    END {
        rows = NR - 1
        bad = rows != 2000 || channels != 3 || beats < 3
        for (c = 1; c <= channels; c++) {
            ratio = sqrt(squares[c] / rows - (sum[c] / rows) ^ 2) / expected[c]
            printf "channel %d: deviation %.3f of the data\n", c, ratio
            if (!(ratio > 0.9 && ratio < 1.1)) bad = 1
        }
        rate = (beats - 1) / (last - first)
        printf "%d beats, %.3f per second\n", beats, rate
        if (!(rate > 1.2 * 0.95 && rate < 1.2 * 1.05)) bad = 1
        exit bad
    }' on.csv || fail "the series that goes on is not like the data"
