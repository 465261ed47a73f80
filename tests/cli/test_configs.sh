# Every configuration in configs/: inspect, bench step and bench scaling count the same parameters, windows,
# targets and microbatches, with the data set there, which decides classes and channels, and where it can be
# without. A configuration that is not in the list below fails.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=2

# --- data sets of each kind, small ---

printf '%s\n' emma olivia ava isabella sophia charlotte mia amelia harper evelyn zoe jack quinn wyatt felix >names.txt
expect_ok "$WAVETRAIN" prepare text --lines --by-example names.txt --out names
expect_ok "$WAVETRAIN" prepare simulate ion-channels --utterances 3 --seconds 1 --out ion
expect_ok "$WAVETRAIN" prepare simulate ecg --utterances 3 --seconds 3 --out ecg
make_tone

# counts FILE: parameters, windows, targets, microbatches, as inspect or bench step prints them, to counts.txt
counts_of_inspect() {
    sed -nE -e 's/^network .* ([0-9]+) parameters.*/\1/p' \
        -e 's/^step +([0-9]+) windows of ([0-9]+) targets, ([0-9]+) microbatches.*/\1 \2 \3/p' out.txt | paste -sd' ' >"$1"
}
counts_of_bench() {
    sed -nE 's/^model .* ([0-9]+) parameters, .*; a step of ([0-9]+) × ([0-9]+) targets, microbatches: ([0-9]+)$/\1 \2 \3 \4/p' \
        out.txt >"$1"
}

# same CONFIG SET…: both commands, with the same settings
same() {
    local config=$1 sets=() set
    shift
    for set; do sets+=(--set "$set"); done
    expect_ok "$WAVETRAIN" inspect "$config" "${sets[@]}"
    counts_of_inspect inspect.txt
    expect_ok "$WAVETRAIN" bench step "$config" "${sets[@]}" --steps 1
    counts_of_bench bench.txt
    [ "$(wc -w <inspect.txt)" = 4 ] || fail "$config: inspect counts $(cat inspect.txt)"
    cmp -s inspect.txt bench.txt || fail "$config $*: inspect counts $(cat inspect.txt), bench step $(cat bench.txt)"
}

# parameters CONFIG N: as the last `same` has counted
parameters() {
    [ "$(cut -d' ' -f1 bench.txt)" = "$2" ] || fail "$1: $(cut -d' ' -f1 bench.txt) parameters, expected $2"
}

# trained CONFIG SET…: one step of the trainer, on as many windows as inspect has counted
trained() {
    local config=$1 sets=(--set train.steps=1 --set schedule.warmup=0 --set validation.every=0) set
    shift
    for set; do sets+=(--set "$set"); done
    expect_ok "$WAVETRAIN" train "$config" "${sets[@]}" --run "run-$(basename "$config")"
    said err.txt " $(cut -d' ' -f1 bench.txt) parameters, "
}

# r9y9 CONFIG: parameters of its preset, counted by tests/reference/count_r9y9.py in PyTorch, less the last block's residual
# layer, 128 × 128 + 128, which nothing there reads
r9y9() {
    case $1 in
    *-mulaw.yaml) echo $((4676388 - 16512)) ;;
    *-logistics.yaml) echo $((3702210 - 16512)) ;;
    *-gaussian.yaml) echo $((3698598 - 16512)) ;;
    esac
}

for path in "$SOURCE"/configs/*.yaml; do
    case $(basename "$path") in
    alice.yaml | names-*.yaml | prenoms*.yaml | words*.yaml) # the vocabulary is the data set's
        same "$path" data.path=names
        ;;
    ion-channels.yaml | ion-window.yaml)
        same "$path" data.path=ion
        trained "$path" data.path=ion
        same "$path" data.path=absent # two classes are assumed, by both
        ;;
    overdrive.yaml)
        same "$path" data.path=absent
        parameters "$path" 53089
        ;;
    ecg.yaml)
        same "$path" data.path=ecg
        parameters "$path" 25702
        trained "$path" data.path=ecg data.window=100
        ;;
    vocoder-*.yaml | voices.yaml) # 80 numbers per frame and five speakers are assumed
        same "$path" data.path=absent
        ;;
    voice-*.yaml) # r9y9's presets; its own windows take seconds
        same "$path" data.path=absent data.window=256
        parameters "$path" "$(r9y9 "$path")"
        ;;
    speech-logistics.yaml | speech-gaussian.yaml)
        same "$path" data.path=absent
        same "$path" data.path=tone
        trained "$path" data.path=tone data.window=512
        ;;
    sine.yaml | speech-quick.yaml)
        same "$path" data.path=tone
        trained "$path" data.path=tone data.window=512
        ;;
    speech.yaml) # its own windows take seconds
        same "$path" data.path=absent data.window=256
        ;;
    *) fail "$path: not in the list of this test" ;;
    esac
done

# a window that has one class, and bench scaling
window=$SOURCE/configs/ion-window.yaml
same "$window" data.path=ion train.batch=4
expect_ok "$WAVETRAIN" bench scaling "$window" --set data.path=ion --set train.batch=4 --steps 1 --rounds 1
said out.txt ", $(cut -d' ' -f1 bench.txt) parameters, "
expect_ok "$WAVETRAIN" bench scaling "$SOURCE/configs/overdrive.yaml" --set data.path=absent --steps 1 --rounds 1
said out.txt ', 53089 parameters, '

# readouts over all outputs of a window: each of them is computed
same "$window" data.path=ion train.batch=4 model.readout=linear
grep -q ' 4 [0-9][0-9]* ' bench.txt || fail "not 4 windows: $(cat bench.txt)"
expect_error 2 'has no labels that are classes' "$WAVETRAIN" inspect "$SOURCE/configs/ion-channels.yaml" --set data.path=tone
expect_error 2 'has no labels that are classes' "$WAVETRAIN" bench step "$SOURCE/configs/ion-channels.yaml" \
    --set data.path=tone
