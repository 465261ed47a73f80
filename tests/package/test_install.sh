#!/bin/bash
# test_install.sh BUILD COMPILER: installs BUILD below a DESTDIR, moves it elsewhere, and works with what is
# there as another project would: each header alone, the example by find_package and by pkg-config, on one
# rank and two.
set -eu
. "$SOURCE/tests/expect.sh"
build=$1 compiler=$2
export OMP_NUM_THREADS=1 CC=$compiler

# --- installed, then moved: nothing may remember where it was ---

DESTDIR=$WORK/staged cmake --install "$build" --prefix /opt/wavetrain >install.txt 2>&1 || fail "$(cat install.txt)"
prefix=$WORK/"a prefix"
mv staged/opt/wavetrain "$prefix"
[ -z "$(find staged ! -type d)" ] || fail "installed beside the prefix: $(find staged ! -type d)"
for file in bin/wavetrain include/wavetrain/wavetrain.h share/wavetrain/jobs/train.sbatch share/wavetrain/jobs/job.sh \
    share/wavetrain/configs/speech.yaml share/doc/wavetrain/LICENSE share/man/man1/wavetrain.1 \
    share/man/man5/wavetrain-config.5 share/bash-completion/completions/wavetrain \
    share/zsh/site-functions/_wavetrain share/fish/vendor_completions.d/wavetrain.fish; do
    [ -s "$prefix/$file" ] || fail "$file is not installed"
done
for file in "$SOURCE"/include/wavetrain/*.h; do
    cmp "$file" "$prefix/include/wavetrain/${file##*/}"
done
[ -x "$prefix/share/wavetrain/jobs/train.sbatch" ] || fail "a job script that is not executable"
if grep -rlF -e "$build" -e "$SOURCE" "$prefix" >found.txt; then fail "the build's paths in $(cat found.txt)"; fi
expect_ok "$prefix/bin/wavetrain" inspect "$prefix/share/wavetrain/configs/speech.yaml"

# --- the headers: each alone in C, all together in C++; nothing of MPI or HDF5 in them ---

(cd "$prefix/include" && printf '%s\n' wavetrain/*.h) >headers.txt
while read -r header; do
    echo "#include <$header>" >alone.c
    expect_ok "$compiler" -std=c11 -pedantic -Wall -Wextra -Werror -I "$prefix/include" -fsyntax-only alone.c
    [ "$header" = wavetrain/wavetrain.h ] || grep -qF "#include \"$header\"" "$prefix/include/wavetrain/wavetrain.h" ||
        fail "wavetrain.h does not include $header"
done <headers.txt
echo '#include <wavetrain/wavetrain.h>' >all.c
"$compiler" -I "$prefix/include" -M all.c >needs.txt
if grep -E '/(mpi|hdf5|H5[A-Za-z]*|popt|yaml|cblas)\.h' needs.txt; then fail "a header that outsiders may lack"; fi
if command -v c++ >/dev/null; then
    echo 'int main() { const wt_kernels *set; return wt_kernels_select(&set, WT_BACKEND_AUTO, WT_PRECISION_FP32); }' |
        cat all.c - >all.cpp
    expect_ok c++ -std=c++11 -Wall -Wextra -Werror -I "$prefix/include" -c all.cpp
    nm all.o | grep -qw wt_kernels_select || fail "C++ calls it by another name"
else
    echo "skipped: no C++ compiler: the headers are not compiled as C++"
fi
# nothing that may clash with another library's names
nm -g --defined-only "$prefix"/lib*/libwavetrain.a 2>/dev/null |
    awk 'NF == 3 && $3 !~ /^(\.gomp_critical_user_)?wt_/' >clash.txt
[ ! -s clash.txt ] || fail "names without wt_: $(cat clash.txt)"

# --- the example, as a project of its own ---

cmake -S "$prefix/share/wavetrain/example" -B example -DCMAKE_PREFIX_PATH="$prefix" >configure.txt 2>&1 ||
    fail "$(cat configure.txt)"
cmake --build example >build.txt 2>&1 || fail "$(cat build.txt)"
expect_ok example/train_tone one
cp out.txt one.txt
expect_ok "$MPIRUN" 2 example/train_tone two
cmp one.txt out.txt || fail "one rank and two differ"
awk '/^loss/ { found = 1; exit !($2 < $NF / 2) } END { if (!found) exit 1 }' one.txt || fail "learnt little: $(cat one.txt)"
# the program sees the same in the run that the library made
expect_ok "$prefix/bin/wavetrain" inspect two/run
said out.txt "$(sed -n 's/^hash //p' one.txt)"

# another version is refused
echo 'cmake_minimum_required(VERSION 3.20)
project(other LANGUAGES C)
find_package(wavetrain 99 REQUIRED)' >CMakeLists.txt
if cmake -S . -B other -DCMAKE_PREFIX_PATH="$prefix" >configure.txt 2>&1; then fail "version 99 found"; fi
said configure.txt "99"

# --- the same by pkg-config ---

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
flags=()
eval "flags=($(pkg-config --cflags --libs wavetrain))"
expect_ok "$compiler" "$prefix/share/wavetrain/example/train_tone.c" -o by_pkg_config "${flags[@]}" -lm
expect_ok ./by_pkg_config three
cmp one.txt out.txt || fail "linked by pkg-config it computes something else"

# --- what else a program does with a run: evaluate, read tensors, generate in blocks, predict, plot ---

expect_ok "$compiler" -std=c11 -pedantic -Wall -Wextra -Werror "$SOURCE/tests/package/use_library.c" -o use_library "${flags[@]}" -lm
expect_ok ./use_library two/data two/run
said out.txt "evaluated $(awk '/^loss/ { print $2 }' one.txt)"
said out.txt 'block 3 power '
if grep -q 'plot loss.png' out.txt; then [ -s loss.png ] || fail "no plot"; else said out.txt 'plot none'; fi
