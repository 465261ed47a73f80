# prepare audio --features: mel spectra of other programs' files give the data set that --mel makes of the same
# recordings, byte for byte, also on several ranks; and what does not fit is refused, with nothing left.
set -eu
. "$SOURCE/tests/cli/prepare_helpers.sh"
make_features=$2

for i in $(seq 9); do sound "in/$i-low.wav" 8000 1 $((1500 + 37 * i)) tone $((200 + 90 * i)); done
features() {
    "$make_features" "$@" || fail "make_features $*"
}
prepare() {
    expect_ok "$WAVETRAIN" prepare audio in --out "$@"
}
same_shards() {
    for shard in "$1"/*; do cmp "$shard" "$2/${shard##*/}" || fail "$2: another data set than $1"; done
}

prepare by-mel --mel 8k
for kind in rows columns hdf5 kaldi; do
    features "$kind" "$kind" 8k 1 in/*.wav
    prepare "by-$kind" --mel 8k --features "$kind"
    same_shards by-mel "by-$kind"
done
expect_ok "$MPIRUN" 3 "$WAVETRAIN" prepare audio in --out by-ranks --mel 8k --features columns
same_shards by-mel by-ranks

# features of which no more is known than how far they are apart
prepare by-hop --features rows --hop 64
said out.txt "features    40 numbers every 64 samples"
expect_ok "$WAVETRAIN" inspect by-hop --verify

# --- what is refused ---
refuse() {
    local words=$1
    shift
    expect_error 2 "$words" "$WAVETRAIN" prepare audio in --out bad "$@"
    [ ! -e bad ] || fail "a data set was made"
    ! ls -d bad.* 2>/dev/null || fail "something was left"
}
refuse "--features: --hop N (samples from frame to frame) or --mel (how they were made) is missing" --features rows
refuse "--features: are of the recordings as they are (got --trim too)" --features rows --hop 64 --trim 40
refuse "--features: are of the recordings as they are (got --rate too)" --features rows --hop 64 --rate 4000
refuse "--hop: --mel says it (got both)" --features rows --mel 8k --hop 64
refuse "--hop: needs --features" --hop 64
refuse "--layout: needs --features" --layout TD
refuse "--layout: got TT, expected TD (a row per frame) or DT (a column per frame)" --features rows --hop 64 --layout TT
refuse "absent: no folder of features (no such folder)" --features absent --hop 64
mkdir none
refuse "none: holds no features (expected .npy, .h5, .ark or .scp files)" --features none --hop 64
refuse "1-low has 11 frames too many for 1537 samples (got 25, expected 12 to 14 at a hop of 128; 61.5 samples" \
    --features hdf5 --hop 128
refuse "1-low has 23 frames too few for 1537 samples (got 25, expected 48 to 50 at a hop of 32" --features hdf5 --hop 32
refuse "rows/1-low.npy: 1-low has other numbers per frame (got 25 × 40, expected 30)" --features rows --mel 8k,bands=30
"$make_features" more rows 8k 1 in/*.wav
cp more/1-low.npy more/other.npy
refuse "more/other.npy: other are features of no recording" --features more --hop 64
rm more/other.npy more/5-low.npy
refuse "in/5-low.wav: has no features in more (expected 5-low.npy, 5-low.h5 or the key 5-low)" --features more --hop 64
"$make_features" more rows 8k nan in/*.wav
refuse "-low.npy: frame 0 is not finite (got nan)" --features more --hop 64
head -c 500 rows/3-low.npy >more/3-low.npy
refuse "more/3-low.npy: is not as long as its header says (got 500 bytes, expected" --features more --hop 64
for i in $(seq 2 9); do rm "in/$i-low.wav"; done
refuse "--features: there are fewer recordings than parts of the data set, and in/1-low.wav would be cut" \
    --features rows --hop 64
