#!/bin/bash
# The recipes name the same libraries as jobs/setup.sh, and the dependencies' project says what it lacks and
# refuses what is not what it should be. (jobs/README.md lists what else was checked by hand.)
set -eu -o pipefail
. "$SOURCE/tests/expect.sh"

# --- Spack: what setup.sh looks for, by the names that it gives for Spack ---

sed -n "/^parts()/,/^TABLE/p" "$SOURCE/jobs/setup.sh" | sed -n 's/^ *has_[a-z0-9_]* .* \([a-z0-9~+-]*\)$/\1/p' |
    sed 's/[~+].*//' | sed 's/^gcc$/c/; s/^pkgconf$/pkgconfig/' | sort >setup.txt
sed -n 's/^ *depends_on("\([a-z0-9-]*\).*/\1/p' "$SOURCE/jobs/spack/packages/wavetrain/package.py" | sort >spack.txt
[ "$(wc -l <setup.txt)" -ge 14 ] || fail "not found in setup.sh: $(cat setup.txt)"
cmp setup.txt spack.txt || fail "setup.sh and Spack's recipe differ: $(diff setup.txt spack.txt)"
# the options that it sets are options of the project
while read -r option; do
    grep -rqE "^ *option\($option " "$SOURCE/CMakeLists.txt" "$SOURCE/src/cmake" || fail "no option $option"
done < <(sed -n 's/.*self\.define[a-z_]*("\([A-Z_]*\)".*/\1/p' "$SOURCE/jobs/spack/packages/wavetrain/package.py")

# --- Apptainer: what its %post runs is there ---

sed -n '/^%post/,/^%environment/p' "$SOURCE/jobs/wavetrain.def" >post.txt
said post.txt jobs/setup.sh
sh -n <(grep -v '^%' post.txt) || fail "%post is no shell script"
said "$SOURCE/CMakePresets.json" "\"$(sed -n 's/.*cmake .*--preset \([a-z]*\) .*-DWT_TESTS.*/\1/p' post.txt)\""

# --- the dependencies' project ---

command -v c++ >/dev/null || { echo "skipped: no C++ compiler: the dependencies' project is not tested" && exit 0; }
mkdir given
configure() { cmake -S "$SOURCE/jobs/dependencies" -B build -DWT_SOURCES="$WORK/given" 2>&1 | tr -s ' \n' '  ' >log.txt; }
if configure; then fail "configured without a source"; fi
said log.txt "has neither libyaml-0.2.5.tar.gz"
echo "something else" >given/libyaml-0.2.5.tar.gz
if configure; then fail "an archive with another sum is taken"; fi
said log.txt fa240dbf262be053f3898006d502d514936c818e422afdcf33921c63bed9bf2e
