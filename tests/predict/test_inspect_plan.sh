# inspect CONFIG --ranks P --threads T --nodes N: that the memory it predicts is what runs then take, each
# warning, what is refused, and what it says where the calibration is missing, damaged or another CPU's.
set -eu
. "$SOURCE/tests/runs.sh"
peak_of=$1
export OMP_NUM_THREADS=1 XDG_CACHE_HOME=$PWD/cache
make_tone
make_config config.yaml

# plan ARGUMENT…: inspects config.yaml; the warnings are in err.txt
plan() {
    expect_ok "$WAVETRAIN" inspect config.yaml "$@"
}
# warned WORDS: once, on one line that is no error
warned() {
    [ "$(grep -cF -- "$1" err.txt)" = 1 ] && grep -F -- "$1" err.txt | grep -q '^warning: ' ||
        fail "no warning '$1': $(cat err.txt)"
}
quiet() {
    grep -v 'times are scaled' err.txt >left.txt && fail "warnings: $(cat left.txt)"
    :
}
# a calibration of this machine's CPU, whose name inspect tells
plan --ranks 1
warned 'wavetrain bench calibrate makes it'
own=$(sed -n 's/^warning: no times: \([^ ]*\) is missing .*/\1/p' err.txt)
case $own in "$PWD"/cache/wavetrain/calibration/*.yaml) ;; *) fail "where is it: $(cat err.txt)" ;; esac
model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
family=$(sed -n 's/^cpu family[^:]*: //p' /proc/cpuinfo | head -1)
number=$(sed -n 's/^model[^a-z]*: //p' /proc/cpuinfo | head -1)
cpu="$model (family $family, model $number)"
[ -n "$family" ] || cpu=${model:-unknown CPU}
calibrate() { # FILE CPU
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<YAML
format: wavetrain-calibration
version: 1
cpu: "$2"
cores: 64
process: {base: 35651584, rank: 102400, thread: 102400}
rates:
- {kernels: reference, threads: 1, ranks: 1, product-16: 1.0e-9, step: 0.01}
- {kernels: reference, threads: 2, ranks: 2, product-16: 0.6e-9, step: 0.01}
YAML
}
calibrate other.yaml 'Another CPU (family 1, model 1)'

# --- output ---

calibrate "$own" "$cpu"
plan --ranks 2 --threads 2 --nodes 2 --set run.backend=reference --latency 5 --bandwidth 10
quiet
for line in 'plan             2 nodes, 2 ranks of 2 threads; 8 microbatches, 4 per rank' \
    'receptive field  33 samples (4.1 ms at 8000 Hz)' 'memory per rank  ' 'memory per node  ' 'checkpoint ' \
    'work ' 'time of a step ' 'exchange ' 'time of the run ' 'times            by'; do
    said out.txt "$line"
done
grep -v / out.txt | LC_ALL=C.UTF-8 grep -E '^.{81}' && fail "wider than 80 columns"
# twice the ranks, half the computing
seconds() { sed -n 's/^time of a step *\([0-9.]*\) \(m*\)s.*/\1 \2/p' out.txt | awk '{ print $2 == "m" ? $1 : 1000 * $1 }'; }
plan --ranks 1 --set run.backend=reference
one=$(seconds)
plan --ranks 4 --nodes 4 --latency 1 --bandwidth 1000 --set run.backend=reference
awk -v a="$one" -v b="$(seconds)" 'BEGIN { exit !((a - 10) / (b - 10) > 3.7 && (a - 10) / (b - 10) < 4.3) }' ||
    fail "one rank takes $one ms, four $(seconds): $(cat out.txt)"
plan
said out.txt '--ranks, --threads and --nodes say what a run will take'

# --- warnings ---

plan --ranks 3 --set run.backend=reference
warned '8 microbatches do not share out evenly to 3 ranks'
plan --ranks 4 --nodes 3 --set run.backend=reference --latency 1 --bandwidth 10
warned '4 ranks do not share out evenly to 3 nodes'
plan --ranks 2 --threads 4 --set run.backend=reference
warned 'times are scaled from other numbers of threads and ranks on a node (got 2 and 2, expected 4 and 2: mpirun -n 2'
plan --threads 65 --set run.backend=reference
warned 'more threads on a node than it has cores (got 1 × 65, expected at most 64'
plan --ranks 1 --set model.layers=9
warned 'the receptive field is longer than the window (got 513 samples, expected at most data.window, 300)'
plan --ranks 1 --set model.layers=12 --set data.window=4096
warned 'tone: the receptive field is longer than every utterance (got 4097 samples, expected at most 1600)'
plan --ranks 1 --set data.path=nothing
warned 'nothing: no data set there yet'
plan --ranks 1 --set data.window=1600 --set train.batch=32 --set train.microbatches=4
warned 'tone: fewer windows than a step takes, so some come twice (got 16, expected at least 32, train.batch)'
plan --ranks 1 --set data.window=1600 --set train.batch=32 --set train.microbatches=32
warned 'tone: fewer windows than a step has microbatches (got 16, expected at least 32)'
plan --ranks 32 --set data.window=1600 --set train.batch=32 --set train.microbatches=32
warned 'tone: fewer windows than ranks (got 16, expected at least 32)'
plan --ranks 1 --node-memory 0.02
warned 'less memory than the ranks of a node need (got 20.5 MiB, --node-memory; expected at least'
SLURM_MEM_PER_NODE=10 plan --ranks 1
warned "less memory than the ranks of a node need (got 10.0 MiB, the SLURM job's memory; expected"
SLURM_MEM_PER_CPU=6 SLURM_CPUS_ON_NODE=2 plan --ranks 1
warned "less memory than the ranks of a node need (got 12.0 MiB, the SLURM job's memory; expected"
plan --ranks 1 --set checkpoint.keep=1000000 --set model.residual=512
warned '.: too little space for checkpoints (got '
plan --ranks 2 --nodes 2 --set run.backend=reference
warned 'no time of the exchange: the link between nodes is not known (expected --latency and --bandwidth'

# --- refused, as a run would be ---

expect_error 2 'more ranks than microbatches (got 9 ranks, expected at most 8' "$WAVETRAIN" inspect config.yaml --ranks 9
expect_error 2 'more nodes than ranks (got 3 nodes' "$WAVETRAIN" inspect config.yaml --ranks 2 --nodes 3
expect_error 2 '--ranks: out of range (got -1' "$WAVETRAIN" inspect config.yaml --ranks -1
expect_error 2 '--latency and --bandwidth go together' "$WAVETRAIN" inspect config.yaml --ranks 2 --latency 1
expect_error 2 'data.partial_context: drop leaves no targets' "$WAVETRAIN" inspect config.yaml --ranks 1 \
    --set data.partial_context=drop --set model.layers=12
expect_error 2 'are of configurations (expected CONFIG.yaml)' "$WAVETRAIN" inspect tone/train-00000.h5 --ranks 2

# --- calibrations ---

expect_error 2 'none.yaml: no such calibration (wavetrain bench calibrate makes one)' \
    "$WAVETRAIN" inspect config.yaml --calibration none.yaml
head -3 other.yaml >cut.yaml
expect_error 2 'cut.yaml:1: cores is missing (measure it again' "$WAVETRAIN" inspect config.yaml --calibration cut.yaml
sed 's/step: 0.01/step: much/' other.yaml >wrong.yaml
expect_error 2 'wrong.yaml:7: step is damaged (got much' "$WAVETRAIN" inspect config.yaml --calibration wrong.yaml
plan --calibration other.yaml --set run.backend=reference
warned 'other.yaml: is of another CPU than this machine'
said out.txt 'time of a step '
cp wrong.yaml "$own"
plan --ranks 1
warned 'measure it again: wavetrain bench calibrate'
if grep -q '^time of' out.txt; then fail "times from a damaged calibration: $(cat out.txt)"; fi
calibrate "$own" "$cpu"
plan --ranks 1 --set run.backend=openblas
warned 'has no rates of these kernels (got reference, expected openblas'
rm "$own"
cp other.yaml "$(dirname "$own")/other.yaml"
plan --ranks 1
warned 'others are there: other.yaml'

# --- memory ---

if nm "$WAVETRAIN" | grep -q __asan_init || nm "$WAVETRAIN" | grep -q __tsan_init; then exit 0; fi
# MiB that inspect says of rank 0, and of the others
predicted() { sed -n 's/^memory per rank  \([0-9.]*\) MiB.*/\1/p' plan.txt; }
predicted_others() { sed -n 's/.*; \([0-9.]*\) MiB of others.*/\1/p' plan.txt; }
# near WHAT MIB KIB: within a tenth
near() {
    echo "$1: $2 MiB predicted, $(($3 / 1024)) taken"
    awk -v a="$2" -v b="$3" 'BEGIN { b /= 1024; exit !(a > 0.9 * b && a < 1.1 * b) }' ||
        fail "$1: $2 MiB predicted, $3 KiB taken"
}
sets="--set train.steps=6 --set schedule.warmup=0 --set validation.every=3 --set checkpoint.every=3"
sets="$sets --set model.residual=64 --set model.gate=64 --set model.skip=64 --set data.window=1600"
sets="$sets --set train.microbatches_at_once=4" # so much that what the libraries of a machine take weighs little
plan --ranks 1 $sets
cp out.txt plan.txt
expect_ok "$peak_of" one.txt "$WAVETRAIN" train config.yaml --run one $sets
near 'one rank' "$(predicted)" "$(cat one.txt)"
plan --ranks 2 $sets
cp out.txt plan.txt
expect_ok "$MPIRUN" 2 "$peak_of" two.txt "$WAVETRAIN" train config.yaml --run two $sets
near 'rank 0 of two' "$(predicted)" "$(sort -n two.txt | tail -1)"
near 'rank 1 of two' "$(predicted_others)" "$(sort -n two.txt | head -1)"
