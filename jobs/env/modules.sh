# For a site with modules: copy this to jobs/env/site.sh, which every job script sources, and put the names in
# that your site has for what the program was built with (`module avail openmpi`, `module spider hdf5`).
# A job's shell is no login shell, so the command may have to be looked for first.
# shellcheck shell=bash
for file in /etc/profile.d/{lmod,z00_lmod,modules}.sh /usr/share/{lmod/lmod,modules}/init/bash; do
    # shellcheck disable=SC1090
    command -v module >/dev/null || [ ! -r "$file" ] || . "$file"
done
module purge &&
    module load gcc/12.2.0 openmpi/4.1.4 openblas/0.3.21 hdf5/1.10.8 &&
    export PATH=$HOME/wavetrain/bin:$PATH # where the program was installed; a build/wavetrain counts more
