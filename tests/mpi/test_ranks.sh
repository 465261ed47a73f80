# One answer: losses, validation losses, parameters and moments are the same bits for any number of ranks and
# threads, however many lanes advance together, with each table of kernels.
set -eu
. "$SOURCE/tests/runs.sh"

make_tone
make_config config.yaml

# ranks: the contract asks for losses within 1e-5 over 50 steps, the design for the same bits
export OMP_NUM_THREADS=1
train_ok one
learnt=$(metrics_of one | awk -F, '$1 == 1 {first = $3} $1 == 50 {print (first - $3 > 0.3)}')
[ "$learnt" = 1 ] || fail "the network learnt nothing: $(cat one.log)"
[ "$(metrics_of one | awk -F, '$8 != ""' | wc -l)" = 6 ] || fail "expected 5 validations"
for ranks in 2 3 4; do
    train_ok ranks-$ranks
    same_run one ranks-$ranks 50
done

# threads, and how many lanes advance together
set -- --set train.steps=10 --set validation.every=5
ranks=
train_ok short "$@"
for threads in 2 3; do
    OMP_NUM_THREADS=$threads train_ok threads-$threads "$@"
    same_run short threads-$threads 10
done
for lanes in 1 2 3; do
    OMP_NUM_THREADS=2 train_ok at-once-$lanes "$@" --set train.lanes_at_once=$lanes
    same_run short at-once-$lanes 10
done
OMP_NUM_THREADS=3 ranks=2 train_ok ranks-2-threads-3 "$@"
same_run short ranks-2-threads-3 10
ranks=3 train_ok ranks-3-at-once-2 "$@" --set train.lanes_at_once=2
same_run short ranks-3-at-once-2 10

# each table of kernels with itself; what the CPU can't run is named and left out
backends="reference openblas"
cpu=$(grep -m1 '^flags' /proc/cpuinfo || true)
case "$cpu " in *" avx2 "*) backends="$backends avx2" ;; *) echo "left out: avx2, which this CPU lacks" ;; esac
case "$cpu " in *" avx512vl "*) backends="$backends avx512" ;; *) echo "left out: avx512, which this CPU lacks" ;; esac
for backend in $backends; do
    train_ok $backend "$@" --set run.backend=$backend
    OMP_NUM_THREADS=3 ranks=2 train_ok $backend-ranks "$@" --set run.backend=$backend
    same_run $backend $backend-ranks 10
done

# and the tables nearly with each other
for backend in $backends; do
    paste -d, <(metrics_of reference) <(metrics_of $backend) | awk -F, '
        NR == 1 { columns = NF / 2 }
        NR > 1 && ($3 - $(3 + columns))^2 > (1e-5 * $3)^2 { print "step", $1, $3, $(3 + columns); wrong = 1 }
        END { exit wrong }' || fail "reference and $backend differ"
done
case $backends in *"avx2 avx512") same_run avx2 avx512 10 ;; esac # whose bits don't depend on the vectors

# a number of lanes that is no power of two
set -- --set train.steps=6 --set train.batch=12 --set train.lanes=6
train_ok six "$@"
for ranks in 2 3 4 5 6; do
    train_ok six-$ranks "$@"
    same_run six six-$ranks 6
done
