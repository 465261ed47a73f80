#!/bin/bash
# jobs/setup.sh [--tests] [--threads] [--arm64] [--recordings] [--voices] [--words] [--compare]
# Installs what wavetrain needs and this machine lacks, with apt on Debian or Ubuntu (as root, or by sudo
# without a password). Silent when nothing is missing. Elsewhere, or without the rights, it names what is
# missing and fails.
#   --tests       also what the tests need; as root also SLURM, without which some of them are skipped
#   --threads     also what the tests' thread sanitizer needs
#   --arm64       also what builds for arm64 here, and runs it (tests/arm64.sh)
#   --recordings  also the quickstart's speech; where it can't be had, the quickstart does without
#   --voices      also speech of four more voices (configs/voices.yaml)
#   --words       also lists of words to learn to spell from (configs/words.yaml)
#   --compare     also what tests are compared with by hand: PyTorch, h5py, sox; by pip, into build/compare,
#                 ONNX, ONNX Runtime and TensorBoard
set -eu

need_tests=0 need_threads=0 need_arm64=0 need_recordings=0 need_voices=0 need_words=0 need_compare=0
for argument; do
    case $argument in
    --tests) need_tests=1 ;;
    --threads) need_threads=1 ;;
    --arm64) need_arm64=1 ;;
    --recordings) need_recordings=1 ;;
    --voices) need_voices=1 ;;
    --words) need_words=1 ;;
    --compare) need_compare=1 ;;
    *)
        echo "usage: jobs/setup.sh [--tests] [--threads] [--arm64] [--recordings] [--voices] [--words] [--compare]" >&2
        exit 2
        ;;
    esac
done

# What is needed, how to see that it is there, and where it comes from. Looking for the thing itself rather
# than for its package finds what modules, Spack or a user's own prefix provide. "-" stands for nothing.
#   check            Debian packages                       Spack
parts() {
    cat <<'TABLE'
    has_compiler     gcc,libc6-dev                         gcc
    has_cmake        cmake                                 cmake
    has_build_tool   ninja-build                           ninja
    has_pkg_config   pkg-config                            pkgconf
    has_mpi          libopenmpi-dev,openmpi-bin            openmpi
    has_openblas     libopenblas-dev                       openblas
    has_hdf5         libhdf5-dev                           hdf5~mpi
    has_yaml         libyaml-dev                           libyaml
    has_xxhash       libxxhash-dev                         xxhash
    has_popt         libpopt-dev                           popt
    has_random123    librandom123-dev                      random123
    has_sndfile      libsndfile1-dev                       libsndfile
    has_soxr         libsoxr-dev                           soxr
    has_fftw         libfftw3-dev                          fftw
    has_plplot       libplplot-dev,plplot-driver-cairo     plplot
    has_jansson      libjansson-dev                        jansson
    has_protobuf     libprotobuf-c-dev,protobuf-c-compiler protobuf-c
TABLE
    if [ $need_tests = 1 ]; then
        cat <<'TABLE'
    has_cmocka       libcmocka-dev                         cmocka
    has_cxx          g++                                   gcc
    has_h5_tools     hdf5-tools                            hdf5
    has_pgrep        procps                                procps
    has_h5py         python3-h5py                          py-h5py
TABLE
    fi
    if [ $need_threads = 1 ]; then
        cat <<'TABLE'
    has_clang        clang,libomp-dev                      llvm
    has_tsan         libclang-rt-dev                       llvm
    has_symbolizer   llvm                                  llvm
TABLE
    fi
    if [ $need_arm64 = 1 ]; then
        cat <<'TABLE'
    has_cross_gcc    gcc-aarch64-linux-gnu                 gcc
    has_emulator     qemu-user-static                      qemu
TABLE
    fi
    if [ $need_compare = 1 ]; then
        cat <<'TABLE'
    has_pytorch      python3-torch                         py-torch
    has_h5py         python3-h5py                          py-h5py
    has_sox          sox                                   sox
    has_venv         python3-venv                          python
TABLE
    fi
}

has_command() { command -v "$1" >/dev/null 2>&1; }
has_library() { pkg-config --exists "$1" 2>/dev/null; }
has_header() { echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1; }

has_compiler() { has_command cc && has_header stdio.h; }
has_build_tool() { has_command ninja || has_command make; }
has_pkg_config() { has_command pkg-config; }
has_mpi() { has_command mpicc && has_command mpirun; }
has_openblas() { has_library openblas; }
has_hdf5() { has_command h5cc || has_command h5pcc || has_library hdf5; }
has_yaml() { has_library yaml-0.1; }
has_xxhash() { has_library libxxhash; }
has_popt() { has_library popt; }
has_random123() { has_header Random123/philox.h; }
has_sndfile() { has_library sndfile; }
has_soxr() { has_library soxr; }
has_jansson() { has_library jansson; }
has_protobuf() { has_library libprotobuf-c && has_command protoc-c; }
has_cmocka() { has_library cmocka; }
has_fftw() { has_library fftw3; }
has_h5_tools() { has_command h5dump; }
has_clang() { has_command clang && echo '#include <omp.h>' | clang -fopenmp -E -x c - >/dev/null 2>&1; }
has_tsan() { # asked again once clang is there: some of its packages bring the sanitizer along, some don't
    ! has_command clang || echo 'int main(void) { return 0; }' | clang -fsanitize=thread -x c - -o /dev/null 2>/dev/null
}
has_symbolizer() { has_command llvm-symbolizer; } # names of functions in the sanitizer's reports
has_cross_gcc() { has_command aarch64-linux-gnu-gcc; }
has_emulator() { has_command qemu-aarch64-static; }
has_cxx() { has_command c++; }
has_sox() { has_command sox; }
has_pytorch() { python3 -c 'import torch' 2>/dev/null || /usr/bin/python3 -c 'import torch' 2>/dev/null; }
has_venv() { python3 -c 'import ensurepip' 2>/dev/null || /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; }
has_pgrep() { has_command pgrep; }
has_h5py() { python3 -c 'import h5py' 2>/dev/null || /usr/bin/python3 -c 'import h5py' 2>/dev/null; } # READMEs' Python
has_cmake() { # the presets ask for 3.21
    has_command cmake && printf '3.21\n%s\n' "$(cmake --version | sed -n '1s/.* //p')" | sort -V -C
}
has_plplot() {
    local drivers
    drivers=$(pkg-config --variable=drvdir plplot 2>/dev/null) && [ -e "$drivers/cairo.so" ]
}

# The tests make a cluster of their own, as root only. Elsewhere nobody is asked for SLURM.
slurm="slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge iproute2"
has_slurm() { has_command slurmctld && has_command slurmd && has_command munged && has_command ip; }

# The tests of OpenBLAS's threadings find Debian's packages by their folders, and are skipped elsewhere.
threadings="libopenblas0-serial libopenblas0-pthread libopenblas0-openmp"
has_threadings() {
    local folder
    for folder in serial pthread openmp; do
        compgen -G "/usr/lib/*/openblas-$folder/libopenblas.so.0" >/dev/null || return 1
    done
}

# The tests of the manual and of the shells' completions do without these where they can't be had.
readers="mandoc zsh fish"
has_readers() { has_command mandoc && has_command zsh && has_command fish; }

speech=asterisk-core-sounds-en-wav
has_packages() { # NAME…
    local name
    for name; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || return 1
    done
}
has_recordings() { has_packages $speech; }

voices=(asterisk-core-sounds-{es,fr,it,ru}-wav asterisk-prompt-it-menardi-wav)
has_voices() { has_packages "${voices[@]}"; }

words="wfrench miscfiles"
has_words() { [ -e /usr/share/dict/french ] && [ -e /usr/share/dict/web2 ]; }

# Sets `packages` and `spack` to where the missing parts come from.
find_missing() {
    packages='' spack=''
    local check debian module
    while read -r check debian module; do
        $check && continue
        packages="$packages ${debian//,/ }"
        spack="$spack $module"
    done < <(parts)
}

is_root() { [ "$(id -u)" = 0 ]; }

may_install() { has_command apt-get && { is_root || { has_command sudo && sudo -n true 2>/dev/null; }; }; }

as_root() {
    if is_root; then "$@"; else sudo -n "$@"; fi
}

# apt-get's many words are shown only if it fails.
apt() {
    local log status=0
    log=$(mktemp)
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1 || status=$?
    [ $status = 0 ] || tail -n 20 "$log" >&2
    rm -f "$log"
    return $status
}

# Package lists are fetched when there are none, or when they are too old to install from.
install() {
    echo "setup: installing$*" >&2
    # shellcheck disable=SC2048,SC2086 # the words of a list
    set -- $*
    if apt-cache show "$@" >/dev/null 2>&1; then
        apt install --no-install-recommends "$@" 2>/dev/null && return 0
    fi
    apt update && apt install --no-install-recommends "$@"
}

report_missing() {
    cat >&2 <<WORDS
setup: missing on this machine, and not installed (that takes apt and root, or sudo without a password):
  $spack
On Debian or Ubuntu, as root:
  apt-get install --no-install-recommends$packages
On a cluster, load its modules for gcc, openmpi, openblas, hdf5, libyaml, xxhash, popt, random123, libsndfile,
soxr, fftw, plplot, jansson and protobuf-c (the last six only for sound files, mel spectra, plots,
amplifiers and ONNX), or with Spack:
  spack install$spack && spack load$spack
or build the small libraries into a folder of your own, without root (jobs/dependencies/CMakeLists.txt says how),
then run this again: it looks for mpicc, h5cc and, by pkg-config, the libraries.
WORDS
}

find_missing
tried=
while [ -n "$packages" ] && [ "$packages" != "$tried" ] && may_install; do
    tried=$packages
    install "$packages" || true
    hash -r
    find_missing # what has come may lack something in turn
done
if [ -n "$packages" ]; then
    report_missing
    exit 1
fi
if [ $need_tests = 1 ] && is_root && has_command apt-get && ! has_slurm; then
    install " $slurm" || echo "setup: no SLURM from the package sources; tests that need it are skipped" >&2
fi
if [ $need_tests = 1 ] && ! has_threadings && may_install; then
    install " $threadings" || echo "setup: no $threadings from the package sources; a test is skipped" >&2
fi
if [ $need_tests = 1 ] && ! has_readers && may_install; then
    install " $readers" || echo "setup: no $readers from the package sources; tests do without" >&2
fi
if [ $need_recordings = 1 ] && ! has_recordings && may_install; then
    install " $speech" || echo "setup: no $speech from this machine's package sources" >&2
fi
if [ $need_voices = 1 ] && ! has_voices && may_install; then
    install " ${voices[*]}" || echo "setup: no ${voices[*]} from this machine's package sources" >&2
fi
compare=$(dirname "$0")/../build/compare # Python of the package index; tests/expect.sh looks here too
modules="onnx onnxruntime h5py tensorboard"
has_modules() { "$compare/bin/python" -c "import ${modules// /, }" 2>/dev/null; }
if [ $need_compare = 1 ] && ! has_modules; then
    echo "setup: installing into build/compare: $modules" >&2
    { python3 -m venv "$compare" || /usr/bin/python3 -m venv "$compare"; } >&2 || true
    # shellcheck disable=SC2086 # the words of a list
    "$compare/bin/pip" install -q $modules >&2 ||
        echo "setup: no $modules from the package index; tests that need them are skipped" >&2
fi
if [ $need_words = 1 ] && ! has_words; then
    { may_install && install " $words"; } || {
        echo "setup: no $words on this machine, nor from its package sources" >&2
        exit 1
    }
fi
