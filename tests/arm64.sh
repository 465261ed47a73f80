#!/bin/bash
# The build for arm64, on another machine: cross-built with Debian's compiler, run under qemu. `jobs/setup.sh --arm64`
# installs both.
#     arm64.sh sysroot FOLDER           unpacks Debian's arm64 packages there (270 MB; FOLDER.packages is what was
#                                       downloaded); libhdf5-dev can't be installed for two architectures at once
#     arm64.sh build FOLDER BUILD       cross-builds the program and the kernels' tests
#     arm64.sh check FOLDER BUILD       runs the kernels' tests, and compares a run of 20 steps with one of this
#                                       machine's program ($WAVETRAIN, or build/wavetrain), in the current folder
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=${SOURCE:-$(dirname "$here")}
WAVETRAIN=${WAVETRAIN:-$SOURCE/build/wavetrain}
. "$here/runs.sh"
packages=(libc6-dev libgomp1 libopenmpi-dev libopenblas-pthread-dev libhdf5-dev libyaml-dev libxxhash-dev libpopt-dev
    librandom123-dev libfftw3-dev libjansson-dev libcmocka-dev)
kernel_tests=(test_kernels test_norms test_mixtures test_gate_products test_products test_vector_kernels test_bf16)

# download FOLDER: the packages and all that they depend on, by this machine's package sources
download() {
    local options=(-q -y -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Install-Recommends=false
        -o Dir::State="$1" -o Dir::State::status="$1/status" -o Dir::Cache="$1" -o APT::Sandbox::User=)
    mkdir -p "$1/lists/partial" "$1/archives/partial"
    : >"$1/status"
    apt-get "${options[@]}" update >"$1/log" 2>&1 || true # a source may have nothing for arm64
    apt-get "${options[@]}" --download-only install "${packages[@]}" >>"$1/log" 2>&1 || {
        tail -n 5 "$1/log" >&2
        fail "the package sources have no arm64 packages"
    }
}

# unpack PACKAGES FOLDER: without programs, which would be taken for this machine's; then the links that installing
# would make
unpack() {
    local package link target libraries=$2/usr/lib/aarch64-linux-gnu
    mkdir -p "$2/usr/lib" "$2/usr/sbin"
    ln -s usr/lib usr/sbin "$2"
    for package in "$1"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --exclude=./usr/bin --exclude=./bin \
            --exclude=./usr/lib/gcc --exclude='./usr/share/*' -C "$2"
    done
    find "$2" -type l -lname '/*' | while read -r link; do
        target=$(realpath -ms --relative-to="$(dirname "$link")" "$2$(readlink "$link")")
        ln -sfn "$target" "$link"
    done
    ln -sf openblas-pthread/libopenblas.so.0 "$libraries"
    ln -sf ../openblas-pthread/pkgconfig/openblas.pc "$libraries/pkgconfig"
    ln -sf ../openmpi/lib/pkgconfig/ompi-c.pc "$libraries/pkgconfig/mpi-c.pc"
    (cd "$2/usr/include" && ln -sf ../lib/aarch64-linux-gnu/openmpi/include/* hdf5/serial/* .)
}

make_sysroot() {
    [ ! -e "$1" ] || fail "$1 is there already"
    download "$1.packages"
    rm -rf "$1.part"
    mkdir -p "$1.part"
    unpack "$1.packages" "$1.part"
    mv "$1.part" "$1"
}

build() {
    WT_ARM64_SYSROOT=$(realpath "$1") cmake -S "$SOURCE" -B "$2" --toolchain "$SOURCE/src/cmake/Arm64Toolchain.cmake" \
        -DCMAKE_BUILD_TYPE=Release -DWT_TESTS=ON >"$2.log" 2>&1 || fail "$(tail -n 20 "$2.log")"
    cmake --build "$2" -j2 --target wavetrain "${kernel_tests[@]}" >>"$2.log" 2>&1 || fail "$(tail -n 20 "$2.log")"
}

# trains_alike: prepared here, trained here with AVX2 and there with NEON at a constant rate: the same bits
trains_alike() {
    make_tone
    cat >config.yaml <<'YAML'
model: {stacks: 2, layers: 4, residual: 24, gate: 20, skip: 32}
data: {path: tone, window: 400, quantization: mulaw:64}
train: {batch: 4, microbatches: 2, steps: 20}
schedule: {kind: constant, warmup: 0}
validation: {every: 10, windows: 3}
YAML
    local here there
    "$WAVETRAIN" train config.yaml --run here --set run.backend=avx2 >here.log 2>&1 || fail "$(tail -n 5 here.log)"
    "${emulated[@]}" "$1/wavetrain" train config.yaml --run there --set run.backend=neon >there.log 2>&1 ||
        fail "$(tail -n 5 there.log)"
    here=$(hash_of here) there=$(hash_of there)
    [ ${#here} = 32 ] || fail "inspect prints no hash"
    [ "$here" = "$there" ] || fail "parameters and moments after 20 steps: got $there on arm64, expected $here, AVX2's"
    echo "a run of 20 steps: $there on arm64 as with AVX2"
}

case ${1:-}/$# in
sysroot/2) make_sysroot "$2" ;;
build/3) build "$2" "$3" ;;
check/3)
    # one rank without mpirun, which would start programs of the other kind
    emulated=(env OMPI_MCA_ess_singleton_isolated=1 OMP_WAIT_POLICY=passive WAVETRAIN_OVERSUBSCRIBE=1 qemu-aarch64-static -L "$2")
    pattern=$(IFS='|' && echo "${kernel_tests[*]}")
    ctest --test-dir "$3" -R "^($pattern)(_|\$)" -E double --output-on-failure --no-tests=error
    trains_alike "$3"
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
