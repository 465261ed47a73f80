# wavetrain prepare: wrong input and options end with one clear line, the right code, and nothing
# half-written.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"

audio() {
    local code=$1 words=$2
    shift 2
    expect_error "$code" "$words" "$WAVETRAIN" prepare audio "$@" --out out
    [ ! -e out ] || fail "$*: there is a data set"
}

sound good/a.wav 8000 1 1000 tone 500
sound good/b.wav 8000 1 1000 tone 500
mkdir empty full
echo text >full/readme.txt

# inputs
audio 2 'nowhere: no such file or folder' nowhere
audio 2 'empty: holds no recordings' empty
audio 2 'full: holds no recordings' full
audio 2 'full/readme.txt: can' full/readme.txt
cp full/readme.txt good/c.wav
audio 2 'good/c.wav: can' good
: >good/c.wav
audio 2 'good/c.wav: is empty' good
sound good/c.wav 8000 1 0 tone 500
audio 2 'good/c.wav: holds no samples' good
sound good/c.wav 8000 1 1000 tone 500
truncate -s 1500 good/c.wav
audio 2 'good/c.wav: the WAV file is truncated (got 1456 bytes of samples, expected 2000)' good
rm good/c.wav
sound good/c.flac 8000 1 20000 noise 1
truncate -s 20000 good/c.flac
audio 2 'good/c.flac: the file is truncated or damaged' good
rm good/c.flac
sound good/c.wav 8000 1 1000 nan 0 float
audio 2 'good/c.wav: frame 500 is not a finite number' good
sound good/c.wav 999 1 1000 tone 100
audio 2 'good/c.wav: the sample rate is out of range (got 999 Hz' good
sound good/c.wav 8000 65 10 zeros
audio 2 'good/c.wav: the number of channels is out of range (got 65' good
sound good/c.wav 16000 1 1000 tone 500
audio 2 'good/c.wav: has another sample rate than good/a.wav (got 16000 Hz, expected 8000' good
sound good/c.wav 8000 2 1000 tone 500
audio 2 'good/c.wav: has another number of channels than good/a.wav' good --channels keep
audio 2 'good/a.wav: has no channel 2' good --channels 2
rm good/c.wav
audio 2 'same name in the data set' good good/a.wav
ln -s nowhere.wav good/c.wav
audio 2 'good/c.wav: is a link' good
rm good/c.wav

# targets
mkdir target
for name in a b; do sound target/$name.wav 8000 1 1000 tone 300; done
expect_ok "$WAVETRAIN" prepare audio good --target target --validation 0 --test 0 --out paired
said out.txt 'labels      values'
rm -r paired
expect_ok "$WAVETRAIN" prepare audio good/a.wav --target target/b.wav --validation 0 --test 0 --out paired
rm -r paired
audio 2 'nowhere: no such file' good --target nowhere
audio 2 '--target: goes with one file or folder (got 2 inputs)' good/a.wav good/b.wav --target target
audio 2 '--trim: would cut' good --target target --trim 40
sound target/c.wav 8000 1 1000 tone 300
audio 2 "target/c.wav: is no recording's target" good --target target
mv target/c.wav target/aa.wav
audio 2 "target/aa.wav: is no recording's target" good --target target
rm target/aa.wav target/b.wav
audio 2 'good/b.wav: has no target of that name' good --target target
sound target/b.wav 8000 1 999 tone 300
audio 2 'target/b.wav: is not as long as good/b.wav (got 999 samples, expected 1000; --align auto brings them together)' good --target target
sound target/b.wav 16000 1 1000 tone 300
audio 2 'target/b.wav: has another sample rate than good/b.wav (got 16000 Hz, expected 8000)' good --target target
# a target is one channel, by the same choice as the recording's
sound target/b.wav 8000 2 1000 tone 300
audio 2 'target/b.wav: a target is of one channel (got 2, expected 1;' good --target target --channels keep
audio 2 'target/a.wav: has no channel 2' good --target target --channels 2
mkdir stereo
for name in a b; do sound stereo/$name.wav 8000 2 1000 tone 300; done
audio 2 'good/a.wav: has no channel 2 (got 1 channels)' stereo --target good --channels 2
expect_ok "$WAVETRAIN" prepare audio stereo --target good --channels keep --validation 0 --test 0 --out paired
said out.txt '2 channels'
rm -r paired
expect_ok "$WAVETRAIN" prepare audio good --target stereo --channels 1 --validation 0 --test 0 --out paired
rm -r paired target stereo

# several that can't be read are all listed, whatever is wrong with them, and left out on demand
mkdir bad && cp good/a.wav good/b.wav bad
sound bad/c.flac 8000 1 20000 noise 1 && truncate -s 20000 bad/c.flac
sound bad/d.wav 8000 1 1000 nan 0 float
echo '<html>' >bad/e.wav
: >bad/f.wav
sound bad/g.ogg 8000 1 20000 noise 1 && truncate -s -100 bad/g.ogg
cp bad/a.wav "bad/$(printf 'h\377').wav"
sound bad/k.wav 8000 1 1000 tone 500
touch bad/notes.txt bad/x.m4a bad/y.M4A bad/none
audio 2 '4 of 9 recordings can' bad
for file in e.wav f.wav g.ogg 'h?.wav: its name is not UTF-8'; do said err.txt "warning: bad/$file"; done
rm bad/e.wav bad/f.wav bad/g.ogg "bad/$(printf 'h\377').wav"
audio 2 '2 of 5 recordings can' bad --validation 0.1
said err.txt 'warning: bad/c.flac: the file is truncated or damaged'
said err.txt 'warning: bad/d.wav: frame 500 is not a finite number'
"$MPIRUN" 3 "$WAVETRAIN" prepare audio bad --skip-damaged --out left >out.txt 2>err.txt || fail "left: $(cat err.txt)"
said err.txt 'warning: 2 of 5 recordings left out'
said out.txt 'skipped     4 files of other kinds: '
for kind in '.txt × 1' '.m4a × 2' 'no ending × 1'; do said out.txt "$kind"; done
for part in train validation test; do [ -e left/$part-00000.h5 ] || fail "$part is empty"; done
mkdir target2 && cp good/a.wav target2/k.wav && cp good/b.wav bad/c.flac && rm bad/c.flac bad/b.wav
cp good/a.wav target2/a.wav && cp bad/a.wav target2/d.wav
expect_ok "$WAVETRAIN" prepare audio bad --target target2 --skip-damaged --validation 0 --test 0 --out left2
said out.txt 'train                2'
rm -r left left2 bad target2
mkdir only && touch only/a.m4a only/b.wma
audio 2 'only: holds no recordings (got .' only
# targets that say nothing
mkdir quiet
for name in a b; do sound quiet/$name.wav 8000 1 1000 zeros; done
expect_ok "$WAVETRAIN" prepare audio good --target quiet --validation 0 --test 0 --out paired
said out.txt 'constant    2 targets that never change'
rm -r paired quiet

# options
audio 2 '--rate: is given twice (expected once)' good --rate 8000 --rate 16000
audio 2 '--target: is given twice' good --target a --target b
expect_error 2 '--out: is given twice' "$WAVETRAIN" prepare audio good -o out --out out
audio 2 '--rate: out of range' good --rate 999
audio 2 '--rate: out of range' good --rate 768001
audio 2 '--channels: got most' good --channels most
audio 2 '--channels: got 0' good --channels 0
audio 2 '--trim: out of range' good --trim -40
audio 2 '--trim-limit: out of range' good --trim-limit 1.5
audio 2 '--validation: out of range' good --validation -0.1
audio 2 '--test: out of range' good --test nan
audio 2 'leave nothing to train on' good --validation 0.5 --test 0.5
audio 2 '--shard-mib: out of range' good --shard-mib 0
audio 2 '--no-such' good --no-such
audio 2 'an argument is missing'
expect_error 2 '--out: is missing' "$WAVETRAIN" prepare audio good

# where it is to be written
mkdir there && echo x >there/file
expect_error 2 'there: exists already, a folder that is not empty' "$WAVETRAIN" prepare audio good --out there
expect_error 2 'empty: exists already, though it is an empty folder' "$WAVETRAIN" prepare audio good --out empty
expect_error 2 'full/readme.txt: exists already' "$WAVETRAIN" prepare audio good --out full/readme.txt
[ "$(cat there/file)" = x ] && [ -d empty ] || fail "what was there has changed"
expect_error 2 'good: is or lies in the data set to be written' "$WAVETRAIN" prepare audio good --out good
expect_error 2 'good/a.wav: is or lies in the data set' "$WAVETRAIN" prepare audio good/a.wav --out good/
expect_error 1 'full/readme.txt' "$WAVETRAIN" prepare audio good --out full/readme.txt/out
if [ "$(id -u)" = 0 ]; then
    expect_error 1 '/proc/self/' "$WAVETRAIN" prepare audio good --out /proc/self/out
else
    mkdir closed && chmod 555 closed
    expect_error 1 'closed/out: can' "$WAVETRAIN" prepare audio good --out closed/out
fi

# simulate
sine() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" prepare simulate "$@"
    [ ! -e out ] || fail "$*: there is a data set"
}
sine 'square: no such signal' square --out out
sine '--out: is missing' sine
sine '--frequency: out of range' sine --out out --frequency 4000
sine '--amplitude: out of range' sine --out out --amplitude 1.1
sine '--rate: out of range' sine --out out --rate 10
sine '--utterances: out of range' sine --out out --utterances 2
sine '--seconds: out of range' sine --out out --seconds 0
sine '--seconds: got nan, expected a number' sine --out out --seconds nan
sine '--noise: out of range' sine --out out --noise -1
sine 'empty: exists already' sine --out empty
