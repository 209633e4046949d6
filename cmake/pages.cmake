# Pages of the manual and completions. Those of the command are made by the command itself, of the
# tables from which it parses and helps; gradus(3) lists the headers with their first sentences.

set(pages_dir ${PROJECT_BINARY_DIR}/pages)
file(MAKE_DIRECTORY ${pages_dir})

# ---- gradus(3) --------------------------------------------------------------------------------

file(GLOB headers CONFIGURE_DEPENDS include/gradus/*.h)
list(FILTER headers EXCLUDE REGEX "/(gradus|places)\\.h$")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
set(gradus_headers "")
foreach(header IN LISTS headers)
    get_filename_component(name ${header} NAME)
    file(READ ${header} text LIMIT 2000)
    string(REGEX REPLACE "\n \\*" "" text "${text}")
    string(FIND "${text}" "${name}: " begin)
    string(LENGTH "${name}: " length)
    math(EXPR begin "${begin} + ${length}")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" ". " end)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${text}" 0 ${end} text)
    string(REGEX REPLACE "-" "\\\\-" text "${text}")
    string(REPLACE "…" "..." text "${text}")
    string(APPEND gradus_headers ".TP\n.B gradus/${name}\n${text}\n")
endforeach()
string(STRIP "${gradus_headers}" gradus_headers)
file(READ examples/circuit.c gradus_example)
string(REGEX REPLACE "\\\\" "\\\\(rs" gradus_example "${gradus_example}")
string(REGEX REPLACE "-" "\\\\-" gradus_example "${gradus_example}")
string(REGEX REPLACE "·" " " gradus_example "${gradus_example}")
string(STRIP "${gradus_example}" gradus_example)
set(gradus_day "")
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    string(TIMESTAMP gradus_day "%Y-%m-%d" UTC)
endif()
configure_file(docs/gradus.3.in ${pages_dir}/gradus.3 @ONLY)
install(FILES ${pages_dir}/gradus.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)

# ---- Those of the command -----------------------------------------------------------------------

if(NOT TARGET gradus_cli OR (CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR))
    return()
endif()

# page(<file> <arguments of gradus help…>)
function(gradus_page file)
    add_custom_command(OUTPUT ${pages_dir}/${file}
        COMMAND gradus_cli help ${ARGN} > ${pages_dir}/${file}
        DEPENDS gradus_cli VERBATIM)
    set_property(DIRECTORY APPEND PROPERTY gradus_page_files ${pages_dir}/${file})
endfunction()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/cli/commands.def)
file(STRINGS src/cli/commands.def commands REGEX "^CLI_COMMAND\\(")
list(TRANSFORM commands REPLACE "CLI_COMMAND\\(([a-z0-9_]+)\\).*" "\\1")
gradus_page(gradus.1 --man)
foreach(command IN LISTS commands)
    gradus_page(gradus-${command}.1 --man ${command})
endforeach()
get_property(manual DIRECTORY PROPERTY gradus_page_files)
install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

foreach(place IN ITEMS "bash gradus bash-completion/completions"
        "zsh _gradus zsh/site-functions" "fish gradus.fish fish/vendor_completions.d")
    separate_arguments(place)
    list(GET place 0 shell)
    list(GET place 1 name)
    list(GET place 2 folder)
    gradus_page(${name} --completion ${shell})
    install(FILES ${pages_dir}/${name} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endforeach()
get_property(pages DIRECTORY PROPERTY gradus_page_files)
add_custom_target(gradus_pages ALL DEPENDS ${pages})
