#!/bin/bash
# in_folder.sh FOLDER SCRIPT ARGUMENT…: runs the script in a new, empty folder.
set -eu
folder=$1 script=$2
shift 2
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
export WAVETRAIN_OVERSUBSCRIBE=1 # tests run more ranks and threads than a small machine has cores
export OMPI_MCA_pml=ob1 # as in mpirun.sh
exec bash "$script" "$@"
