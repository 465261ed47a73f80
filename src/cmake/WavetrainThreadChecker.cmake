# The thread sanitizer sees locks and POSIX threads by itself. What OpenMP synchronises it learns from Archer,
# a tool of clang's libomp; of GCC's libgomp nothing tells it. Without Archer every OpenMP loop would look
# like a race, so its absence ends the configuration.
if(WT_SANITIZE)
  message(FATAL_ERROR "WT_SANITIZE and WT_SANITIZE_THREADS exclude each other: a program has one of these sanitizers")
endif()
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "WT_SANITIZE_THREADS takes clang (got ${CMAKE_C_COMPILER_ID}): cmake -DCMAKE_C_COMPILER=clang")
endif()
foreach(library IN LISTS OpenMP_C_LIBRARIES)
  get_filename_component(library ${library} REALPATH)
  get_filename_component(folder ${library} DIRECTORY)
  list(APPEND WT_OPENMP_FOLDERS ${folder})
endforeach()
find_library(ARCHER_LIBRARY archer HINTS ${WT_OPENMP_FOLDERS})
if(NOT ARCHER_LIBRARY)
  message(FATAL_ERROR "WT_SANITIZE_THREADS takes libomp's Archer: no libarcher.so in ${WT_OPENMP_FOLDERS}")
endif()
mark_as_advanced(ARCHER_LIBRARY)

target_compile_options(wavetrain_flags INTERFACE
  -fsanitize=thread -fno-omit-frame-pointer
  -fno-vectorize -fno-slp-vectorize) # the sanitizer overlooks vectors of more than 16 bytes
target_link_options(wavetrain_flags INTERFACE -fsanitize=thread)
