# evaluate, generate, plot and inspect on a small run: what they print and write, and that neither ranks nor
# threads nor the number of pieces change a bit of it.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=

make_tone
make_config config.yaml
train_ok run

# --- evaluate ---

expect_ok "$WAVETRAIN" evaluate run --markov
cp out.txt scores.txt
# the test part has 2 utterances of 1,600 samples, each a target once
said scores.txt 'tone, test: 3200 targets, '
said scores.txt 'network, step 50 '
said scores.txt 'first-order Markov model '
awk '/network/ {network = $4} /Markov/ {markov = $4} /difference/ {difference = $2}
    END {exit !(network > 0 && network < log(64) && markov > 0 && markov < log(64) &&
        (network - markov - difference)^2 < 1e-7)}' scores.txt ||
    fail "scores that can't be: $(cat scores.txt)"
awk '/network/ {exit !(($4 / log(2) - $6)^2 < 1e-6)}' scores.txt || fail "$(cat scores.txt)"
for command in "$WAVETRAIN" "$MPIRUN 2 $WAVETRAIN" "$MPIRUN 3 $WAVETRAIN"; do
    for threads in 1 3; do
        OMP_NUM_THREADS=$threads expect_ok $command evaluate run --markov
        cmp -s out.txt scores.txt || fail "$command, $threads threads: other scores: $(cat out.txt)"
    done
done
expect_ok "$WAVETRAIN" evaluate run/checkpoints/step-00000050.h5 --markov
cmp -s out.txt scores.txt || fail "other scores of the checkpoint's file"
expect_ok "$WAVETRAIN" evaluate run --checkpoint 40
said out.txt 'network, step 40 '
! grep -q Markov out.txt || fail "a Markov model that nobody asked for"
expect_ok "$WAVETRAIN" evaluate run --split train
said out.txt 'tone, train: 25600 targets, '
# all of the validation part is what training validates with where validation.windows is 0
train_ok all --set validation.windows=0
expect_ok "$WAVETRAIN" evaluate all --split validation
loss=$(awk '/network/ {print $4}' out.txt)
metrics_of all | awk -F, -v loss="$loss" '$1 == 50 {exit !(($8 - loss)^2 < 1e-8)}' ||
    fail "validation has another loss"

# --- generate ---

# generate FILE OPTION…
generate() {
    local file=$1
    shift
    expect_ok "$WAVETRAIN" generate run --out "$file" "$@"
    no_leftovers
}
# size FILE: its samples, from a header that must be right
size() {
    [ "$(od -An -c -N4 "$1" | tr -d ' ')$(od -An -c -j8 -N8 "$1" | tr -d ' ')" = RIFFWAVEfmt ] || fail "$1: no WAV"
    # PCM, mono, 8000 Hz, 16000 bytes a second, 2 bytes a frame, 16 bits
    [ "$(od -An -tu2 -j20 -N16 "$1" | tr -s ' ')" = ' 1 1 8000 0 16000 0 2 16' ] || fail "$1: another format"
    [ $(od -An -tu4 -j40 -N4 "$1") = $(($(stat -c %s "$1") - 44)) ] ||
        fail "$1: another length than it says"
    echo $(($(od -An -tu4 -j40 -N4 "$1") / 2))
}
# same, different FILE FILE
same() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}
different() {
    ! cmp -s "$1" "$2" || fail "$1 and $2 are the same"
}

generate a.wav --seconds 0.25
[ "$(size a.wav)" = 2000 ] || fail "a.wav: $(size a.wav) samples, expected 2000"
said out.txt 'a.wav: 0.25 s at 8000 Hz, level -'
generate b.wav --seconds 0.25 --seed 1
same a.wav b.wav
OMP_NUM_THREADS=3 generate c.wav --seconds 0.25
same a.wav c.wav
generate d.wav --seconds 0.25 --seed 2
different a.wav d.wav
generate long.wav --seconds 0.5
cmp -s <(tail -c +45 a.wav) <(tail -c +45 long.wav | head -c 4000) || fail "a longer one begins otherwise"
expect_ok "$WAVETRAIN" generate run/checkpoints/step-00000050.h5 --out e.wav --seconds 0.25
same a.wav e.wav
generate f.wav --seconds 0.25 --checkpoint 40
different a.wav f.wav

# pieces: the first is the only one, and none depends on how many there are
generate three.wav --seconds 0.25 --count 3
OMP_NUM_THREADS=3 generate two.wav --seconds 0.25 --count 2
same three-1.wav a.wav
same three-1.wav two-1.wav
same three-2.wav two-2.wav
different three-1.wav three-2.wav
different three-2.wav three-3.wav
[ ! -e three.wav ] && [ ! -e three-4.wav ] || fail "files that nobody asked for"

# temperature 0 draws nothing; nor does the first of one
generate cold.wav --seconds 0.25 --temperature 0
generate cold-2.wav --seconds 0.25 --temperature 0 --seed 2
same cold.wav cold-2.wav
generate first.wav --seconds 0.25 --top-k 1
same cold.wav first.wav
different cold.wav a.wav

# the priming changes what comes, and is not written
generate primed.wav --seconds 0.25 --prime-from test
[ "$(size primed.wav)" = 2000 ] || fail "primed.wav: $(size primed.wav) samples, expected 2000"
said err.txt 'primed with 0.20 s of '
different primed.wav a.wav
generate primed-1.wav --seconds 0.25 --prime-from test --prime-utterance 1
different primed.wav primed-1.wav
generate least.wav --seconds 0.25 --prime-from test --prime-seconds 0
said err.txt 'primed with 0.00 s of ' # of the receptive field, 33 samples
if "$WAVETRAIN" generate run --out by-file.wav --prime a.wav --seconds 0.1 >out.txt 2>err.txt; then
    [ "$(size by-file.wav)" = 800 ] || fail "by-file.wav: $(size by-file.wav) samples, expected 800"
else
    said err.txt libsndfile # a build without it
fi

# an existing file
cp a.wav kept.wav
expect_error 2 'a.wav: exists already' "$WAVETRAIN" generate run --out a.wav
same a.wav kept.wav
generate a.wav --seconds 0.25 --seed 2 --force
same a.wav d.wav

# --- plot ---

if "$WAVETRAIN" plot run all --out loss.png >out.txt 2>err.txt; then
    [ "$(od -An -tx1 -N8 loss.png | tr -d ' ')" = 89504e470d0a1a0a ] || fail "loss.png: no PNG"
    [ "$(stat -c %s loss.png)" -gt 5000 ] || fail "loss.png: $(stat -c %s loss.png) bytes"
    expect_ok "$WAVETRAIN" plot run --out loss.png
    no_leftovers
else
    said err.txt PLplot # a build without it
fi

# --- a process that no launcher has started ---

# It looks for no network, unless the user's settings say so; and many at once don't meet in a folder of their
# MPI.
opened() { # how often the module of Open MPI that opens networks' libraries
    LD_DEBUG=files "$WAVETRAIN" evaluate run 2>&1 >/dev/null | grep -c 'mca_pml_cm\.so' || true
}
[ "$(unset OMPI_MCA_pml && opened)" = 0 ] || fail "networks are looked for"
[ "$(OMPI_MCA_pml=cm opened)" != 0 ] || echo "not checked: this MPI opens no such module"
for n in $(seq 24); do "$WAVETRAIN" evaluate run >alone-$n.txt 2>&1 || echo "exit code $?" >>alone-$n.txt & done
wait
for n in $(seq 24); do cmp alone-1.txt alone-$n.txt || fail "$(cat alone-$n.txt)"; done
said alone-1.txt 'nats'

# --- inspect ---

expect_ok "$WAVETRAIN" inspect config.yaml --tensors
said out.txt 'receptive field  33 samples'
said out.txt 'step             16 windows of 300 targets, 8 microbatches of 2 windows'
parameters=$(sed -n 's/.* blocks, \([0-9]*\) parameters in .*/\1/p' out.txt)
# names and shapes as the design has them, and their sizes add up
grep -qE '^  blocks\.4\.conv\.weight +22 × 13 × 2$' out.txt || fail "no such tensor: $(cat out.txt)"
awk -v all="$parameters" '
    /^  [a-z]/ { size = $2; for (i = 4; i <= NF; i += 2) size *= $i; sum += size }
    END { exit !(sum == all && sum > 0) }' out.txt || fail "the tensors have not $parameters parameters in all"
expect_ok "$WAVETRAIN" inspect config.yaml --set model.layers=6
said out.txt 'receptive field  65 samples'
expect_ok "$WAVETRAIN" inspect run
said out.txt 'checkpoint       run/checkpoints/step-00000050.h5'
said out.txt 'receptive field  33 samples (4.1 ms at 8000 Hz)'
said out.txt "$parameters parameters"
cp out.txt run.txt
expect_ok "$WAVETRAIN" inspect run/checkpoints/step-00000050.h5
cmp -s out.txt run.txt || fail "a run and its newest checkpoint are inspected differently"
expect_ok "$WAVETRAIN" inspect tone
grep -qE '^train +16 utterances, 25600 samples ' out.txt || fail "inspect tone: $(cat out.txt)"
digest=$(sed -n 's/^train .* digest //p' out.txt)
said run.txt "tone, digest $digest"
