# make install: headers, libraries, the command, gradus.pc and the CMake package.

include(CMakePackageConfigHelpers)

install(DIRECTORY include/gradus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
set(installed gradus_static gradus_shared)
if(TARGET gradus_extra_static)
    list(APPEND installed gradus_extra_static gradus_extra_shared)
endif()
install(TARGETS ${installed} EXPORT gradusTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET gradus_onednn)
    install(TARGETS gradus_onednn LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gradus)
endif()
