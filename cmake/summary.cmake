# The last words of a configuration: what this build has, what it leaves out, what would bring it.

message(STATUS "Gradus ${PROJECT_VERSION}, ${CMAKE_BUILD_TYPE}, ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
foreach(part IN LISTS gradus_found)
    message(STATUS "  has        ${part}")
endforeach()
foreach(part IN LISTS gradus_missing)
    if(GRADUS_MINIMAL)
        message(STATUS "  leaves out ${part} (minimal build)")
    else()
        message(STATUS "  leaves out ${part} would bring it")
    endif()
endforeach()
