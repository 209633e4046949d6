# What a builder may choose, and the compiler flags that follow from it.

option(GRADUS_MINIMAL "Use no library beyond libc and libm" OFF)
option(GRADUS_BASELINE "Leave out the kernels for AVX2 and AVX-512, to be small" OFF)
option(GRADUS_OPENMP "Use OpenMP threads where found" ON)
option(GRADUS_ONEDNN "Build the oneDNN backend where found" ON)
option(GRADUS_ZLIB "Read .gz files where zlib is found" ON)
option(GRADUS_PNG "Read PNG images where libpng is found" ON)
option(GRADUS_JPEG "Read JPEG images where libjpeg is found" ON)
option(GRADUS_FLANN "Build approximate search for neighbours where FLANN is found" ON)
option(GRADUS_CAIRO "Draw figures with cairo where found" ON)
option(GRADUS_GRAPHVIZ "Draw circuits and nets with Graphviz where found" ON)
option(GRADUS_CURL "Fetch data sets with libcurl where found" ON)
option(GRADUS_ARCHIVE "Unpack archives with libarchive where found" ON)
option(GRADUS_EXAMPLES "Build the examples and benchmarks" ON)
option(GRADUS_BUILD_PATHS "Look for modules and recipes in the build tree first; OFF for packages" ON)
option(GRADUS_WERROR "Treat warnings as errors" OFF)
option(GRADUS_FUZZ "Build fuzzers instead of tests (clang, or afl-clang-fast)" OFF)
set(GRADUS_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")

if(PROJECT_IS_TOP_LEVEL)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
    endif()
    set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "Release flags" FORCE)
    # Of a sanitizer's report lines matter; the rest of -g is a third of the compile time.
    set(debug_info -g)
    if(GRADUS_SANITIZE)
        set(debug_info -g1)
    endif()
    set(CMAKE_C_FLAGS_DEBUG "-O1 ${debug_info} -fno-omit-frame-pointer"
        CACHE STRING "Debug flags" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})

# Rounding is a contract: no contraction, ever. The other three let the compiler vectorise without
# changing a result: errno and exception flags are not read, and `omp simd` needs no runtime.
add_library(gradus_options INTERFACE)
target_compile_options(gradus_options INTERFACE
    -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp-simd
    -Wall -Wextra -Wpedantic -Wconversion)
target_compile_definitions(gradus_options INTERFACE _GNU_SOURCE)
if(GRADUS_BASELINE)
    target_compile_definitions(gradus_options INTERFACE GRADUS_BASELINE)
endif()
if(GRADUS_WERROR)
    target_compile_options(gradus_options INTERFACE -Werror)
endif()

if(GRADUS_FUZZ)
    target_compile_options(gradus_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GRADUS_SANITIZE)
    target_compile_options(gradus_options INTERFACE -fsanitize=${GRADUS_SANITIZE})
    target_link_options(gradus_options INTERFACE -fsanitize=${GRADUS_SANITIZE})
    if(GRADUS_SANITIZE MATCHES "undefined")
        target_compile_options(gradus_options INTERFACE
            -fno-sanitize-recover=undefined,float-cast-overflow)
    endif()
endif()
