# Every library that the project needs, found here and nowhere else.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(MPI REQUIRED COMPONENTS C)
find_package(PkgConfig REQUIRED)
set(HDF5_PREFER_PARALLEL OFF) # either kind will do: ranks never share an HDF5 file handle
find_package(HDF5 REQUIRED COMPONENTS C)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(POPT REQUIRED IMPORTED_TARGET popt)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
mark_as_advanced(RANDOM123_INCLUDE_DIR)

# Optional: each one's absence is named in the summary and by the command that misses it.
pkg_check_modules(SNDFILE IMPORTED_TARGET sndfile)
pkg_check_modules(SAMPLERATE IMPORTED_TARGET samplerate)
pkg_check_modules(PLPLOT IMPORTED_TARGET plplot)
if(SNDFILE_FOUND AND SAMPLERATE_FOUND)
  set(WT_HAVE_AUDIO ON)
endif()
add_feature_info(audio WT_HAVE_AUDIO "prepare audio, generate to sound files (libsndfile, libsamplerate)")
add_feature_info(plot PLPLOT_FOUND "wavetrain plot (PLplot with its cairo driver)")
