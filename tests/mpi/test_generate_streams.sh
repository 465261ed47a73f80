# Generated sound: the same samples from pieces side by side and one by one, on 1 to 4 ranks with 1 to 3
# threads each, and of a network whose products threads share; a restart makes what is missing and nothing
# else; a pipe gets what a file gets, as it is made, without end if that is asked for; what is silence,
# constant or noise is called so.
set -eu
. "$SOURCE/tests/runs.sh"
peak_of=$1
export OMP_NUM_THREADS=1 WAVETRAIN_OVERSUBSCRIBE=1 OMP_PROC_BIND=false
make_tone
make_config config.yaml
train_ok run --set train.steps=2 --set schedule.warmup=0 --set validation.every=0 --set checkpoint.every=0
count=10
pieces() {
    local folder=$1
    shift
    mkdir -p "$folder"
    "$@" "$WAVETRAIN" generate run --count $count --seconds 0.02 --seed 3 --prime-from test --prime-seconds 0.001 --out "$folder/v.wav" \
        >"$folder.txt" 2>&1 || fail "$folder: $(cat "$folder.txt")"
    [ "$(ls "$folder" | wc -l)" = $count ] || fail "$folder: not $count files: $(ls "$folder")"
}
same() {
    for i in $(seq $count); do cmp "one/v-$i.wav" "$1/v-$i.wav" || fail "$1: piece $i differs"; done
}

# --- ranks and threads ---
pieces one env
! cmp -s one/v-1.wav one/v-2.wav || fail "pieces are all the same"
for threads in 2 3; do
    pieces threads-$threads env OMP_NUM_THREADS=$threads
    same threads-$threads
done
for ranks in 2 3 4; do
    OMP_NUM_THREADS=$((ranks % 3 + 1)) pieces ranks-$ranks "$MPIRUN" $ranks
    same ranks-$ranks
done

# --- a restart, where a piece is alone ---
rm threads-2/v-4.wav threads-2/v-9.wav
touch -d '2001-01-01' threads-2/v-1.wav
pieces threads-2 env
same threads-2
said threads-2.txt '8 of 10 pieces were there already'
[ "$(date -r threads-2/v-1.wav +%Y)" = 2001 ] || fail "a piece that was there is made again"
rm -r threads-3
mkdir threads-3
cp one/v-[1-9].wav threads-3
pieces threads-3 env OMP_NUM_THREADS=3
same threads-3
expect_error 2 'one/v-1.wav: exists' "$WAVETRAIN" generate run --out one/v-1.wav

# --- a network of many weights, whose products threads share; of bf16 too ---
train_ok wide --set train.steps=20 --set optimizer.learning_rate=0.01 --set schedule.warmup=0 --set validation.every=0 --set checkpoint.every=0 \
    --set model.layers=3 --set model.residual=64 --set model.gate=64 --set model.skip=130
for weights in fp32 bf16; do
    for threads in 1 2 3; do
        expect_ok env OMP_NUM_THREADS=$threads "$WAVETRAIN" generate wide --seconds 0.2 --weights $weights --out $weights-$threads.wav
        cmp $weights-1.wav $weights-$threads.wav || fail "$weights: $threads threads differ"
    done
done
! cmp -s fp32-1.wav bf16-1.wav || fail "bf16 makes no difference"
losses=$(for weights in fp32 bf16; do
    "$WAVETRAIN" evaluate wide --weights $weights | sed -n 's/^ *network, step 20 *\([0-9.]*\) nats.*/\1/p'
done)
echo $losses | awk '{ exit !(NF == 2 && $1 > 0 && ($2 / $1 - 1) ^ 2 < 0.005 ^ 2) }' ||
    fail "held-out loss with fp32 and bf16 weights: $losses"
expect_error 2 '--weights: got fp16, expected fp32 or bf16' "$WAVETRAIN" generate run --weights fp16 --out no.wav

# --- heads of values, of sound and of a table ---
head=(--set train.steps=2 --set schedule.warmup=0 --set validation.every=0 --set checkpoint.every=0 --set model.head=logistics)
train_ok logistics "${head[@]}"
train_ok real "${head[@]}" --set model.input=real --set data.preemphasis=0.85
expect_ok "$WAVETRAIN" prepare simulate ecg --out ecg --seconds 4 --utterances 10
train_ok ecg-run "${head[@]}" --set model.input=real --set data.path=ecg
series() {
    local folder=$1 voice=$2 ending=$3
    shift 3
    mkdir -p "$folder"
    expect_ok "$@" "$WAVETRAIN" generate "$voice" --count 5 --seconds 0.5 --prime-from test --out "$folder/v.$ending"
}
for voice in logistics real ecg-run; do
    ending=wav
    [ $voice != ecg-run ] || ending=csv
    series $voice-one $voice $ending env
    series $voice-threads $voice $ending env OMP_NUM_THREADS=3
    series $voice-ranks $voice $ending "$MPIRUN" 2
    expect_ok "$WAVETRAIN" generate $voice --count 3 --seconds 0.5 --prime-from test --out "$voice.$ending"
    for i in 1 2 3 4 5; do
        for other in threads ranks; do
            cmp $voice-one/v-$i.$ending $voice-$other/v-$i.$ending || fail "$voice, $other: piece $i differs"
        done
    done
    cmp $voice-3.$ending $voice-one/v-3.$ending || fail "$voice: the number of pieces matters"
    ! cmp -s $voice-one/v-1.$ending $voice-one/v-2.$ending || fail "$voice: pieces are all the same"
done
"$WAVETRAIN" generate ecg-run --seconds 0.5 --prime-from test --out - 2>err.txt | cat >pipe.csv
"$WAVETRAIN" generate ecg-run --seconds 0.5 --prime-from test --out file.csv >out.txt 2>err.txt
cmp file.csv pipe.csv || fail "a pipe gets another table"
expect_error 2 '--raw: is for sound' "$WAVETRAIN" generate ecg-run --raw --out -

# --- a pipe ---
"$WAVETRAIN" generate run --seconds 0.3 --seed 3 --out file.wav >/dev/null 2>&1
"$WAVETRAIN" generate run --seconds 0.3 --seed 3 --out - 2>err.txt | cat >pipe.wav
cmp file.wav pipe.wav || fail "a pipe gets something else"
"$WAVETRAIN" generate run --seconds 0.3 --seed 3 --out - --raw 2>err.txt | cat >bare
tail -c +45 file.wav | cmp - bare || fail "--raw is not the samples alone"
code=$( ("$WAVETRAIN" generate run --seconds inf --seed 3 --out - --raw 2>err.txt; echo $? >code.txt) | head -c 4800 | cmp - bare && cat code.txt)
[ "$code" = 1 ] || fail "without end: exit code $code"
said err.txt "standard output: can't write (Broken pipe)"
# A player has the first second before the tenth is made: a writer that waits for a full pipe has made what it
# has written, what the write at hand holds and what it keeps for the next one.
mkfifo fifo
"$WAVETRAIN" generate run --seconds inf --seed 3 --raw --out - >fifo 2>err.txt &
writer=$!
exec 3<fifo
second=16000
head -c $second <&3 >first
cmp -n 4800 first bare || fail "the first second in a pipe is another one"
written=0
for wait in $(seq 100); do
    before=$written
    written=$(awk '$1 == "wchar:" { print $2 }' /proc/$writer/io)
    # the number of the call, standard output, where from, how much
    read -r call descriptor _ held _ </proc/$writer/syscall
    [ "$written" != "$before" ] || [ "$descriptor" != 0x1 ] || break
    sleep 0.1
done
[ "$descriptor" = 0x1 ] || fail "the writer does not wait for its reader (system call $call)"
[ $((written + held)) -lt $((9 * second)) ] || fail "$written bytes are written, $((held)) at hand: ten seconds are made"
exec 3<&-
wait $writer || true
expect_error 2 '--out -: takes one piece (got --count 2)' "$WAVETRAIN" generate run --count 2 --out -
expect_error 2 '--seconds inf: a file needs an end' "$WAVETRAIN" generate run --seconds inf --out no.wav
expect_error 2 '--raw: is for sound with --out - (--no-ema takes' "$WAVETRAIN" generate run --raw --out no.wav

# --- no end: memory does not grow with the length ---
for seconds in 1 60; do
    expect_ok "$peak_of" peaks.txt "$WAVETRAIN" generate run --seconds $seconds --out long-$seconds.wav
done
awk 'NR == 1 { short = $1 } END { exit !(NR == 2 && $1 < short + 1024) }' peaks.txt || fail "KiB resident: $(cat peaks.txt)"

# --- what can't be meant ---
expect_ok "$WAVETRAIN" generate run --seconds 0.5 --temperature 50 --out noise.wav
said err.txt 'what was generated is noise'
expect_ok "$WAVETRAIN" generate run --seconds 0.1 --temperature 0 --count 2 --out still.wav
grep -qE '2 of 2 pieces are (silence|a constant): try' err.txt || fail "not called silence or a constant: $(cat err.txt)"
no_leftovers
