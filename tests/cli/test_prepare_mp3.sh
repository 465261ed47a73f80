# wavetrain prepare audio reads MP3 where libsndfile does (from 1.1 on, built with its MPEG libraries): its
# samples, its damage, and what a name hides. Files of kinds that are not read are counted by their endings.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"

prepare() {
    "$WAVETRAIN" prepare audio "$@" --validation 0 --test 0 >report.txt 2>log.txt || fail "prepare audio $*: $(cat log.txt)"
    no_leftovers
}

# counted with what is skipped: nothing vanishes, whatever libsndfile reads
sound in/a.wav 16000 1 16000 tone 500
touch in/b.m4a in/c.M4A in/d.wma in/notes
prepare in --out counted
said report.txt 'skipped     4 files of other kinds: '
for kind in '.m4a × 2' '.wma × 1' 'no ending × 1'; do said report.txt "$kind"; done

mkfifo in/p.wav # no one writes
expect_error 2 'in/p.wav: is a pipe (expected a regular file)' timeout 60 "$WAVETRAIN" prepare audio in --out refused
rm in/p.wav

code=0
"$make_sounds" e.mp3 16000 1 48000 tone 500 2>words.txt || code=$?
if [ $code = 77 ]; then
    touch in/e.mp3 in/f.MP3 # read or not, they are no silent loss
    "$WAVETRAIN" prepare audio in --out unread --validation 0 --test 0 >report.txt 2>log.txt || true
    cat report.txt log.txt | grep -q -e '.mp3 × 2' -e 'in/e.mp3: ' || fail "MP3s vanish: $(cat report.txt log.txt)"
    echo "skipped: $(cat words.txt)"
    exit 77
fi
[ $code = 0 ] || fail "make_sounds: $(cat words.txt)"

mkdir mp3 && mv e.mp3 mp3
prepare mp3 --out read
[ "$(column train 2)" = 1 ] || fail "utterances: $(cat report.txt)"
samples=$(column train 4)
[ "$samples" -ge 48000 ] && [ "$samples" -le 52608 ] || fail "$samples samples of 48,000" # at most four frames more
! grep -q silent report.txt || fail "nothing but zeros was read"

# cut short, it is named (libmpg123 has warnings of its own)
cp -r mp3 cut && truncate -s $(($(stat -c %s mp3/e.mp3) / 2)) cut/e.mp3
code=0
"$WAVETRAIN" prepare audio cut --out refused >out.txt 2>err.txt || code=$?
[ $code = 2 ] && [ ! -e refused ] || fail "a damaged file was taken: $(cat err.txt)"
said err.txt 'wavetrain: cut/e.mp3: the file is truncated or damaged (got '
sound cut/f.wav 16000 1 16000 tone 500
prepare cut --out left --skip-damaged
said log.txt 'warning: cut/e.mp3: '
[ "$(column train 2)" = 1 ] || fail "utterances: $(cat report.txt)"

# a WAV file of that name is one
mkdir named && cp in/a.wav named/a.mp3
prepare named --out as-wav
[ "$(column train 4)" = 16000 ] || fail "a WAV file named .mp3: $(cat report.txt)"
