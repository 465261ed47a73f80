# The project's own flags, on a target that every module links.
add_library(wavetrain_flags INTERFACE)
target_compile_features(wavetrain_flags INTERFACE c_std_11)
target_compile_definitions(wavetrain_flags INTERFACE _GNU_SOURCE WT_VERSION="${PROJECT_VERSION}")
target_compile_options(wavetrain_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
  # the promise of one answer: no product and sum become one operation unless the code says so
  -ffp-contract=off)
if(BUILD_SHARED_LIBS) # calls within the library stay as direct as in a program
  target_compile_options(wavetrain_flags INTERFACE -fno-semantic-interposition)
endif()
if(WT_WERROR)
  target_compile_options(wavetrain_flags INTERFACE -Werror)
endif()
if(WT_SANITIZE)
  target_compile_options(wavetrain_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(wavetrain_flags INTERFACE -fsanitize=address,undefined)
endif()
if(WT_FUZZ)
  target_compile_options(wavetrain_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WT_SANITIZE_THREADS)
  include(WavetrainThreadChecker)
endif()

# wavetrain_module(NAME SOURCES file.c … USES module … LIBRARIES target …)
# One static library for a folder of src. USES names the folders that it may include from: the rule
# of who may see whom (tests/include_rules.sh checks it too). LIBRARIES are seen by this folder alone.
function(wavetrain_module name)
  cmake_parse_arguments(MODULE "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(wavetrain_${name} STATIC ${MODULE_SOURCES})
  set_property(GLOBAL APPEND PROPERTY WT_MODULES ${name})
  target_include_directories(wavetrain_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(wavetrain_${name} PRIVATE wavetrain_flags)
  foreach(used IN LISTS MODULE_USES)
    target_link_libraries(wavetrain_${name} PUBLIC wavetrain_${used})
  endforeach()
  target_link_libraries(wavetrain_${name} PRIVATE ${MODULE_LIBRARIES})
endfunction()
