#!/bin/bash
# test_readme_blocks.sh BUILD MAKE_SOUNDS: the fenced blocks of the READMEs that are tagged `run`, one after the other in
# one folder, as a newcomer would who reads the READMEs in their order and has some recordings in HOME. With `short` the
# program is given few steps, in place of the many that the text names.
set -eu -o pipefail
. "$SOURCE/tests/expect.sh"
. "$SOURCE/tests/package/readmes.sh"
build=$1 make_sounds=$2

mkdir blocks
split_blocks "$SOURCE" blocks
blocks=$PWD/blocks

# --- the newcomer's folders: a clone that is built, and recordings of two speakers ---

mkdir -p clone/build clone/data home/recordings/{anna,bert}
for file in CMakeLists.txt CMakePresets.json configs include jobs src tests; do ln -s "$SOURCE/$file" clone; done
for file in "$build"/*; do [ "${file##*/}" = wavetrain ] || ln -s "$file" clone/build; done
for i in $(seq 8); do
    for speaker in anna bert; do "$make_sounds" home/recordings/$speaker/$i.wav 16000 1 6400 played; done
done
"$make_sounds" home/played.wav 48000 1 160000 played
"$make_sounds" home/recorded.wav 48000 1 160100 amplified 37
cat >clone/build/wavetrain <<'PROGRAM'
#!/bin/bash
# give NAME VALUE: the option has this value, also where it has another one already
give() {
    local i
    for ((i = 0; i < ${#arguments[@]}; i++)); do
        [ "${arguments[i]}" = "$1" ] || continue
        arguments[i + 1]=$2
        return
    done
    arguments+=("$1" "$2")
}
arguments=("$@")
case ${SHORT-}:$1:${2-} in
short:train:*) give --steps 1 ;;
short:generate:*) [[ " $* " != *" --seconds "* ]] || give --seconds 0.05 ;;
short:capture:*) give --minutes 0.001 && give --preset a1-nano ;;
short:bench:step) give --steps 1 ;;
short:bench:kernels) give --rounds 1 ;;
esac
exec "$WAVETRAIN" "${arguments[@]}"
PROGRAM
chmod +x clone/build/wavetrain
export HOME=$PWD/home WAVETRAIN OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive WAVETRAIN_OVERSUBSCRIBE=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_pml=ob1
cd clone

# --- the blocks ---

# run_block NAME WHERE COMMAND…: with the block as standard input
run_block() {
    local name=$1 where=$2 began=$SECONDS
    shift 2
    "$@" <"$blocks/$name" >output.txt 2>&1 || fail "$where: exit code $?: $(cat "$blocks/$name" output.txt)"
    echo "$where: $((SECONDS - began)) s"
}

# Debian's Python has h5py where it is not the first on the PATH.
for python in python3 /usr/bin/python3 ''; do
    [ -z "$python" ] || ! "$python" -c 'import h5py' 2>/dev/null || break
done

# In Python the blocks of a file are one program, as they are read.
python_before=/dev/null python_of=''
run_python() {
    local name=$1 where=$2
    [ "$python_of" = "${where%:*}" ] || python_before=/dev/null
    python_of=${where%:*}
    cat "$python_before" "$blocks/$name" >program.py.new && mv program.py.new "program-$name.py"
    python_before=program-$name.py
    run_block "$name" "$where" "$python" "program-$name.py"
}

ran=0
while read -r name where info; do
    ran=$((ran + 1))
    case $info in
    'sh run') SHORT='' run_block "$name" "$where" bash -e ;;
    'sh run short') SHORT=short run_block "$name" "$where" bash -e ;;
    'yaml run')
        cp "$blocks/$name" "$name.yaml"
        if grep -q '^config:' "$name.yaml"; then
            run_block "$name" "$where" build/wavetrain sweep "$name.yaml" --list
        else
            run_block "$name" "$where" build/wavetrain inspect "$name.yaml"
        fi
        ;;
    'python run')
        if [ -n "$python" ]; then run_python "$name" "$where"; else echo "skipped: $where: no h5py"; fi
        ;;
    *) ran=$((ran - 1)) ;;
    esac
done <"$blocks/index"
[ $ran -ge 20 ] || fail "only $ran blocks were run"
echo "$ran blocks run"
