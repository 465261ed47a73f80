# wavetrain prepare gives the same bytes on 1, 2 and 4 ranks, and one error line, not one a rank.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"

for i in $(seq 30); do
    sound "in/$i.wav" 8000 1 $((2000 + 10 * i)) noise "$i"
done
for i in $(seq 31 40); do
    sound "in/$i.flac" 16000 2 4000 tone "$((100 + i))"
done

for ranks in 1 2 4; do
    "$MPIRUN" "$ranks" "$WAVETRAIN" prepare audio in --out audio-$ranks --rate 8000 --trim 60 --shard-mib 0.02 \
        >report.txt 2>log.txt ||
        fail "audio on $ranks ranks: $(cat log.txt)"
    # the report is the same but for the name and the time
    sed '1s/ in [0-9.]* s$//; 1s/^audio-[0-9]*//' report.txt >report-$ranks.txt
    cmp report-1.txt report-$ranks.txt || fail "reports differ on $ranks ranks"
    diff -r audio-1 audio-$ranks || fail "audio differs on $ranks ranks"
    "$MPIRUN" "$ranks" "$WAVETRAIN" prepare simulate sine --out sine-$ranks --utterances 20 --noise 0.1 --seconds 1 \
        --shard-mib 0.05 >report.txt 2>log.txt || fail "sine on $ranks ranks: $(cat log.txt)"
    diff -r sine-1 sine-$ranks || fail "the sine differs on $ranks ranks"
done
[ "$(ls audio-1/train-*.h5 | wc -l)" -gt 4 ] || fail "fewer shards than ranks: nothing was shared"
[ "$(ls sine-1/train-*.h5 | wc -l)" -gt 4 ] || fail "fewer shards than ranks: nothing was shared"
"$WAVETRAIN" prepare simulate sine --out sine-plain --utterances 20 --noise 0.1 --seconds 1 \
    --shard-mib 0.05 >report.txt 2>log.txt || fail "sine: $(cat log.txt)"
diff -r sine-1 sine-plain || fail "the sine differs without mpirun"
no_leftovers

# errors that one rank alone meets: in a header, and while decoding
expect_error 2 'nowhere: no such file' "$MPIRUN" 4 "$WAVETRAIN" prepare audio nowhere --out out
echo "no sound" >in/25.wav
expect_error 2 'in/25.wav: can' "$MPIRUN" 4 "$WAVETRAIN" prepare audio in --rate 8000 --out out
sound in/25.wav 8000 1 3000 nan 0 float
expect_error 2 'in/25.wav: frame 1500' \
    "$MPIRUN" 4 "$WAVETRAIN" prepare audio in --rate 8000 --shard-mib 0.02 --out out
expect_error 2 'audio-1: exists already' "$MPIRUN" 4 "$WAVETRAIN" prepare audio in --rate 8000 --out audio-1
[ ! -e out ] || fail "there is a data set"
