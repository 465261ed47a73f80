# For Spack: copy this to jobs/env/site.sh, which every job script sources. Once, on the login node:
#   spack repo add jobs/spack
#   spack install wavetrain ^openmpi schedulers=slurm +legacylaunchers      # that is, for srun, and with an mpirun
# The program that Spack has made is taken where there is no build/wavetrain.
# shellcheck shell=bash
# shellcheck disable=SC1091
. "${SPACK_ROOT:-$HOME/spack}/share/spack/setup-env.sh" && spack load wavetrain
