# The libraries: libgradus (static and shared, from the same objects), libgradus-extra (images and
# figures), and two modules: the oneDNN backend, which the core loads at the first contraction worth
# it, and Graphviz, which lays diagrams out.

set(folders base graph ops grad backend/cpu passes plan run check data io nn optim lang train classic)
list(TRANSFORM folders REPLACE "(.+)" "src/\\1/*.c" OUTPUT_VARIABLE patterns)
file(GLOB core_sources CONFIGURE_DEPENDS src/backend/*.c ${patterns})
if(GRADUS_SMALL)
    file(STRINGS cmake/small.list left_out REGEX "^[^#]")
    list(TRANSFORM left_out PREPEND "src/")
    file(GLOB left_out CONFIGURE_DEPENDS ${left_out})
    list(REMOVE_ITEM core_sources ${left_out})
endif()
# Sizes: what no step runs (reading, building and planning; ops whose kernels are elsewhere) is
# compiled for size, and kernels, with what calls them step by step, as -O2 does it: loops that gain
# by vectors say so (`omp simd`), the others stay loops. Kernels written in vectors count on loops of
# constant length coming undone, which -fpeel-loops allows; pooling counts on more.
file(GLOB small_sources CONFIGURE_DEPENDS ${patterns})
set(kernel_sources ${small_sources})
set(own_kernels activation algebra arithmetic cast compare elementwise exp_log extremes logic one_hot
    patches position pow scan trig where)
list(JOIN own_kernels "|" own_kernels)
set(own_batches loader normalize) # what touches each example of a batch
list(JOIN own_batches "|" own_batches)
list(FILTER small_sources EXCLUDE REGEX
    "/src/(ops/(${own_kernels})\\.c|data/(${own_batches})\\.c|plan/(plan|scan)\\.c|backend/cpu/)")
list(FILTER kernel_sources INCLUDE REGEX "/src/backend/cpu/")
set(planning conv_choice fused_draft fused_plan module select)
list(TRANSFORM planning REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/backend/cpu/\\1.c")
list(REMOVE_ITEM kernel_sources ${planning})
list(APPEND small_sources ${planning})
list(FILTER kernel_sources EXCLUDE REGEX "/(argsort|elementwise|fused_pairs|movement|pool)\\.c$")
function(gradus_optimise flag)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS
        $<$<NOT:$<OR:$<CONFIG:Debug>,$<CONFIG:MinSizeRel>>>:${flag}>)
endfunction()
gradus_optimise(-Os ${small_sources})
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    gradus_optimise(-fpeel-loops ${kernel_sources})
endif()
gradus_optimise(-O3 ${PROJECT_SOURCE_DIR}/src/backend/cpu/pool.c)
file(GLOB extra_sources CONFIGURE_DEPENDS src/extra/*.c src/plot/*.c)
file(GLOB onednn_sources CONFIGURE_DEPENDS src/backend/onednn/*.c)
file(GLOB flann_sources CONFIGURE_DEPENDS src/classic/flann/*.c)
if(GRADUS_SMALL)
    set(extra_sources "")
endif()
# Kernels decide nothing that a fuzzer could find its way through.
if(GRADUS_FUZZ)
    file(GLOB kernel_sources CONFIGURE_DEPENDS src/backend/cpu/*.c)
    set_source_files_properties(${kernel_sources} PROPERTIES COMPILE_OPTIONS
        "-fno-sanitize=fuzzer-no-link;-fno-sanitize=undefined,float-cast-overflow")
endif()
set(version_script ${PROJECT_BINARY_DIR}/gradus.map)
set(module_install_dir ${CMAKE_INSTALL_FULL_LIBDIR}/gradus)

# The version script names what the base marks with GR_SHARED.
file(GLOB base_headers CONFIGURE_DEPENDS src/base/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${base_headers})
set(gradus_shared_names "")
foreach(header IN LISTS base_headers)
    file(READ ${header} text)
    string(REGEX MATCHALL "GR_SHARED[^;(]*gr_[a-z0-9_]+\\(" declarations "${text}")
    foreach(declaration IN LISTS declarations)
        string(REGEX REPLACE ".*(gr_[a-z0-9_]+)\\($" "\\1" name "${declaration}")
        string(APPEND gradus_shared_names "\n        ${name};")
    endforeach()
endforeach()
configure_file(cmake/gradus.map.in ${version_script} @ONLY)

# Relative relocations take a bit instead of 24 bytes; glibc reads them so from 2.36 on.
include(CheckLinkerFlag)
check_linker_flag(C -Wl,-z,pack-relative-relocs GRADUS_PACKS_RELOCATIONS)

# gradus_library(<name> <output name> <sources> [libraries…]): objects, archive, shared library.
function(gradus_library name output sources)
    add_library(${name}_objects OBJECT ${sources})
    set_target_properties(${name}_objects PROPERTIES
        POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    target_include_directories(${name}_objects PRIVATE include src)
    target_link_libraries(${name}_objects PRIVATE gradus_options ${ARGN})
    # Nothing is thrown through C; a tenth of the library would be tables for it.
    target_compile_options(${name}_objects PRIVATE
        $<$<NOT:$<CONFIG:Debug>>:-fno-asynchronous-unwind-tables>)

    add_library(${name}_static STATIC $<TARGET_OBJECTS:${name}_objects>)
    add_library(${name}_shared SHARED $<TARGET_OBJECTS:${name}_objects>)
    target_link_options(${name}_shared PRIVATE
        -Wl,--version-script=${version_script} -Wl,--no-undefined -Wl,-Bsymbolic-functions
        $<$<BOOL:${GRADUS_PACKS_RELOCATIONS}>:-Wl,-z,pack-relative-relocs>)
    set_property(TARGET ${name}_shared APPEND PROPERTY LINK_DEPENDS ${version_script})
    set_target_properties(${name}_shared PROPERTIES
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    foreach(kind static shared)
        add_library(gradus::${name}_${kind} ALIAS ${name}_${kind})
        set_target_properties(${name}_${kind} PROPERTIES OUTPUT_NAME ${output})
        target_include_directories(${name}_${kind} PUBLIC
            $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
        target_link_libraries(${name}_${kind} PRIVATE $<BUILD_INTERFACE:gradus_options> ${ARGN})
    endforeach()
endfunction()

gradus_library(gradus gradus "${core_sources}"
    $<BUILD_INTERFACE:gradus_with_openmp> $<BUILD_INTERFACE:gradus_with_zlib>
    Threads::Threads m ${CMAKE_DL_LIBS})

add_library(gradus::gradus ALIAS gradus_shared)

# What an installed archive needs of its user's link line, as gradus.pc also says it.
set(gradus_private_libs -lm -lpthread)
if(CMAKE_DL_LIBS)
    list(APPEND gradus_private_libs -l${CMAKE_DL_LIBS})
endif()
if(GRADUS_HAVE_ZLIB)
    list(APPEND gradus_private_libs -lz)
endif()
if(GRADUS_HAVE_OPENMP)
    list(APPEND gradus_private_libs ${OpenMP_C_FLAGS})
endif()
target_link_libraries(gradus_static INTERFACE $<INSTALL_INTERFACE:${gradus_private_libs}>)

# Everything a program may use, linked statically: the command, tests and examples stand on this.
add_library(gradus_everything INTERFACE)

if(extra_sources)
    gradus_library(gradus_extra gradus-extra "${extra_sources}"
        $<BUILD_INTERFACE:gradus_with_png> $<BUILD_INTERFACE:gradus_with_jpeg>
        $<BUILD_INTERFACE:gradus_with_cairo> $<BUILD_INTERFACE:gradus_with_zlib> m
        ${CMAKE_DL_LIBS})
    target_link_libraries(gradus_extra_static PUBLIC gradus_static)
    target_link_libraries(gradus_extra_shared PUBLIC gradus_shared)
    add_library(gradus::extra ALIAS gradus_extra_shared)
    # It finds libgradus beside itself, wherever both were installed.
    if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
        set_property(TARGET gradus_extra_shared PROPERTY INSTALL_RPATH "$ORIGIN")
    endif()
    set(gradus_extra_private_libs "")
    foreach(part png jpeg cairo)
        string(TOUPPER ${part} upper)
        if(GRADUS_HAVE_${upper})
            list(APPEND gradus_extra_private_libs -l${part})
        endif()
    endforeach()
    target_link_libraries(gradus_extra_static INTERFACE
        $<INSTALL_INTERFACE:${gradus_extra_private_libs}>)
    target_link_libraries(gradus_everything INTERFACE gradus_extra_static)
endif()
target_link_libraries(gradus_everything INTERFACE gradus_static)

# gradus_module(<part> <objects> <sources…>): a module that <objects> load when they first want it.
# It has no access to the core's symbols (the core may be a static part of any program): it exports
# one function that takes what it needs.
function(gradus_module part objects)
    string(TOUPPER ${part} upper)
    add_library(gradus_${part} MODULE ${ARGN})
    set_target_properties(gradus_${part} PROPERTIES
        PREFIX "" OUTPUT_NAME gradus-${part} C_VISIBILITY_PRESET hidden)
    target_include_directories(gradus_${part} PRIVATE include src)
    target_link_libraries(gradus_${part} PRIVATE gradus_options gradus_with_${part})
    target_link_options(gradus_${part} PRIVATE
        -Wl,--version-script=${version_script} -Wl,--no-undefined)
    # Looked for where it was built first, so that a build tree works without installing.
    set(installed ${module_install_dir}/gradus-${part}.so)
    target_compile_definitions(${objects} PRIVATE
        GRADUS_${upper}_BUILT="$<IF:$<BOOL:${GRADUS_BUILD_PATHS}>,$<TARGET_FILE:gradus_${part}>,${installed}>"
        GRADUS_${upper}_INSTALLED="${installed}")
endfunction()

if(GRADUS_HAVE_ONEDNN AND onednn_sources)
    gradus_module(onednn gradus_objects ${onednn_sources})
    target_link_libraries(gradus_onednn PRIVATE gradus_with_openmp m)
endif()

# FLANN drags a C++ runtime behind it.
if(GRADUS_HAVE_FLANN)
    gradus_module(flann gradus_objects ${flann_sources})
endif()

# Graphviz's plugin lies in a folder of its own.
if(GRADUS_HAVE_GRAPHVIZ AND extra_sources)
    get_filename_component(plugins ${GRADUS_GRAPHVIZ_DOT} DIRECTORY)
    gradus_module(graphviz gradus_extra_objects src/plot/graphviz/graphviz.c)
    set_target_properties(gradus_graphviz PROPERTIES INSTALL_RPATH ${plugins})
endif()
