# A run with run.tensorboard, stopped, killed and resumed: TensorBoard itself reads each step once, and the
# numbers of metrics.csv. Needs TensorBoard in some Python (pip install tensorboard), whose name PYTHON_COMPARE may give.
set -eu
. "$SOURCE/tests/runs.sh"
export OMP_NUM_THREADS=1 ranks=
steps=30

python=$(python_with tensorboard)
if [ -z "$python" ]; then
    echo "skipped: no Python has tensorboard (jobs/setup.sh --compare)"
    exit 77
fi

make_tone
make_config config.yaml
sed -i "s/steps: 50/steps: $steps/" config.yaml
code=$(interrupt run 8 USR1 --set run.tensorboard=true)
[ "$code" = 75 ] || fail "exit code $code, expected 75: $(cat run.log)"
interrupt run 15 KILL --set run.tensorboard=true >code.txt
train_ok run --set run.tensorboard=true
"$python" "$SOURCE/tests/metrics/read_events.py" run/tensorboard >read.txt
all=$(seq -s, $steps)
for tag in train/loss train/gradient_norm train/learning_rate; do
    [ "$(awk -v tag=$tag '$1 == tag { print $2 }' read.txt)" = "$all" ] ||
        fail "$tag: $(grep "$tag" read.txt)"
done
[ "$(awk '$1 == "validation/loss" { print $2 }' read.txt)" = 10,20,30 ] ||
    fail "validation: $(cat read.txt)"
last=$(tail -n 1 run/metrics.csv | awk -F, '{ printf "%.6g", $3 }')
[ "$(awk '$1 == "train/loss" { print $3 }' read.txt)" = "$last" ] ||
    fail "loss: $(cat read.txt), expected $last"
