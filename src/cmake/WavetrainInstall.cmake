# What `cmake --install` lays down, all of it relative to the prefix, so that the whole may be moved:
#   bin/wavetrain                           the program
#   lib/libwavetrain.a (or .so)             the modules of src in one library: static, or shared with
#                                           BUILD_SHARED_LIBS
#   include/wavetrain/                      its headers; wavetrain/wavetrain.h has them all
#   lib/cmake/wavetrain, lib/pkgconfig      find_package(wavetrain), pkg-config
#   share/wavetrain/{jobs,configs,example}  job scripts, configurations, a program that uses the library
#   share/man, share/bash-completion …      made by the program from its tables
include(CMakePackageConfigHelpers)

# --- the library ---

# The objects of the modules and what they link with. What there are twice in double precision is for the
# tests.
get_property(modules GLOBAL PROPERTY WT_MODULES)
set(objects)
set(libraries)
foreach(module IN LISTS modules)
  if(module MATCHES "_double$")
    continue()
  endif()
  list(APPEND objects $<TARGET_OBJECTS:wavetrain_${module}>)
  get_target_property(links wavetrain_${module} LINK_LIBRARIES)
  list(APPEND libraries ${links})
endforeach()
get_property(extra GLOBAL PROPERTY WT_EXTRA_OBJECTS) # kernels of the instruction sets
foreach(target IN LISTS extra)
  list(APPEND objects $<TARGET_OBJECTS:${target}>)
endforeach()
list(FILTER libraries EXCLUDE REGEX "^wavetrain_")
list(REMOVE_DUPLICATES libraries)

add_library(wavetrain_library ${objects})
add_library(wavetrain::wavetrain ALIAS wavetrain_library)
set_target_properties(wavetrain_library PROPERTIES
  OUTPUT_NAME wavetrain EXPORT_NAME wavetrain LINKER_LANGUAGE C
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_link_libraries(wavetrain_library PRIVATE ${libraries})
target_include_directories(wavetrain_library INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
get_target_property(sanitizers wavetrain_flags INTERFACE_LINK_OPTIONS)
if(sanitizers)
  target_link_options(wavetrain_library PUBLIC ${sanitizers})
endif()

install(TARGETS wavetrain)
install(TARGETS wavetrain_library EXPORT wavetrainTargets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/wavetrain DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# --- for other projects ---

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/wavetrain)
install(EXPORT wavetrainTargets NAMESPACE wavetrain:: DESTINATION ${package})
# what pkg-config finds, as PREFIX=module: the same names as in WavetrainDependencies.cmake
set(WT_PKG_CONFIG_MODULES OPENBLAS=openblas YAML=yaml-0.1 XXHASH=libxxhash)
if(WT_HAVE_AUDIO)
  list(APPEND WT_PKG_CONFIG_MODULES SNDFILE=sndfile SOXR=soxr)
endif()
if(WT_HAVE_NAM)
  list(APPEND WT_PKG_CONFIG_MODULES JANSSON=jansson)
endif()
if(WT_HAVE_ONNX)
  list(APPEND WT_PKG_CONFIG_MODULES PROTOBUF=libprotobuf-c)
endif()
if(WT_HAVE_FFT)
  list(APPEND WT_PKG_CONFIG_MODULES FFTW=fftw3 FFTWF=fftw3f)
endif()
if(WT_HAVE_PLOT)
  list(APPEND WT_PKG_CONFIG_MODULES PLPLOT=plplot)
endif()
set(made ${PROJECT_BINARY_DIR}/package)
configure_package_config_file(${PROJECT_SOURCE_DIR}/src/cmake/wavetrainConfig.cmake.in
  ${made}/wavetrainConfig.cmake INSTALL_DESTINATION ${package})
# before 1.0 a minor version may change the interface
write_basic_package_version_file(${made}/wavetrainConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${made}/wavetrainConfig.cmake ${made}/wavetrainConfigVersion.cmake DESTINATION ${package})

string(REGEX REPLACE "[A-Z]+=" "" WT_PC_MODULES "${WT_PKG_CONFIG_MODULES}")
list(JOIN WT_PC_MODULES " " WT_PC_MODULES)
set(WT_PC_LIBRARIES ${HDF5_C_LIBRARIES} ${MPI_C_LIBRARIES} ${OpenMP_C_FLAGS} -lpthread -lm)
list(JOIN WT_PC_LIBRARIES " " WT_PC_LIBRARIES)
if(BUILD_SHARED_LIBS) # a static library leaves them to whoever links it
  foreach(what IN ITEMS MODULES LIBRARIES)
    set(WT_PC_${what}_PRIVATE "${WT_PC_${what}}")
    set(WT_PC_${what} "")
  endforeach()
endif()
file(RELATIVE_PATH WT_PC_ROOT /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" WT_PC_ROOT "${WT_PC_ROOT}")
configure_file(${PROJECT_SOURCE_DIR}/src/cmake/wavetrain.pc.in ${made}/wavetrain.pc @ONLY)
install(FILES ${made}/wavetrain.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# --- what people use ---

set(share ${CMAKE_INSTALL_DATADIR}/wavetrain)
# What only makes sense in the source's folder stays there.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/jobs DESTINATION ${share} USE_SOURCE_PERMISSIONS
  REGEX "/jobs/(quickstart\\.sh|setup\\.sh|dependencies|spack|wavetrain\\.def)$" EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${share})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/example DESTINATION ${share})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(folder IN ITEMS data configs include tests jobs src) # what README.md links to
  install(FILES ${PROJECT_SOURCE_DIR}/${folder}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()

# The program prints them. Sanitized ones are not installed, and some need a special kernel setting to start
# at all.
if(NOT WT_SANITIZE AND NOT WT_SANITIZE_THREADS)
  string(TIMESTAMP today "%Y-%m-%d" UTC) # or that of SOURCE_DATE_EPOCH
  set(manual ${PROJECT_BINARY_DIR}/manual)
  set(pages)
  # wavetrain_printed(FILE FOLDER ARGUMENT…): what the program prints with these arguments, to be installed in
  # the folder
  function(wavetrain_printed file folder)
    add_custom_command(OUTPUT ${manual}/${file}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${manual}
      COMMAND wavetrain ${ARGN} > ${manual}/${file} DEPENDS wavetrain VERBATIM)
    install(FILES ${manual}/${file} DESTINATION ${folder})
    set(pages ${pages} ${manual}/${file} PARENT_SCOPE)
  endfunction()
  wavetrain_printed(wavetrain.1 ${CMAKE_INSTALL_MANDIR}/man1 --manual wavetrain ${today})
  wavetrain_printed(wavetrain-config.5 ${CMAKE_INSTALL_MANDIR}/man5 --manual config ${today})
  wavetrain_printed(wavetrain ${CMAKE_INSTALL_DATADIR}/bash-completion/completions --completion bash)
  wavetrain_printed(_wavetrain ${CMAKE_INSTALL_DATADIR}/zsh/site-functions --completion zsh)
  wavetrain_printed(wavetrain.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d --completion fish)
  add_custom_target(wavetrain_manual ALL DEPENDS ${pages})
endif()
