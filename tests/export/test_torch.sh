# export --format torch and evaluate --logits: a module per network, whose outputs in PyTorch are those of the
# program within 1e-5 of the largest. Needs PyTorch and h5py in some Python (jobs/setup.sh --compare).
# $1: make_sounds.
set -eu
. "$SOURCE/tests/export/networks.sh"

python=$(python_with torch h5py)
if [ -z "$python" ]; then
    echo "skipped: no Python has torch and h5py (jobs/setup.sh --compare)"
    exit 77
fi

compared=()
exported() {
    expect_ok "$WAVETRAIN" export "$1" --format torch --out "$1.py"
    expect_ok "$WAVETRAIN" evaluate "$1" --data "$2" --logits "$1.h5"
    compared+=("$1.py:$1.h5:$2:test")
}
make_networks
"$python" "$SOURCE/tests/export/compare_exports.py" "${compared[@]}"

# a page is one: blocks that are alike are a loop
said softmax.py 'for i, dilation, scale in zip(range('
[ "$(wc -l <softmax.py)" -le 100 ] || fail "softmax.py has $(wc -l <softmax.py) lines, expected a page"

# --- refusals ---

expect_error 2 "name that is free" "$WAVETRAIN" export softmax --format torch --out mixture.py
mv labels.py other.py
expect_error 2 "labels.safetensors: " "$WAVETRAIN" export labels --format torch --out labels.py
expect_error 2 "HDF5 file" "$WAVETRAIN" evaluate softmax --logits logits.csv
expect_error 2 "by one rank" "$MPIRUN" 2 "$WAVETRAIN" evaluate softmax --logits two.h5
expect_error 2 "name that is free" "$WAVETRAIN" evaluate softmax --logits softmax.h5
no_leftovers
