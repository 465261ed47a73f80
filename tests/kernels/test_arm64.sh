# The kernels of arm64 under qemu, and a run there with the bits of AVX2: where there are arm64's libraries, Debian's
# cross-compiler and qemu (tests/arm64.sh says how to get them).
set -eu
sysroot=${WT_ARM64_SYSROOT:-$SOURCE/build/arm64-sysroot}

skip() {
    echo "skipped: $1"
    exit 77
}

[ -e "$sysroot/usr/include/mpi.h" ] || skip "no arm64 libraries in $sysroot (tests/arm64.sh sysroot FOLDER unpacks them)"
for command in aarch64-linux-gnu-gcc qemu-aarch64-static; do
    command -v $command >/dev/null || skip "there is no $command (jobs/setup.sh --arm64 installs it)"
done
grep -qw avx2 /proc/cpuinfo || skip "this CPU lacks AVX2, with which the run is compared"
"$SOURCE/tests/arm64.sh" build "$sysroot" "$sysroot.build"
"$SOURCE/tests/arm64.sh" check "$sysroot" "$sysroot.build"
