# For Spack: copy this to jobs/env/site.sh, which every job script sources. Once, on the login node:
#   spack env create wavetrain
#   spack -e wavetrain add openmpi schedulers=slurm +legacylaunchers     # that is, for srun, and with an mpirun
#   spack -e wavetrain add gcc cmake ninja openblas hdf5~mpi libyaml xxhash popt random123 libsndfile libsamplerate plplot
#   spack -e wavetrain install
# and build the program within it:
#   . jobs/env/site.sh && jobs/setup.sh && cmake --preset release && cmake --build --preset release --parallel
# shellcheck shell=bash
# shellcheck disable=SC1091
. "${SPACK_ROOT:-$HOME/spack}/share/spack/setup-env.sh" && spack env activate wavetrain
