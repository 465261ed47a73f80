# One case of golden.sh, measured by the program's commands alone, so that any commit's program can be
# measured; sourced.

hashed() {
    sha256sum | cut -c1-32
}

# line CASE QUANTITY KEY HASH
line() {
    printf '%s\t%s\t%s\t%s\n' "$@"
}

# find_machine: $blas and $libc, what OpenBLAS has chosen and the C library, as a run says them
find_machine() {
    local said
    configure kernel-1 adam | named >probe.yaml
    OMP_NUM_THREADS=1 "$program" train probe.yaml --run probe --set run.backend=openblas --set run.compare_every=0 >probe.log 2>&1 ||
        fail "probe: $(cat probe.log)"
    said=$(sed -n 's/^numerics: *"\(.*\)"$/\1/p' probe/run.yaml)
    blas=$(sed 's/.*\(OpenBLAS [^,]*\),.*/\1/' <<<"$said")
    libc=$(sed 's/.*, \(glibc [^,]*\),.*/\1/' <<<"$said")
}

# network NAME: the other fields of its line in the file `cases`, without blanks around them
network() {
    section networks | awk -F ' *[|] *' -v OFS='|' -v name="$1" '$1 == name { print $2, $3, $4, $5 }'
}

# named: keys as the program calls them, which may be of a commit before train.microbatches had that name
named() {
    if "$program" train --help-config | grep -q '^  microbatches:'; then cat; else sed 's/microbatches/lanes/g'; fi
}

# configure NETWORK KIND: the configuration
configure() {
    local set _ model data kind
    IFS='|' read -r set _ model data < <(network "$1")
    if [ "$2" = own ]; then
        cat "$SOURCE/configs/$1"
        return
    fi
    kind=$(section kinds | sed -n "s/^$2 *= *//p")
    echo "model: {$model}"
    case $data in *stride*) kind=${kind/sampling: item/sampling: epoch} ;; esac
    echo "data: {path: data/$set, $data, ${kind##*data: }}"
    sed 's/ *; data: .*//; s/ *; /\n/g' <<<"$kind"
    echo "checkpoint: {every: 2, keep: 1}"
    echo "run: {compare_every: 2}"
}

# numerics KERNELS: the key of what is trained with them
numerics() {
    case $1 in
    avx2 | avx512 | neon) echo fma ;;
    bf16*) echo bf16 ;;
    openblas) echo "openblas, $blas, $libc" ;;
    reference) echo "reference, $libc" ;;
    esac
}

# state CASE KEY CHECKPOINT: parameters, moments, the running mean, what is normalised by; those that there
# are, by one start of h5dump
state() {
    local group groups=(parameters optimizer/first optimizer/second ema state/normalization)
    h5dump -A 0 -w 0 -m %.17g "${groups[@]/#/-g/}" "$3" 2>/dev/null | awk '
        /^GROUP / { gsub(/^GROUP "\/|" {$/, ""); gsub("/", "."); file = "state." $0; next }
        /^ *(DATASET|\()/ { print >file }' || true
    for group in "${groups[@]}"; do
        [ ! -e "state.${group////.}" ] || line "$1" "$group" "$2" "$(hashed <"state.${group////.}")"
    done
    rm -f state.*
}

# streams CASE KEY RUN: what is generated from a fixed seed, in several lengths and ways
streams() {
    local number=0 arguments
    while read -r arguments; do
        number=$((number + 1))
        rm -f voice*
        "$program" generate "$3" $arguments --out voice.wav --force >stream.txt 2>&1 || {
            line "$1" failed any "generate $arguments: $(tail -n 1 stream.txt)"
            return
        }
        line "$1" "generate-$number" "$2" "$(cat voice* | hashed)"
    done
}

# measure CASE: writes its lines into a file of its own
measure() {
    local began=$EPOCHREALTIME case=$1 network kind kernels activations threads ranks set cuts cut key
    IFS=/ read -r network kind kernels activations threads ranks <<<"$case"
    local folder=${case//\//_} mpi=
    mkdir "$folder"
    cd "$folder"
    ln -s ../data data
    IFS='|' read -r set _ _ cuts < <(network "$network")
    key=$(numerics "$kernels")
    export OMP_NUM_THREADS=${threads#t}
    [ "$ranks" = r1 ] || mpi="$MPIRUN ${ranks#r}"
    configure "$network" "$kind" | named >config.yaml
    cuts=$(named <<<"$cuts")
    set -- --set train.activations="$activations"
    case $kernels in
    bf16) set -- "$@" --set train.precision=bf16 ;;
    bf16-*) set -- "$@" --set train.precision=bf16 --set run.backend="${kernels#bf16-}" ;;
    *) set -- "$@" --set run.backend="$kernels" ;;
    esac
    if [ "$kind" = own ]; then
        set -- "$@" --set data.path="data/$set"
        for cut in $cuts; do set -- "$@" --set "$cut"; done
    fi
    if $mpi "$program" train config.yaml --run run "$@" >train.log 2>&1; then
        results "$case" "$key" "$set" >"../$folder.tsv"
    elif grep -q 'run.backend' train.log; then
        line "$case" skipped any "$kernels" >"../$folder.tsv"
    else
        line "$case" failed any "$(grep '^wavetrain: ' train.log | head -n 1)" >"../$folder.tsv"
    fi
    cd ..
    rm -rf "$folder"
    [ -z "${GOLDEN_TIMES:-}" ] || awk -v a="$began" -v b="$EPOCHREALTIME" -v c="$case" 'BEGIN { print b - a, c }' >>"$GOLDEN_TIMES"
}

# first_reported: a report of evaluate in the words of earlier programs, without the lines per sample of 16
# bits and those per class and per recording, which they did not print
first_reported() {
    sed 's/ bits per / bits a /; /^  per sample of 16 bits /d; /^  ([0-9.]* % of the targets stand in runs of /d; /^  the same, out of such runs /d
        /^  top [0-9]* /d; /^  of whole recordings, /d; /^ *class .* precision *recall$/,/^  [t(]/ { /^  [t(]/!d }'
}

# results CASE KEY DATA: of a run that is done
results() {
    local markov=
    state "$1" "$2" "$(ls run/checkpoints/*.h5 | tail -n 1)"
    line "$1" metrics "$2" "$(awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i !~ /^(seconds|samples_per_second|validation_accuracy)$/) keep[++n] = i }
        { for (i = 1; i <= n; i++) printf "%s%s", $keep[i], i < n ? "," : "\n" }' run/metrics.csv | hashed)"
    case $3 in levels* | values* | pairs) markov="--predictions predicted.csv" ;; *) markov=--markov ;; esac
    if $mpi "$program" evaluate run $markov >evaluated.txt 2>evaluate.log; then
        line "$1" evaluate "$2" "$(first_reported <evaluated.txt | hashed)"
        [ ! -e predicted.csv ] || line "$1" predictions "$2" "$(hashed <predicted.csv)"
    else
        line "$1" failed any "evaluate: $(tail -n 1 evaluate.log)"
    fi
    case $3 in
    sound | short | few)
        streams "$1" "$2" run <<'WAYS'
--seconds 0.002 --seed 3
--seconds 0.11 --seed 4 --temperature 0.8 --top-k 5
--seconds 0.03 --seed 5 --count 3
--seconds 0.02 --temperature 0 --prime-from test
WAYS
        ;;
    lines | masked | prose)
        streams "$1" "$2" run <<'WAYS'
--seed 3
--seed 4 --count 7 --max-length 23 --temperature 0.7
--seed 5 --count 2 --max-length 300 --prompt ani --top-k 6
WAYS
        ;;
    esac
}
