# Finds the optional libraries. Each is an INTERFACE target gradus_with_<part> that carries its
# definition (GRADUS_HAVE_<PART>), headers and libraries, and is empty where the part is left out.

set(gradus_found "")
set(gradus_missing "")

# gradus_part(<part> <what it is for> <Debian package> <found?> [libraries…])
function(gradus_part part purpose package found)
    string(TOUPPER ${part} upper)
    add_library(gradus_with_${part} INTERFACE)
    if(found)
        target_compile_definitions(gradus_with_${part} INTERFACE GRADUS_HAVE_${upper}=1)
        target_link_libraries(gradus_with_${part} INTERFACE ${ARGN})
        list(APPEND gradus_found "${part} (${purpose})")
    else()
        list(APPEND gradus_missing "${part} (${purpose}): ${package}")
    endif()
    set(GRADUS_HAVE_${upper} ${found} PARENT_SCOPE)
    set(gradus_found "${gradus_found}" PARENT_SCOPE)
    set(gradus_missing "${gradus_missing}" PARENT_SCOPE)
endfunction()

# gradus_wants(<part> <variable>): is the part asked for?
function(gradus_wants part variable)
    string(TOUPPER ${part} upper)
    if(GRADUS_${upper} AND NOT GRADUS_MINIMAL)
        set(${variable} TRUE PARENT_SCOPE)
    else()
        set(${variable} FALSE PARENT_SCOPE)
    endif()
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

set(found FALSE)
gradus_wants(openmp wanted)
if(wanted)
    find_package(OpenMP QUIET COMPONENTS C)
    set(found ${OpenMP_C_FOUND})
endif()
gradus_part(openmp "several threads" "gcc, or libomp-dev for clang" "${found}" OpenMP::OpenMP_C)

# gradus_plain_part(<part> <what it is for> <Debian package> <header> <library>): of a library that
# brings neither a CMake package nor a .pc file. GRADUS_<LIBRARY>_INCLUDE and GRADUS_<LIBRARY>_LIBRARY
# say where it is.
macro(gradus_plain_part part purpose package header library)
    string(TOUPPER ${library} upper_library)
    set(found FALSE)
    gradus_wants(${part} wanted)
    if(wanted)
        find_path(GRADUS_${upper_library}_INCLUDE ${header})
        find_library(GRADUS_${upper_library}_LIBRARY ${library})
        mark_as_advanced(GRADUS_${upper_library}_INCLUDE GRADUS_${upper_library}_LIBRARY)
        if(GRADUS_${upper_library}_INCLUDE AND GRADUS_${upper_library}_LIBRARY)
            set(found TRUE)
            add_library(gradus_plain_${part} INTERFACE)
            target_include_directories(gradus_plain_${part} SYSTEM INTERFACE
                ${GRADUS_${upper_library}_INCLUDE})
            target_link_libraries(gradus_plain_${part} INTERFACE
                ${GRADUS_${upper_library}_LIBRARY})
        endif()
    endif()
    gradus_part(${part} "${purpose}" "${package}" ${found} gradus_plain_${part})
endmacro()

gradus_plain_part(onednn "contractions at the machine's speed" "libdnnl-dev"
    oneapi/dnnl/dnnl.h dnnl)
gradus_plain_part(flann "approximate search for neighbours" "libflann-dev" flann/flann.h flann)

# gradus_package_part(<part> <what it is for> <Debian package> <package> <target>): of a library that
# CMake's own find_package(<package>) knows.
macro(gradus_package_part part purpose debian package target)
    set(found FALSE)
    gradus_wants(${part} wanted)
    if(wanted)
        find_package(${package} QUIET)
        set(found ${${package}_FOUND})
    endif()
    gradus_part(${part} "${purpose}" "${debian}" "${found}" ${target})
endmacro()

gradus_package_part(zlib "compressed data files" "zlib1g-dev" ZLIB ZLIB::ZLIB)
gradus_package_part(png "PNG images" "libpng-dev" PNG PNG::PNG)
gradus_package_part(jpeg "JPEG images" "libjpeg-dev" JPEG JPEG::JPEG)

set(found FALSE)
gradus_wants(cairo wanted)
if(wanted)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(cairo QUIET IMPORTED_TARGET cairo)
        if(cairo_FOUND)
            set(found TRUE)
        endif()
    endif()
endif()
gradus_part(cairo "figures" "libcairo2-dev and pkg-config" ${found} PkgConfig::cairo)

# The plugin that lays graphs out is linked itself, so that the library looks for no other.
set(found FALSE)
gradus_wants(graphviz wanted)
if(wanted AND PkgConfig_FOUND AND GRADUS_HAVE_CAIRO)
    pkg_check_modules(graphviz QUIET IMPORTED_TARGET libgvc libcgraph)
    find_library(GRADUS_GRAPHVIZ_DOT gvplugin_dot_layout
        HINTS ${graphviz_LIBRARY_DIRS} ${graphviz_LIBDIR} ${graphviz_libgvc_LIBDIR}
        PATH_SUFFIXES graphviz)
    mark_as_advanced(GRADUS_GRAPHVIZ_DOT)
    if(graphviz_FOUND AND GRADUS_GRAPHVIZ_DOT)
        set(found TRUE)
        add_library(gradus_graphviz_libraries INTERFACE)
        target_link_libraries(gradus_graphviz_libraries INTERFACE
            PkgConfig::graphviz ${GRADUS_GRAPHVIZ_DOT})
    endif()
endif()
gradus_part(graphviz "drawings of circuits and nets" "libgraphviz-dev" ${found}
    gradus_graphviz_libraries)

gradus_package_part(curl "gradus data fetch" "libcurl4-openssl-dev" CURL CURL::libcurl)
gradus_package_part(archive "unpacking archives" "libarchive-dev" LibArchive LibArchive::LibArchive)
