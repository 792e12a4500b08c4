# How a room declares its library and its tests. Sources are globbed, so that a new file needs no edit here.

# The flags of every target. -ffp-contract=off is what keeps the bits (docs/numerics.md section 1).
add_library(sterna_flags INTERFACE)
target_compile_options(sterna_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  -Wstrict-prototypes -Wmissing-prototypes -Wvla -ffp-contract=off -fno-math-errno -fno-strict-aliasing)
target_compile_definitions(sterna_flags INTERFACE _POSIX_C_SOURCE=200809L STERNA_VERSION="${PROJECT_VERSION}")
target_include_directories(sterna_flags INTERFACE ${CMAKE_SOURCE_DIR}/backends)
if(STERNA_WERROR)
  target_compile_options(sterna_flags INTERFACE -Werror)
endif()
if(STERNA_HOSTILE)
  target_compile_definitions(sterna_flags INTERFACE STERNA_HOSTILE=1)
endif()
if(STERNA_SANITIZE)
  target_compile_options(sterna_flags INTERFACE -fsanitize=${STERNA_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all -g)
  target_link_options(sterna_flags INTERFACE -fsanitize=${STERNA_SANITIZE})
  target_link_options(sterna_flags INTERFACE -Wl,--undefined=sterna_sanitize) # base/sanitize.c
endif()
target_link_options(sterna_flags INTERFACE -Wl,--build-id=sha1) # what receipts call the program by
if(STERNA_FUZZ AND NOT CMAKE_C_COMPILER MATCHES "afl-")
  target_compile_options(sterna_flags INTERFACE -fsanitize=fuzzer-no-link -g)
  target_link_options(sterna_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_libraries(sterna_flags INTERFACE Threads::Threads m)

set_property(GLOBAL PROPERTY STERNA_ROOMS "")

# sterna_room(NAME FROM dir... [NEEDS lib...] [EXTRA file...]): the object library sterna_NAME of all .c files in
# the folders, with what it may use. Object libraries, so that one libsterna holds them all.
function(sterna_room name)
  cmake_parse_arguments(ROOM "" "" "FROM;NEEDS;EXTRA" ${ARGN})
  set(sources ${ROOM_EXTRA})
  foreach(folder ${ROOM_FROM})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
    list(APPEND sources ${found})
  endforeach()
  if(NOT sources) # a room before its first content
    add_library(sterna_${name} INTERFACE)
    target_link_libraries(sterna_${name} INTERFACE sterna_flags ${ROOM_NEEDS})
    return()
  endif()
  add_library(sterna_${name} STATIC ${sources})
  target_link_libraries(sterna_${name} PUBLIC sterna_flags ${ROOM_NEEDS})
  set_property(GLOBAL APPEND PROPERTY STERNA_ROOMS sterna_${name})
endfunction()

# sterna_tests(FROM dir NEEDS lib...): every test_*.c of the folder becomes a program around the one
# runner (properties/runner) and a ctest entry of the same name.
function(sterna_tests)
  if(NOT STERNA_TESTS)
    return()
  endif()
  cmake_parse_arguments(TESTS "" "FROM" "NEEDS;LABELS" ${ARGN})
  file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${TESTS_FROM}/test_*.c)
  foreach(source ${found})
    get_filename_component(stem ${source} NAME_WE)
    add_executable(${stem} ${source})
    target_link_libraries(${stem} PRIVATE sterna_runner ${TESTS_NEEDS})
    target_compile_definitions(${stem} PRIVATE STERNA_SOURCE_DIR="${CMAKE_SOURCE_DIR}" STERNA_BINARY_DIR="${CMAKE_BINARY_DIR}")
    set_target_properties(${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${stem} COMMAND ${stem} --junit ${CMAKE_BINARY_DIR}/junit/${stem}.xml WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${stem} PROPERTIES TIMEOUT 3000 SKIP_RETURN_CODE 77)
    if(TESTS_LABELS)
      set_tests_properties(${stem} PROPERTIES LABELS "${TESTS_LABELS}")
    endif()
  endforeach()
endfunction()

# sterna_commands(lib NAME...): the commands of the program `sterna` that a room brings (sterna_cmd_NAME in lib).
function(sterna_commands library)
  set_property(GLOBAL APPEND PROPERTY STERNA_COMMANDS ${ARGN})
  set_property(GLOBAL APPEND PROPERTY STERNA_COMMAND_LIBRARIES ${library})
endfunction()

# Called last by the top: links the program with the commands of all rooms, and tells main.c which there are.
function(sterna_finish)
  get_property(present GLOBAL PROPERTY STERNA_COMMANDS)
  get_property(libraries GLOBAL PROPERTY STERNA_COMMAND_LIBRARIES)
  file(STRINGS ${CMAKE_SOURCE_DIR}/engine/cli/options.def rows REGEX "^COMMAND\\(")
  foreach(row ${rows})
    string(REGEX REPLACE "^COMMAND\\(([a-z]+),.*" "\\1" name "${row}")
    if(name IN_LIST present OR name STREQUAL "sterna")
      target_compile_definitions(sterna PRIVATE STERNA_HAVE_${name}=1)
    else()
      target_compile_definitions(sterna PRIVATE STERNA_HAVE_${name}=0)
    endif()
  endforeach()
  target_link_libraries(sterna PRIVATE ${libraries})
endfunction()
