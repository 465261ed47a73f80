#!/bin/bash
# tests/predictions.sh [--build FOLDER] [--seconds S] [--steps-seconds S] [--calibration FILE] [--only NAME]
# What `wavetrain inspect` predicts beside what runs then take: time of a step and memory, for several
# configurations on one rank and two. For a machine with nothing else to do. Measures a calibration first
# (--seconds for each network and number of ranks), unless --calibration has one; then trains each
# configuration for some --steps-seconds, by its own prediction. "taken" is the median of metrics.csv's time
# between steps (without the first ones), and the largest rank's peak of resident memory. Data sets are made
# in a scratch folder: simulated sound, and words made from its syllables. The last columns are ratios,
# predicted over taken; the promise is 0.8 … 1.2 for times and 0.9 … 1.1 for memory.
set -eu
SOURCE=$(cd "$(dirname "$0")/.." && pwd)
build=$SOURCE/build seconds=1 each=10 calibration='' only=''
while [ $# -gt 0 ]; do
    case ${1-}:${2-} in
    --build:?*) build=$(realpath "$2") ;;
    --seconds:?*) seconds=$2 ;;
    --steps-seconds:?*) each=$2 ;;
    --calibration:?*) calibration=$(realpath "$2") ;;
    --only:?*) only=$2 ;;
    *)
        sed -n '2,9s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done
WAVETRAIN=$build/wavetrain cores=$(nproc)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# on RANKS THREADS COMMAND…: bound as a run should be
on() {
    local ranks=$1 threads=$2
    shift 2
    OMP_NUM_THREADS=$threads OMP_PROC_BIND=true OMP_PLACES=cores \
        mpirun -q --map-by "slot:PE=$threads" --bind-to core -n "$ranks" "$@"
}

# --- data ---

quietly() { "$@" >made.txt 2>&1 || { cat made.txt >&2 && exit 1; }; }
quietly "$WAVETRAIN" prepare simulate sine --seconds 20 --utterances 60 --noise 0.1 --out tone
awk 'BEGIN { srand(1); split("a e i o u", v, " "); split("b c d f g l m n p r s t", c, " ");
    for (i = 0; i < 30000; i++) { w = ""; for (n = 1 + int(3 * rand()); n >= 0; n--) w = w c[1 + int(12 * rand())] v[1 + int(5 * rand())]; print w } }' >words.txt
quietly "$WAVETRAIN" prepare text --lines words.txt --out words

# --- configurations: NAME RANKS THREADS, then the file ---

names=()
plan() { # NAME RANKS THREADS
    names+=("$1")
    echo "$2 $3" >"$1.shape"
    cat >"$1.yaml"
}
tone='path: tone'
plan A 1 "$cores" <<YAML
model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}
data: {$tone, window: 8192}
train: {batch: 2}
YAML
plan B 1 "$cores" <<YAML
model: {stacks: 4, layers: 6, kernel: 3, residual: 128, gate: 128, skip: 128}
data: {$tone, window: 8192}
train: {batch: 1}
YAML
plan C 1 1 <<YAML
model: {stacks: 4, layers: 10, kernel: 2, residual: 32, gate: 32, skip: 256}
data: {$tone, window: 4096}
train: {batch: 2}
YAML
plan small-kernel-3 1 1 <<YAML
model: {stacks: 2, layers: 8, kernel: 3, residual: 16, gate: 16, skip: 16}
data: {$tone, window: 1024}
train: {batch: 8}
YAML
sed "s|path: data/speech-quick|path: tone|" "$SOURCE/configs/speech-quick.yaml" >quick.yaml
plan speech-quick-1-rank 1 1 <quick.yaml
if [ "$cores" -ge 2 ]; then
    plan speech-quick-2-ranks 2 1 <quick.yaml
    plan A-2-ranks 2 1 <<YAML
model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}
data: {$tone, window: 4096}
train: {batch: 2}
YAML
fi
for name in names-tree prenoms; do
    plan $name 1 1 < <(sed -E 's|path: data/[a-z]*|path: words|; s/points: \[\[[0-9]*, 0.01\]\]/points: [[1, 0.1]]/' \
        "$SOURCE/configs/$name.yaml")
done

# --- calibration ---

if [ -z "$calibration" ]; then
    calibration=$folder/calibration.yaml
    on 1 "$cores" "$WAVETRAIN" bench calibrate --seconds "$seconds" --calibration "$calibration"
    if [ "$cores" -ge 2 ]; then on 2 1 "$WAVETRAIN" bench calibrate --threads 1 --seconds "$seconds" --calibration "$calibration"; fi
    echo
fi

# --- predicted and taken ---

# field TEXT: a number of inspect's, in ms or MiB
milliseconds() {
    sed -n 's/^time of a step *\([0-9.]*\) \(m*s\|µs\).*/\1 \2/p' plan.txt |
        awk '{ print $1 * ($2 == "s" ? 1000 : $2 == "ms" ? 1 : 0.001) }'
}
mebibytes() {
    sed -n 's/^memory per rank  \([0-9.]*\) \([MG]\)iB.*/\1 \2/p' plan.txt | awk '{ print $1 * ($2 == "G" ? 1024 : 1) }'
}
# the median time between rows, in ms, without the first tenth; the ones beside a validation or checkpoint are
# few
taken_milliseconds() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") s = i; next } { print $s }' run/metrics.csv >times.txt
    awk '{ t[NR] = $1 } END { for (i = int(NR / 10) + 2; i <= NR; i++) print 1000 * (t[i] - t[i - 1]) }' times.txt |
        sort -g | awk '{ d[NR] = $1 } END { print d[int((NR + 1) / 2)] }'
}

printf '%-22s %5s %7s %9s %9s %6s %10s %9s %6s\n' configuration ranks threads 'pred. ms' 'taken ms' ratio 'pred. MiB' 'taken MiB' ratio
for name in "${names[@]}"; do
    if [ -n "$only" ] && [ "$only" != "$name" ]; then continue; fi
    read -r ranks threads <"$name.shape"
    "$WAVETRAIN" inspect "$name.yaml" --ranks "$ranks" --threads "$threads" --calibration "$calibration" >plan.txt 2>warnings.txt ||
        { cat warnings.txt >&2 && exit 1; }
    steps=$(awk -v ms="$(milliseconds)" -v each="$each" 'BEGIN { n = int(1000 * each / ms); print n < 12 ? 12 : n }')
    rm -rf run peaks.txt
    on "$ranks" "$threads" "$build/tests/predict/peak_of" peaks.txt "$WAVETRAIN" train "$name.yaml" --run run \
        --set train.steps="$steps" --set schedule.warmup=0 --set validation.every="$steps" \
        --set checkpoint.every=$((steps / 2)) >train.txt 2>&1 || { cat train.txt >&2 && exit 1; }
    awk -v name="$name" -v ranks="$ranks" -v threads="$threads" -v a="$(milliseconds)" -v b="$(taken_milliseconds)" \
        -v c="$(mebibytes)" -v d="$(sort -n peaks.txt | tail -1)" 'BEGIN { d /= 1024
        printf "%-22s %5d %7d %9.3f %9.3f %6.2f %10.1f %9.1f %6.3f\n", name, ranks, threads, a, b, a / b, c, d, c / d }'
done
