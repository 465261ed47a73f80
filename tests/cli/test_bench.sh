# bench kernels and bench step, at tiny sizes: the tables that they print and write, figures that must agree
# with each other and with inspect, and wrong options. Not how fast anything is.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1

# columns FILE NAME…: the named columns of a table (without commas in its texts), without its heading, to
# c.txt.
columns() {
    local file=$1
    shift
    awk -F, -v names="$*" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; wanted = NF; next }
        NF != wanted { exit 1 }
        { for (i = 1; i <= split(names, name, " "); i++) printf "%s%s", (i > 1 ? " " : ""), $at[name[i]]; print "" }' "$file" >c.txt && [ -s c.txt ] ||
        fail "$file: not a table: $(cat "$file")"
}

# --- kernels ---

kernels() {
    expect_ok "$WAVETRAIN" bench kernels --channels 5,16 --taps 1,2 --dilations 1,300 --rows 20 --rounds 2 "$@" --csv k.csv
}
for backend in reference openblas avx2 avx512; do
    if "$WAVETRAIN" bench kernels --channels 2 --taps 1 --rounds 1 --backend $backend >out.txt 2>err.txt; then
        grep -q "^kernels $backend" out.txt || fail "$backend: $(head -1 out.txt)"
    else
        said err.txt "this CPU can't run \"$backend\""
    fi
done
kernels --threads 2
said out.txt ', 2 threads, tiles of 20 rows'
# 3 products of 2 widths, with 1 tap, and with 2 taps at 2 dilations; 6 others of 2 widths, and 4 of one
[ "$(wc -l <k.csv)" = $((1 + 3 * 2 * (1 + 2) + 5 * 2 + 4)) ] || fail "k.csv has $(wc -l <k.csv) lines"
for name in forward 'backward data' 'backward weights'; do
    [ "$(grep -c "^$name .*%.*%" out.txt)" = 6 ] || fail "not 6 lines of $name: $(cat out.txt)"
done
for name in gate 'gate backward' 'column sums' embed 'embed backward'; do
    [ "$(grep -cE "^$name +[0-9]" out.txt)" = 2 ] || fail "not 2 lines of $name: $(cat out.txt)"
done
for name in 'softmax cross-entropy' adam 'squares of the norm' add; do
    [ "$(grep -cE "^$name +64 " out.txt)" = 1 ] || fail "no line of $name: $(cat out.txt)"
done
grep -qE '^peak of 2 threads, fp32: [0-9.]+ GFLOP/s, sustained [0-9.]+, threads × one thread.s [0-9.]+ \(' out.txt ||
    fail "no peak: $(cat out.txt)"
said out.txt 'peak of 2 threads, bf16: '
columns k.csv unit hot_per_second hot_share window_per_second window_share peak_fp32
awk '$1 == "operations" && ($2 <= 0 || $4 <= 0 || ($2 / $6 - $3)^2 > 1e-6 || ($4 / $6 - $5)^2 > 1e-6) { exit 1 }
    $1 == "elements" && (NF != 4 || $2 <= 0 || $3 <= 0) { exit 1 }' c.txt || fail "figures that can't be: $(cat k.csv)"
# bytes of a tile of 20 rows of 5 → 10 channels, 2 taps, far apart: both taps' rows, the output's, the weights
columns k.csv kernel channels taps dilation tile_bytes
grep -qx "forward 5 2 300 $((4 * (2 * 20 * 5 + 20 * 10 + 2 * 5 * 10)))" c.txt ||
    fail "other bytes: $(cat k.csv)"

# --- step ---

# step ARGUMENT…: prints and writes the table, which is checked.
step() {
    expect_ok "$@" --steps 3 --csv s.csv
    [ "$(wc -l <s.csv)" = 2 ] || fail "s.csv: $(cat s.csv)"
    for phase in pack forward backward exchange wait decide update step; do
        [ "$(grep -cE "^$phase +[0-9.]+ ms +[0-9.]+ % +[0-9.]+ ms +[0-9.]+ ms" out.txt)" = 1 ] ||
            fail "no phase $phase: $(cat out.txt)"
    done
    for phase in forward backward step; do
        grep -qE "^$phase .* ms +[0-9.]+ +[0-9.]+ %$" out.txt || fail "no rate of $phase: $(cat out.txt)"
    done
    columns s.csv windows targets targets_per_second step_seconds flops share peak_fp32
    awk '($3 * $4 / ($1 * $2) - 1)^2 > 1e-6 || ($5 / $7 - $6)^2 > 1e-6 || $6 <= 0 { exit 1 }' c.txt ||
        fail "figures that can't be: $(cat s.csv)"
    columns s.csv resident_bytes counted_bytes estimated_bytes
    awk '$3 <= 0 || $2 < $3 || $1 < $2 / 2 { exit 1 }' c.txt || fail "memory that can't be: $(cat s.csv)"
}
# the phases of one rank's best step are all of it
phases_add_up() {
    columns s.csv step_seconds {pack,forward,backward,exchange,wait,decide,update}_seconds
    awk '{ for (i = 2; i <= NF; i++) sum += $i; exit !((sum - $1)^2 < 1e-16 * NF * NF) }' c.txt ||
        fail "phases don't add up: $(cat s.csv)"
}
# the operations are inspect's (MFLOP with three decimals), three times
operations_of() {
    expect_ok "$WAVETRAIN" inspect "$@"
    mflop=$(awk '/^operations/ {print $2}' out.txt)
    columns s.csv flops step_seconds windows targets
    awk -v one="$mflop" '{ exit !(($1 * $2 / (3e6 * $3 * $4) - one)^2 < 0.00051^2) }' c.txt ||
        fail "not $mflop MFLOP a target: $(cat s.csv)"
}

step "$WAVETRAIN" bench step --model S --targets 70 --threads 2
said out.txt 'model S: 16 blocks, 46352 parameters, receptive field 1022; a step of 1 × 70 targets, microbatches: 1'
said out.txt '1 rank × 2 threads'
phases_add_up
# threads that share a core are no peak; the figure says so
expect_ok env WAVETRAIN_OVERSUBSCRIBE=1 OMP_WAIT_POLICY=passive "$WAVETRAIN" bench step --model S --targets 70 \
    --steps 1 --threads $((3 * $(nproc)))
grep -qE '^speed: .* of the fp32 peak; disturbed: this peak is 0\.[0-9]+ × the threads' out.txt ||
    fail "a disturbed peak passes: $(cat out.txt)"
# the peak is that of the vector unit that the kernels use
if "$WAVETRAIN" bench step --model S --targets 70 --steps 1 --backend avx2 >out.txt 2>err.txt; then
    said out.txt '(256-bit fused multiply-add)'
    said out.txt 'bf16: the vector unit has no instruction for it'
fi
cat >model.yaml <<'YAML'
model: {stacks: 2, layers: 8, kernel: 3, residual: 16, gate: 16, skip: 16}
data: {window: 70}
YAML
operations_of model.yaml
step "$WAVETRAIN" bench step --model S --targets 70 --windows 3 --backend reference
said out.txt 'kernels reference'
columns s.csv kernels windows targets
grep -qx 'reference 3 70' c.txt || fail "s.csv: $(cat s.csv)"

make_config config.yaml
step "$WAVETRAIN" bench step config.yaml
said out.txt 'a step of 16 × 300 targets, microbatches: 8'
phases_add_up
operations_of config.yaml
step "$WAVETRAIN" bench step config.yaml --windows 4 --set train.microbatches=2 --set model.input=real
said out.txt 'a step of 4 × 300 targets, microbatches: 2'
step "$MPIRUN" 2 "$WAVETRAIN" bench step --model S --targets 20
said out.txt 'a step of 2 × 20 targets, microbatches: 2'
said out.txt '2 ranks × 1 thread'
columns s.csv ranks threads windows microbatches
grep -qx '2 1 2 2' c.txt || fail "s.csv: $(cat s.csv)"
for model in A:947968:3071 B:3256704:506 C:693504:4094; do # parameters and receptive field
    IFS=: read -r name parameters field <<<"$model"
    expect_ok "$WAVETRAIN" bench step --model $name --targets 1 --steps 1 --set train.microbatches_at_once=1
    said out.txt "model $name: "
    said out.txt "$parameters parameters, receptive field $field;"
done

# --- wrong options ---

bench() {
    "$WAVETRAIN" bench "$@"
}
expect_error 2 '--channels: wrong (got "16,,3"' bench kernels --channels 16,,3
expect_error 2 '--channels: wrong (got "0"' bench kernels --channels 0
expect_error 2 '--taps: wrong (got "2 3"' bench kernels --taps '2 3'
expect_error 2 '--taps: wrong (got ""' bench kernels --taps ''
expect_error 2 '--dilations: wrong (got "99999999999999999999"' bench kernels --dilations 99999999999999999999
expect_error 2 '--rows: out of range (got 0' bench kernels --rows 0
expect_error 2 '--rounds: out of range (got 0' bench kernels --rounds 0
expect_error 2 '--threads: out of range (got -1' bench kernels --threads -1
expect_error 2 'run.backend' bench kernels --backend fastest
expect_error 2 'too many arguments' bench kernels config.yaml
expect_error 2 '--model: no such model (got "Z"' bench step --model Z
expect_error 2 '--model: stands in place of a configuration' bench step config.yaml --model A
expect_error 2 '--targets: out of range (got -1' bench step --targets -1
expect_error 2 '--windows: out of range (got -1' bench step --windows -1
expect_error 2 '--steps: out of range (got 0' bench step --steps 0
expect_error 2 'run.backend' bench step --backend fastest
expect_error 2 'model.residul' bench step --set model.residul=3
expect_error 2 'absent.yaml' bench step absent.yaml
expect_error 2 'more ranks than microbatches (got 2 ranks, expected at most 1' "$MPIRUN" 2 "$WAVETRAIN" bench step \
    --model S --set train.microbatches=1
expect_error 1 'absent/s.csv: can' bench kernels --csv absent/s.csv
expect_error 2 'bench nothing: no such command' bench nothing

# --- calibrate: trains two dozen networks, which takes sanitizers minutes ---

if nm "$WAVETRAIN" | grep -q __asan_init; then exit 0; fi

# calibrate ARGUMENT…: a calibration that inspect takes
calibrate() {
    expect_ok "$@" --seconds 0.001 --calibration cal.yaml
    said out.txt 'kept in cal.yaml'
    expect_ok "$WAVETRAIN" inspect config.yaml --calibration cal.yaml
    grep -qE '^time of a step   [0-9.]+ ' out.txt || fail "no time: $(cat out.txt)"
    said out.txt 'times            by cal.yaml: '
}
calibrate "$WAVETRAIN" bench calibrate --threads 1
[ "$(grep -c '^- {kernels: ' cal.yaml)" = 1 ] || fail "cal.yaml: $(cat cal.yaml)"
if grep -q links cal.yaml; then fail "a link of one rank: $(cat cal.yaml)"; fi
# another entry beside the first, and the link within a node
calibrate "$MPIRUN" 2 "$WAVETRAIN" bench calibrate --threads 1
[ "$(grep -c '^- {kernels: ' cal.yaml)" = 2 ] || fail "cal.yaml: $(cat cal.yaml)"
grep -qE '^  within: {latency: [0-9.e+-]+, bandwidth: [0-9.e+-]+}' cal.yaml || fail "no link: $(cat cal.yaml)"
said cal.yaml 'threads: 1, ranks: 2'
echo 'format: nonsense' >cal.yaml
calibrate "$WAVETRAIN" bench calibrate --threads 1
expect_error 2 '--seconds: out of range (got -1' bench calibrate --seconds -1
expect_error 2 '--threads: wrong (got "0"' bench calibrate --threads 0
expect_error 2 'run.backend' bench calibrate --backend fast

# --- generate ---

expect_ok "$WAVETRAIN" bench generate --model S --streams 1,5 --rounds 1 --threads 2 --csv g.csv
[ "$(wc -l <g.csv)" = 5 ] || fail "g.csv: $(cat g.csv)"
columns g.csv streams weights samples_per_second median_samples_per_second read_per_second share_of_read weight_bytes
awk '$3 <= 0 || $4 > $3 * 1.0001 || ($3 / $5 / $6 - 1)^2 > 1e-8 { exit 1 }' c.txt || fail "figures that can't be: $(cat g.csv)"
[ "$(cut -d' ' -f1,2 c.txt | tr '\n' ,)" = '1 fp32,1 bf16,5 fp32,5 bf16,' ] || fail "cases: $(cat g.csv)"
# half of the bytes, where no product is so narrow that pairs of vectors have to be filled up
expect_ok "$WAVETRAIN" bench generate --model A --streams 1 --rounds 1 --threads 1 --csv g.csv
columns g.csv weights weight_bytes
awk '{ bytes[$1] = $2 } END { exit !(bytes["fp32"] > 1.9 * bytes["bf16"]) }' c.txt || fail "bytes: $(cat g.csv)"
expect_error 2 '--weights: got "fp8", expected fp32 or bf16' "$WAVETRAIN" bench generate --model S --weights fp8
expect_error 2 '--streams: wrong (got "0"' "$WAVETRAIN" bench generate --model S --streams 0
