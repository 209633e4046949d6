# make install: headers, libraries, the command, gradus.pc and the CMake package.

include(CMakePackageConfigHelpers)

install(DIRECTORY include/gradus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(TARGET gradus_cli)
    install(DIRECTORY nets DESTINATION ${CMAKE_INSTALL_DATADIR}/gradus)
endif()
set(installed gradus_static gradus_shared)
if(TARGET gradus_extra_static)
    list(APPEND installed gradus_extra_static gradus_extra_shared)
endif()
install(TARGETS ${installed} EXPORT gradusTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(module gradus_onednn gradus_flann gradus_graphviz gradus_curl gradus_archive)
    if(TARGET ${module})
        install(TARGETS ${module} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gradus)
        list(APPEND installed ${module})
    endif()
endforeach()

# All that is installed, which is all that `make demo` needs: a newcomer waits for no test.
add_custom_target(gradus_parts)
add_dependencies(gradus_parts ${installed})
foreach(part gradus_cli gradus_pages)
    if(TARGET ${part})
        add_dependencies(gradus_parts ${part})
    endif()
endforeach()

install(EXPORT gradusTargets NAMESPACE gradus::
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
# Not in the build's folder itself: with that in PATH, find_package would take what is half there.
set(package_dir ${PROJECT_BINARY_DIR}/package)
configure_package_config_file(cmake/gradusConfig.cmake.in ${package_dir}/gradusConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
write_basic_package_version_file(${package_dir}/gradusConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${package_dir}/gradusConfig.cmake ${package_dir}/gradusConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)

# gradus_pc(<name> <what it is> <requires> <libraries of the archive…>)
# The prefix is written when it is installed: cmake --install takes another than was configured.
function(gradus_pc GRADUS_PC_NAME GRADUS_PC_DESCRIPTION GRADUS_PC_REQUIRES)
    list(JOIN ARGN " " GRADUS_PC_PRIVATE)
    set(GRADUS_PC_PREFIX "@CMAKE_INSTALL_PREFIX@")
    foreach(folder INCLUDEDIR LIBDIR)
        set(GRADUS_PC_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
        if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
            set(GRADUS_PC_${folder} "${CMAKE_INSTALL_${folder}}")
        endif()
    endforeach()
    set(file ${PROJECT_BINARY_DIR}/${GRADUS_PC_NAME}.pc)
    configure_file(cmake/gradus.pc.in ${file}.in @ONLY)
    install(CODE "configure_file(\"${file}.in\" \"${file}\" @ONLY)")
    install(FILES ${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

gradus_pc(gradus "${PROJECT_DESCRIPTION}" "" ${gradus_private_libs})
if(TARGET gradus_extra_static)
    gradus_pc(gradus-extra "Images and figures for Gradus" gradus ${gradus_extra_private_libs})
endif()
