# For a site with modules: copy this to jobs/env/site.sh, which every job script sources, and put your site's names
# in (`module avail openmpi`, `module spider hdf5`). Build the program with the same modules:
#   . jobs/env/site.sh && jobs/setup.sh && cmake --preset release && cmake --build --preset release --parallel
# A job's shell is no login shell, so the command may have to be looked for first.
# shellcheck shell=bash
for file in /etc/profile.d/{lmod,z00_lmod,modules}.sh /usr/share/{lmod/lmod,modules}/init/bash; do
    # shellcheck disable=SC1090
    command -v module >/dev/null || [ ! -r "$file" ] || . "$file"
done
module purge &&
    module load gcc/12.2.0 openmpi/4.1.4 openblas/0.3.21 hdf5/1.10.8 &&
    module load libyaml xxhash popt random123 libsndfile libsamplerate plplot
