# bench scaling, at a tiny size: each number of ranks once in either way, figures that agree with each other,
# with the table and with the model's formulas; the model alone, on nodes that nobody has. Not how fast
# anything is.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 XDG_CACHE_HOME=$PWD/cache

# column FILE NAME: of its rows, a line each
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$1"
}

# row FILE NUMBER NAME: one field
row() {
    column "$1" "$3" | sed -n "$2p"
}

# near A B SHARE: they differ by at most that share of the larger one
near() {
    awk -v a="$1" -v b="$2" -v share="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; m = a > b ? a : b; exit !(d <= share * m) }' ||
        fail "$1 is not $2 (within $3): $(cat ./*.csv)"
}

# agrees FILE PREFIX: speed-up and efficiency are what the steps make them, of rows that have steps
agrees() {
    paste -d' ' <(column "$1" scaling) <(column "$1" ranks) <(column "$1" windows) <(column "$1" "$2step_seconds") \
        <(column "$1" "$2speedup") <(column "$1" "$2efficiency") <(column "$1" "$2exposed_share") >figures.txt
    awk 'function off(a, b) { return a - b > 1e-6 * b || b - a > 1e-6 * b }
        NF != 7 || $4 <= 0 || $7 < 0 || $7 > 1 { print; exit 1 }
        $1 != kind { kind = $1; ranks = $2; windows = $3; step = $4 }
        { speedup = ranks * $3 / windows * step / $4 }
        off($5, speedup) || off($6, speedup / $2) { print; exit 1 }' figures.txt || fail "$1: $2: $(cat figures.txt)"
}

# --- measured ---

measure() {
    expect_ok "$MPIRUN" "$@" --steps 2 --rounds 1 --csv s.csv
}
measure 3 "$WAVETRAIN" bench scaling --model S --targets 32 --plot s.png
[ "$(cut -d, -f1-5 s.csv | sed 1d | paste -sd' ')" = 'strong,1,1,3,3 strong,2,1,3,3 strong,3,1,3,3 weak,1,1,1,1 weak,2,1,2,2 weak,3,1,3,3' ] ||
    fail "other cases: $(cat s.csv)"
agrees s.csv ''
agrees s.csv model_
for kind in strong weak; do said out.txt "$kind scaling, "; done
said out.txt 'computing: as measured on 1 rank, '
said out.txt 'link within a node: latency '
[ "$(grep -cE '^ +[123] +1 +[123] .*%.*\|.*%' out.txt)" = 6 ] || fail "not six rows: $(cat out.txt)"
[ "$(row s.csv 1 exposed_share)" = 0 ] || fail "one rank exchanges nothing: $(cat s.csv)"
if [ -e s.png ]; then
    [ "$(head -c 8 s.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "s.png is no PNG"
else
    said err.txt '--plot: this build draws no plots'
fi
measure 3 "$WAVETRAIN" bench scaling --model S --targets 32 --windows 2 --ranks 2,3 --nodes 3 --ranks-per-node 2
[ "$(cut -d, -f1-4 s.csv | sed 1d | paste -sd' ')" = "strong,2,1,6 strong,3,1,6 weak,2,1,4 weak,3,1,6 strong,2,1,12 strong,4,2,12 \
strong,6,3,12 weak,2,1,4 weak,4,2,8 weak,6,3,12" ] || fail "other cases: $(cat s.csv)"
make_config config.yaml
measure 2 "$WAVETRAIN" bench scaling config.yaml --set data.window=20
[ "$(cut -d, -f1-5 s.csv | sed 1d | paste -sd' ')" = 'strong,1,1,16,8 strong,2,1,16,8 weak,1,1,8,4 weak,2,1,16,8' ] || fail "$(cat s.csv)"

# --- the model alone ---

model() {
    expect_ok "$WAVETRAIN" bench scaling --model-only "$@" --csv m.csv
    agrees m.csv model_
}
# so slow a link that nothing but bytes counts, each way of which 2·(N−1)/N of the gradient go through it;
# nothing overlaps
model --model A --nodes 64 --ranks-per-node 1 --compute 100 --latency 0.001 --bandwidth 0.1 --set exchange.progress=after
[ "$(column m.csv nodes | paste -sd' ')" = '1 2 4 8 16 32 64 1 2 4 8 16 32 64' ] || fail "$(cat m.csv)"
near "$(row m.csv 8 model_step_seconds)" 0.1 1e-6
for n in 2 64; do
    row=$((8 + $(awk -v n=$n 'BEGIN { print log(n) / log(2) }')))
    bytes=$((947968 * 4))
    near "$(row m.csv $row model_step_seconds)" "$(awk -v n=$n -v bytes=$bytes 'BEGIN { print 0.1 + 2 * (n - 1) / n * bytes / 12.5e6 }')" 0.01
done
near "$(row m.csv 7 model_step_seconds)" "$(row m.csv 14 model_step_seconds)" 1e-6 # strong and weak meet on all nodes
near "$(row m.csv 1 model_step_seconds)" 6.4 1e-6
said out.txt '(given)'
said out.txt 'a node: 1 rank × 1 thread'
# a fast one, and backward to hide behind
model --model A --nodes 1024 --ranks-per-node 2 --compute 100
[ "$(column m.csv nodes | sed -n '11p')" = 1024 ] || fail "$(cat m.csv)"
awk -v e="$(row m.csv 22 model_efficiency)" 'BEGIN { exit !(e > 0.9 && e <= 1.01) }' || fail "$(cat m.csv)"
said out.txt 'latency 2.00 µs, 100.0 Gbit/s (assumed;'
model --model A --nodes 6 --compute 100
[ "$(column m.csv nodes | paste -sd' ')" = '1 2 4 6 1 2 4 6' ] || fail "$(cat m.csv)"

# --- wrong options ---

bench() {
    "$WAVETRAIN" bench scaling "$@"
}
expect_error 2 '--model-only: of how many nodes?' bench --model-only
expect_error 2 '--model-only: the model knows nothing of this CPU' bench --model-only --nodes 2
expect_error 2 'absent.yaml: no such calibration' bench --model-only --nodes 2 --calibration absent.yaml
expect_error 2 '--latency and --bandwidth go together' bench --latency 2
expect_error 2 '--ranks: wrong (got "2"' bench --ranks 2
expect_error 2 '--ranks: must ascend (got "2,1")' "$MPIRUN" 2 "$WAVETRAIN" bench scaling --ranks 2,1
expect_error 2 '--steps: out of range (got 0' bench --steps 0
expect_error 2 '--rounds: out of range (got 0' bench --rounds 0
expect_error 2 '--nodes: out of range (got -1' bench --nodes -1
expect_error 2 '--windows: out of range (got -1' bench --windows -1
expect_error 2 '--model: no such model (got "Z"' bench --model Z
expect_error 2 '--model: stands in place of a configuration' bench config.yaml --model A
expect_error 2 'train.batch: no multiple of the ranks (got 16 windows for 3 ranks' "$MPIRUN" 3 "$WAVETRAIN" bench scaling config.yaml
expect_error 2 'train.microbatches: must divide 3 windows' "$MPIRUN" 3 "$WAVETRAIN" bench scaling --model S --set train.microbatches=1
expect_error 2 'model.residul' bench --set model.residul=3
expect_error 1 'absent/s.csv: can' bench --model-only --nodes 2 --compute 1 --csv absent/s.csv
