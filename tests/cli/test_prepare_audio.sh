# wavetrain prepare audio: what it takes, what it reports, what it leaves.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"

prepare() {
    "$WAVETRAIN" prepare audio "$@" >report.txt 2>log.txt || fail "prepare audio $*: $(cat log.txt)"
    no_leftovers
}

# one expected line of the report
reported() {
    grep -qE -- "$1" report.txt || fail "no '$1' in the report: $(cat report.txt)"
}

for i in $(seq 40); do
    sound "in/speaker$((i % 3))/$i.wav" 8000 1 $((800 + i)) noise "$i"
done
sound in/deep/er/a.FLAC 8000 1 1000 tone 500
sound in/deep/b.ogg 8000 1 1000 tone 500
sound in/.hidden.wav 8000 1 1000 tone 500
sound in/.git/c.wav 8000 1 1000 tone 500
echo "no sound" >in/notes.txt

# the whole folder: every visible file once, hidden ones and other kinds left out
prepare in --out made/by/prepare/all
files=$(ls made/by/prepare/all | tr '\n' ' ')
[ "$files" = "test-00000.h5 train-00000.h5 validation-00000.h5 " ] || fail "files: $files"
total=$(($(column train 2) + $(column validation 2) + $(column test 2)))
[ "$total" = 42 ] || fail "$total utterances, expected 42"
samples=$(($(column train 4) + $(column validation 4) + $(column test 4)))
[ "$samples" = $((40 * 800 + 820 + 2000)) ] || fail "$samples samples"
reported 'all: .* at 8000 Hz, 1 channel, int16'
reported 'skipped +1 file of other kinds'
reported 'clipped +0 samples'
grep -q warning log.txt && fail "a warning: $(cat log.txt)"

# the same again, elsewhere: the same bytes
cp -r in copy
prepare copy/ --out again/
diff -r made/by/prepare/all again || fail "the same recordings gave other bytes"

# files added: those that were there keep their split (only sizes can grow)
test_before=$(column test 2) train_before=$(column train 2) validation_before=$(column validation 2)
prepare in --out subset --split-seed 0
for i in $(seq 41 80); do
    sound "in/speaker3/$i.wav" 8000 1 900 noise "$i"
done
ids() {
    h5dump -d utterances/id "$1" | grep -oE '"[^"]*\.(wav|FLAC|ogg)"' | LC_ALL=C sort
}
if command -v h5dump >/dev/null; then
    prepare in --out grown
    for split in train validation test; do
        ids subset/$split-00000.h5 >before.txt
        ids grown/$split-00000.h5 >after.txt
        [ -s before.txt ] || fail "no ids in $split"
        [ -z "$(LC_ALL=C comm -23 before.txt after.txt)" ] || fail "adding files moved some out of $split"
    done
    [ "$(column train 2)" -gt "$train_before" ] || fail "no file was added to train"
fi
[ "$test_before" -gt 0 ] && [ "$validation_before" -gt 0 ] || fail "an empty split"

# parts by name: folders, patterns, files; the others by their shares
prepare copy --out by-name --validation speaker1/ --test 'deep/*' --test speaker2/2.wav
[ "$(column validation 2) $(column test 2)" = "$(ls copy/speaker1 | wc -l) 3" ] || fail "by name: $(cat report.txt)"
prepare copy --out by-name2 --test deep
[ "$(column test 2)" = 2 ] && [ "$(column validation 2)" -gt 0 ] || fail "by name: $(cat report.txt)"
expect_error 2 "--test: speaker9 is no recording's name (expected one such as " \
    "$WAVETRAIN" prepare audio copy --out refused --test speaker9
"$MPIRUN" 3 "$WAVETRAIN" prepare audio copy --out by-name3 --validation speaker1/ --test 'deep/*' --test speaker2/2.wav \
    >report.txt 2>log.txt || fail "by name on 3 ranks: $(cat log.txt)"
diff -r by-name by-name3 || fail "by name: other bytes on 3 ranks"

# small shards
prepare copy --out shards --shard-mib 0.01 --test 0
ls shards | grep -q '^test' && fail "a test split of share 0"
[ "$(ls shards/train-*.h5 | wc -l)" = "$(column train 5)" ] || fail "not as many shards as reported"
[ "$(column train 5)" -gt 3 ] || fail "small shards: $(column train 5)"

# rates: one to which all are resampled
sound mixed/a.wav 16000 2 16000 tone 500
sound mixed/b.wav 8000 1 8000 tone 500
prepare mixed --rate 8000 --out resampled --validation 0 --test 0
[ "$(column train 4)" = 16000 ] || fail "resampled to $(column train 4) samples, expected 16000"

# channels
sound stereo/a.wav 8000 2 1000 tone 500
prepare stereo --out kept --channels keep --validation 0 --test 0
reported '2 channels'
prepare stereo --out second --channels 2 --validation 0 --test 0
reported '1 channel,'

# trimming: half of it is silence; digital silence stays
sound speech/a.wav 8000 1 16000 speech
sound speech/b.wav 8000 1 16000 speech
prepare speech --out trimmed --trim 40 --trim-limit 0.6 --validation 0 --test 0
reported 'trimmed +50\.0 % of the recordings, 2\.0 s'
expect_error 2 'got 50.0 %, expected at most 40.0 %' \
    "$WAVETRAIN" prepare audio speech --out refused --trim 40 --trim-limit 0.4 --validation 0 --test 0
[ ! -e refused ] || fail "a refused data set is there"
sound zeros/z.wav 8000 1 1000 zeros
prepare zeros --out zeros-out --trim 40 --validation 0 --test 0
reported 'silent +1 recording '
[ "$(column train 4)" = 1000 ] || fail "digital silence was trimmed"

# clipping, and floats that are kept
sound loud/l.wav 8000 1 8000 loud 0 float
prepare loud --out clipped --validation 0 --test 0
reported 'clipped +[1-9]'
prepare loud --out floats --float --validation 0 --test 0
reported 'clipped +0 '
reported 'float'

# a single recording is cut in time, in the order training, validation, test, with something left out between
prepare mixed/b.wav --out single
! grep -q '^warning' log.txt || fail "warnings: $(cat log.txt)"
for part in train validation test; do [ "$(column $part 2)" = 1 ] || fail "parts: $(cat report.txt)"; done
[ "$(column train 4)" -gt "$((7 * $(column test 4)))" ] || fail "parts: $(cat report.txt)"

# of two, the one that has no name is cut in time
prepare mixed/b.wav copy/deep/er/a.FLAC --out single-named --validation a.FLAC
[ "$(column validation 4) $(column train 2) $(column test 2)" = "1000 1 1" ] || fail "named: $(cat report.txt)"

# what a crashed run left behind is in nobody's way
mkdir single2.partial-1-1
"$WAVETRAIN" prepare audio mixed/b.wav --out single2 >report.txt 2>log.txt || fail "beside a stale folder"
[ -d single2 ] && [ -d single2.partial-1-1 ] || fail "beside a stale folder"
rmdir single2.partial-1-1

"$WAVETRAIN" prepare audio --help | grep -q -- '--trim-limit=SHARE' || fail "--help"
