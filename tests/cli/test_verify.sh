# wavetrain inspect DATASET --verify: reads everything, names what is damaged, and leaves nothing to belief;
# what an older program has prepared is read, with a note.
set -eu
. "$SOURCE/tests/expect.sh"

flip() { # FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j "$2" -N1 "$1")
    printf "\\x$(printf %x $((byte ^ 4)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

expect_ok "$WAVETRAIN" prepare simulate sine --utterances 20 --seconds 0.5 --noise 0.1 --out tone
expect_ok "$WAVETRAIN" inspect tone
! grep -q '^verified\|^note' out.txt || fail "$(cat out.txt)"
expect_ok "$WAVETRAIN" inspect tone --verify
for shard in tone/*.h5; do
    split=$(basename "$shard" -00000.h5)
    said out.txt "verified         $split: 1 shard, "
done

# among the samples, which nothing else reads before training does
cp -r tone flipped
flip flipped/train-00000.h5 $(($(stat -c %s flipped/train-00000.h5) / 2))
expect_ok "$WAVETRAIN" inspect flipped
got=0
"$WAVETRAIN" inspect flipped --verify >out.txt 2>err.txt || got=$?
[ "$got" = 1 ] && [ "$(wc -l <err.txt)" = 1 ] || fail "exit code $got: $(cat err.txt)"
said err.txt 'wavetrain: flipped/train-00000.h5: damaged'
said out.txt 'verified         validation: 1 shard, ' # the other splits are looked at all the same

expect_error 2 'config.yaml: no such' "$WAVETRAIN" inspect config.yaml --verify
echo 'data: {path: tone}' >config.yaml
expect_error 2 'config.yaml: --verify is of data sets (expected DATASET)' "$WAVETRAIN" inspect config.yaml --verify

# before-hash.h5 was prepared before there was a hash over attributes and normalisation
mkdir old
cp "$SOURCE/tests/data/before-hash.h5" old/train-00000.h5
expect_ok "$WAVETRAIN" inspect old
said out.txt 'note             train: no hash over attributes and normalisation'
expect_ok "$WAVETRAIN" inspect old --verify
said out.txt 'verified         train: 1 shard, '
cat >old.yaml <<'YAML'
model: {stacks: 1, layers: 2, residual: 4, gate: 4, skip: 4, input: real}
data: {path: old, window: 8, target: label}
train: {batch: 2, steps: 2}
validation: {every: 0}
YAML
expect_ok "$WAVETRAIN" train old.yaml --run run
flip old/train-00000.h5 $((2048 + 6)) # in normalization/mean: nothing but the digest covers it there
expect_ok "$WAVETRAIN" inspect old
expect_error_of_verify() {
    local got=0
    "$WAVETRAIN" inspect old --verify >out.txt 2>err.txt || got=$?
    [ "$got" = 1 ] || fail "exit code $got"
    said err.txt 'wavetrain: old/train-00000.h5: damaged: it no longer holds what was prepared'
}
expect_error_of_verify
