# One rank of two and of three that sees other files under the same paths, or is another program: refused
# before the first step, within 10 s, in one line that names the rank, its host, the fact and both values. The
# odd rank has its own working folder, so that the same relative paths lead elsewhere.
set -eu
. "$SOURCE/tests/mpi/faults.sh"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export WAVETRAIN_OVERSUBSCRIBE=1
export OMPI_MCA_odls_base_sigkill_timeout=0 # mpirun waits for nobody where all ranks have ended with a code

make_tone
make_config config.yaml
sed -i 's/steps: 50/steps: 4/; s/warmup: 5/warmup: 1/; s/every: 20/every: 2/; s/every: 10/every: 2/' config.yaml
train_ok run
"$WAVETRAIN" prepare simulate sine --utterances 20 --seconds 0.2 --noise 0.1 --seed 2 --out other >prepare.txt 2>&1 ||
    fail "$(cat prepare.txt)"
mkdir sounds
"$WAVETRAIN" generate run --count 4 --seconds 0.1 --out sounds/a.wav >generate.txt 2>&1 || fail "$(cat generate.txt)"
printf 'signal,label\n' >table.csv
seq 400 | awk '{ print $1 % 7 "," $1 % 3 }' >>table.csv
cp "$WAVETRAIN" another
printf '\n' >>another
host=$(hostname)

# place NAME: a folder with everything as it should be
place() {
    rm -rf "$1"
    mkdir "$1"
    cp -r tone config.yaml run sounds table.csv "$1"
}

# odd RANKS ODD WORDS COMMAND…: rank ODD is at odd/, with $program, the others at even/
odd() {
    local ranks=$1 odd=$2 words=$3 rank launch=() began=$EPOCHREALTIME named=$2 got=0 message
    shift 3
    [ "$odd" != 0 ] || named=1 # who differs from rank 0
    for ((rank = 0; rank < ranks; rank++)); do
        [ $rank = 0 ] || launch+=(:)
        if [ $rank = "$odd" ]; then
            launch+=(-n 1 -wdir "$PWD/odd" "$program" "$@")
        else
            launch+=(-n 1 -wdir "$PWD/even" "$WAVETRAIN" "$@")
        fi
    done
    mpirun --oversubscribe --bind-to none "${launch[@]}" >out.txt 2>err.txt || got=$?
    within "$(seconds_since "$began")" 10
    message=$(grep '^wavetrain: ' err.txt) || fail "$*: no message: $(cat err.txt)"
    [ "$got" = 2 ] || fail "$*: exit code $got: $message"
    [ "$(wc -l <<<"$message")" = 1 ] || fail "$*: $message"
    [[ $message = "wavetrain: rank $named on $host differs from rank 0 on $host in $words (got "*", expected "* ]] ||
        fail "$*: no '$words' of rank $named in: $message"
    [ "$ranks$odd" != 30 ] || [[ $message = *', as do all other ranks' ]] || fail "rank 0 is the odd one: $message"
    [ ! -s out.txt ] || fail "$*: $(cat out.txt)"
}

# all_odd WORDS COMMAND…: by turns, some rank of two and of three
all_odd() {
    local words=$1
    shift
    odd 2 1 "$words" "$@"
    odd 3 0 "$words" "$@"
    odd 3 2 "$words" "$@"
}

program=$WAVETRAIN
place even
place odd
rm -rf odd/tone && cp -r other odd/tone
all_odd 'the data set tone, train' train config.yaml --run new
[ ! -e even/new ] && [ ! -e odd/new ] || fail "a run that was refused has left a folder"
odd 2 1 'the data set tone, test' evaluate run
odd 2 1 'the data set tone, train' evaluate run --split validation --markov

place odd
rm odd/tone/validation-*
all_odd 'the validation part of the data set tone' train config.yaml --run new

place odd
sed -i 's/3.0e-3/3.5e-3/' odd/config.yaml
all_odd "the configuration's optimizer.learning_rate" train config.yaml --run new
code=0
mpirun --oversubscribe --bind-to none -n 1 "$WAVETRAIN" train config.yaml --run a : -n 1 "$WAVETRAIN" evaluate run \
    >out.txt 2>err.txt || code=$?
[ "$code" = 2 ] || fail "exit code $code: $(cat err.txt)"
said err.txt "rank 1 on $host differs from rank 0 on $host in an argument of the command (got evaluate, expected train)"

place odd
sed -i 's/steps: 4/steps: 6/' even/config.yaml odd/config.yaml # there is something left to train
newest=run/checkpoints/step-00000004.h5
truncate -s -8 odd/$newest
all_odd "the checkpoint $newest" train config.yaml --run run
odd 2 1 "the checkpoint $newest" train config.yaml --run new --init $newest
odd 2 0 "the checkpoint $newest" evaluate run
odd 3 2 "the checkpoint $newest" evaluate $newest
rm odd/$newest
odd 2 1 "the checkpoint $newest" evaluate run

place odd
cp odd/sounds/a-1.wav odd/sounds/a-2.wav
sed -i 's/^3,/4,/' odd/table.csv
odd 3 1 'the file sounds/a-2.wav' prepare audio sounds --out made
odd 2 1 'the file table.csv' prepare table table.csv --signal signal --label label --out made
# features FOLDER BYTE: of its sounds, as .npy of two numbers per frame, all of that byte
features() {
    local sound frames header
    mkdir "$1/features"
    for sound in "$1"/sounds/*.wav; do
        frames=$((($(wc -c <"$sound") - 44) / 200))
        header="{'descr': '<f4', 'fortran_order': False, 'shape': ($frames, 2), }"
        {
            printf '\x93NUMPY\1\0'
            printf "\\x$(printf %02x ${#header})\\0%s" "$header"
            head -c $((8 * frames)) /dev/zero | tr '\0' "$2"
        } >"$1/features/$(basename "$sound" .wav).npy"
    done
}
place odd
features even '\0'
features odd '\1'
odd 2 1 'the file features/a-1.npy' prepare audio sounds --features features --hop 100 --out made
[ ! -e even/made ] && [ ! -e odd/made ] || fail "a data set was made"

place odd
program=$PWD/another
odd 3 2 'the program' train config.yaml --run new
odd 2 1 'the program' evaluate run
odd 2 1 'the program' prepare simulate sine --out made

# One that cannot open what the others can is named too.
program=$WAVETRAIN
place even
rm -rf odd/tone
code=0
mpirun --oversubscribe --bind-to none -n 2 -wdir "$PWD/even" "$WAVETRAIN" train config.yaml --run new : \
    -n 1 -wdir "$PWD/odd" "$WAVETRAIN" train config.yaml --run new >out.txt 2>err.txt || code=$?
[ "$code" = 2 ] || fail "exit code $code: $(cat err.txt)"
said err.txt "wavetrain: rank 2 on $host, unlike 2 other ranks: tone: no data set (no such folder; wavetrain prepare makes one)"

# Processes of a launcher that MPI does not understand: each is rank 0 of 1, the first one says so, and no
# other one works.
cd even
for command in 'train config.yaml --run new' 'evaluate run' 'prepare simulate sine --out new'; do
    # shellcheck disable=SC2086 # words
    OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=0 expect_error 2 'got 1 rank, expected 3 or more by OMPI_COMM_WORLD_SIZE=3' \
        "$WAVETRAIN" $command
    # shellcheck disable=SC2086 # words
    OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=2 expect_ok "$WAVETRAIN" $command
    [ ! -s err.txt ] && [ ! -s out.txt ] && [ ! -e new ] || fail "$command: $(cat out.txt err.txt)"
done
cd ..

# With everything alike there is nothing to say.
(cd even && train_ok new && ranks=3 && train_ok again && same_run new again 4)
