#!/bin/bash
# tests/two_hosts.sh [--delay US] [--rate MBIT] [--rounds N] [--build FOLDER]
#     [--targets "N…"] [--times FILE] [--patience S] [run RANKS COMMAND…]
# Two hosts with a link between them, on one machine: two network namespaces and a cable in user space (100
# µs, 1000 Mbit/s each way). With "run", COMMAND runs on RANKS ranks, half of them on each host. Without,
# model A is trained with a rank of one thread on each, and a table says how much of the exchange is exposed,
# measured and predicted, without overlap and with it; a FILE of times keeps the measurements, and adds those
# that it has. Needs root, namespaces and /dev/net/tun; ends with code 77 where it can't.
set -eu
delay=100 rate=1000 rounds=3 targets="256 1024 2048 8192" times=times patience=30
SOURCE=$(cd "$(dirname "$0")/.." && pwd)
build=$SOURCE/build
while [ $# -gt 0 ] && [ "$1" != run ]; do
    case ${1-}:${2-} in
    --delay:?*) delay=$2 ;;
    --rate:?*) rate=$2 ;;
    --rounds:?*) rounds=$2 ;;
    --targets:?*) targets=$2 ;;
    --times:?*) times=$(realpath "$2") ;;
    --patience:?*) patience=$2 ;;
    --build:?*) build=$(realpath "$2") ;;
    *)
        sed -n '2,8s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done
WAVETRAIN=$build/wavetrain

skip() {
    echo "skipped: two_hosts.sh: $*" >&2
    exit 77
}

# --- the hosts ---

A=wt-a-$$ B=wt-b-$$ folder=$(mktemp -d) cable=''

down() {
    if [ -n "$cable" ]; then
        kill "$cable" 2>/dev/null || true
        wait "$cable" 2>/dev/null || true
    fi
    ip netns del "$A" 2>/dev/null || true
    ip netns del "$B" 2>/dev/null || true
    rm -rf "$folder"
}

up() {
    [ "$(id -u)" = 0 ] || skip "it needs root"
    for tool in ip nsenter unshare mpirun; do command -v $tool >/dev/null || skip "there is no $tool"; done
    [ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
    trap down EXIT
    ip netns add "$A" 2>/dev/null && ip netns add "$B" || skip "it may make no network namespaces"
    nsenter --net="/run/netns/$A" unshare --uts --mount --ipc true || skip "it may make no namespaces"
    : >"$folder/cable"
    "$build/tests/mpi/link_delay" "$A" "$B" "$delay" "$rate" >"$folder/cable" 2>&1 &
    cable=$!
    for _ in $(seq 100); do
        if grep -q ready "$folder/cable" || ! kill -0 $cable 2>/dev/null; then break; fi
        sleep 0.05
    done
    grep -q ready "$folder/cable" || skip "no cable: $(cat "$folder/cable")"
    local number=0 host
    for host in "$A" "$B"; do
        number=$((number + 1))
        ip -n "$host" link set lo up
        ip -n "$host" addr add 10.78.0.$number/24 dev eth0
        ip -n "$host" link set eth0 mtu 9000 up # at 1500, the cable would take a core for itself
        nsenter --net="/run/netns/$host" sh -c 'echo cubic >/proc/sys/net/ipv4/tcp_congestion_control' 2>/dev/null || true
    done
    printf '127.0.0.1 localhost\n10.78.0.1 %s\n10.78.0.2 %s\n' "$A" "$B" >"$folder/hosts"
    # what mpirun calls in place of ssh: the host, then a command line
    cat >"$folder/rsh" <<RSH
#!/bin/bash
host=\$1
shift
exec nsenter --net=/run/netns/\$host unshare --uts --mount --ipc bash -c "
    hostname \$host
    mount -t tmpfs none /dev/shm
    mount --bind $folder/hosts /etc/hosts
    \$*"
RSH
    chmod +x "$folder/rsh"
}

# on_hosts RANKS COMMAND…
on_hosts() {
    local ranks=$1 variable exports='' idle=0
    shift
    [ "$ranks" -le "$(nproc)" ] || idle=1 # ranks that wait leave their core to those that compute
    for variable in OMP_NUM_THREADS OMP_WAIT_POLICY WAVETRAIN_OVERSUBSCRIBE; do exports="$exports -x $variable"; done
    "$folder/rsh" "$A" "cd '$PWD'
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        exec mpirun -q --mca plm rsh --mca plm_rsh_agent '$folder/rsh' --mca orte_tmpdir_base '$folder' \
            --mca pml ob1 --mca btl self,vader,tcp --mca btl_tcp_if_include 10.78.0.0/24 --mca mpi_yield_when_idle $idle \
            $exports --bind-to none --map-by node --rank-by slot --oversubscribe -n $ranks \
            --host $A:$ranks,$B:$ranks $(printf '%q ' "$@")"
}

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=passive WAVETRAIN_OVERSUBSCRIBE=1
up
if [ "${1-}" = run ]; then
    shift
    on_hosts "$@"
    exit
fi

# --- model A ---

cd "$folder"
unset OPENBLAS_CORETYPE # a slower core would have more time to hide the exchange behind
"$WAVETRAIN" prepare simulate sine --rate 16000 --utterances 40 --seconds 2 --out tone >/dev/null
cat >a.yaml <<'YAML'
model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}
data: {path: tone, quantization: mulaw:256}
train: {batch: 2, microbatches: 2}
schedule: {warmup: 1}
validation: {every: 0}
checkpoint: {every: 0, minutes: 0}
run: {compare_every: 0}
YAML

# Two cores are all taken by two ranks and a cable: others on the machine would be measured too. Waits until
# they leave nine tenths of it, for a while.
wait_for_quiet() {
    local before after
    for _ in $(seq "$patience"); do
        before=$(awk '/^cpu /{print $2 + $3 + $4 + $7 + $8, $5 + $6}' /proc/stat)
        sleep 1
        after=$(awk '/^cpu /{print $2 + $3 + $4 + $7 + $8, $5 + $6}' /proc/stat)
        if awk -v a="$before" -v b="$after" 'BEGIN {
            split(a, x, " "); split(b, y, " "); exit !(9 * (y[1] - x[1]) < y[2] - x[2]) }'; then return; fi
    done
}

# measure TARGETS BUCKET DRIVE: a line "TARGETS BUCKET DRIVE exposed step waiting backward", ms
measure() {
    local steps=$((30 + 30000 / $1))
    wait_for_quiet
    rm -rf run
    on_hosts 2 "$WAVETRAIN" train a.yaml --run run --verbose --set data.window="$1" --set train.steps=$steps \
        --set exchange.bucket="$2" --set exchange.progress="$3" >log 2>&1 || { cat log >&2; exit 1; }
    sed -n "s/^exposed exchange, fastest tenth: \([0-9.]*\) ms of a step's \([0-9.]*\), \([0-9.]*\) of them waiting; backward takes \([0-9.]*\).*/$1 $2 $3 \1 \2 \3 \4/p" log >>"$times"
}

# The drives by turns, so that whatever else the machine does meets all alike.
for round in $(seq "$rounds"); do
    for window in $targets; do
        for bucket in 0.0625 0.25 1 16; do
            [ "$window" = 256 ] || [ $bucket = 0.25 ] || [ $bucket = 1 ] || continue
            for drive in after test thread; do measure "$window" $bucket $drive; done
        done
    done
    echo "round $round of $rounds" >&2
done

# The best of the rounds, and the model. With n_b the bytes of bucket b, counted from the end of the
# network, R_b the time of backward that is still to come when it is finished, P = 2 ranks, a link of latency
# α and bandwidth β:
#     exposed = max over b of  2·α + Σ_{c ≥ b} (2·(P−1)/P · n_c/β) − R_b,  at least 0;  without overlap R_b =
#                              0
# R_b is the share of backward's multiplications that layers before bucket b have, of its measured time.
awk -v delay="$delay" -v rate="$rate" '
    function layer(parameters, work) {
        size[++layers] = parameters
        cost[layers] = work
        all += work
    }
    # from the head down, as backward goes
    function network(targets,    l, lead, dilation) {
        layers = all = lead = 0
        layer(128 * 128 + 128 + 128 * 256 + 256, targets * (128 * 128 + 128 * 256))
        for (l = 29; l >= 0; l--) {
            dilation = 2 ^ (l % 10)
            layer(2 * 64 * 128 + 128 + (l < 29) * (64 * 64 + 64) + 64 * 128 + 128,
                  (targets + lead) * (2 * 64 * 128 + (l < 29) * 64 * 64) + targets * 64 * 128)
            lead += dilation
        }
        layer(2 * 256 * 64 + 64, 0)
    }
    # ms, with a backward of so many ms (0: no overlap)
    function predicted(targets, bucket, backward,    bytes, total, l, left, done, sent, filled, late, most) {
        network(targets)
        for (l = 1; l <= layers; l++) total += 4 * size[l]
        bytes = bucket * 1048576
        for (l = 1; l <= layers; l++) {
            done += cost[l]
            filled += 4 * size[l]
            while (sent < total && (filled >= sent + bytes || l == layers)) {
                # the bucket that is finished now: it and all after it must still travel
                late = 2 * delay / 1e3 + (total - sent) * 8 / (rate * 1e3) - backward * (1 - done / all)
                if (late > most) most = late
                sent += bytes
            }
        }
        return most
    }
    {
        key = $1 " " $2 " " $3
        if (!(key in exposed) || $4 < exposed[key]) exposed[key] = $4
        if (!(key in step) || $5 < step[key]) step[key] = $5
        if (!(key in back) || $7 < back[key]) back[key] = $7
        if (!(($1 " " $2) in seen)) order[++lines] = $1 " " $2
        seen[$1 " " $2] = 1
    }
    END {
        print "| targets | bucket, MiB | without overlap | predicted | test | thread | predicted | step: without | test | thread |"
        print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        for (i = 1; i <= lines; i++) {
            split(order[i], of, " ")
            k = order[i]
            printf "| %d | %s | %.1f | %.1f | %.1f | %.1f | %.1f | %.0f | %.0f | %.0f |\n", of[1], of[2],
                exposed[k " after"], predicted(of[1], of[2], 0), exposed[k " test"], exposed[k " thread"],
                predicted(of[1], of[2], back[k " after"]), step[k " after"], step[k " test"], step[k " thread"]
        }
    }' "$times"
