# export --format onnx and --onnx-step: a graph per network, whose outputs in ONNX Runtime are those of the
# program within 1e-5 of the largest, for recordings of any length; steps give what the whole gives;
# onnx.checker takes all of them. Needs onnx, onnxruntime and h5py in some Python (jobs/setup.sh --compare).
# $1: make_sounds.
set -eu
. "$SOURCE/tests/export/networks.sh"

python=$(python_with onnx onnxruntime h5py)
if [ -z "$python" ]; then
    echo "skipped: no Python has onnx, onnxruntime and h5py (jobs/setup.sh --compare)"
    exit 77
fi

compared=()
exported() {
    expect_ok "$WAVETRAIN" export "$1" --format onnx --out "$1.onnx"
    expect_ok "$WAVETRAIN" evaluate "$1" --data "$2" --logits "$1.h5"
    compared+=("$1.onnx:$1.h5:$2:test")
    case $1 in readout | second) return ;; esac # an output per window; an amplifier is stepped already
    expect_ok "$WAVETRAIN" export "$1" --format onnx --onnx-step --out "$1-step.onnx"
}
make_networks
"$python" "$SOURCE/tests/export/compare_exports.py" "${compared[@]}"

# --- refusals ---

expect_error 2 "output per window" "$WAVETRAIN" export readout --format onnx --onnx-step \
    --out readout-step.onnx
[ ! -e readout-step-start.onnx ] || fail "a refused step left its start"
expect_error 2 "name that is free" "$WAVETRAIN" export softmax --format onnx --out mixture.onnx
expect_error 2 ".onnx" "$WAVETRAIN" export softmax --format onnx --out softmax.pb
expect_error 2 "is of --format onnx" "$WAVETRAIN" export softmax --format torch --onnx-step --out step.py
touch taken-start.onnx
expect_error 2 "taken-start.onnx" "$WAVETRAIN" export softmax --format onnx --onnx-step --out taken.onnx
[ ! -e taken.onnx ] || fail "a refused step left a file"
no_leftovers
