# The kernels of kernels.def as one source file for a device compiler: each row's text, preprocessed with the API's prelude,
# in a namespace of its own, behind the API's device header.

# sterna_stream_source(OUT file PRELUDE path DEVICE path): paths relative to the source tree.
function(sterna_stream_source)
  cmake_parse_arguments(STREAM "" "OUT;PRELUDE;DEVICE" "" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/backends/kernels/*.kc)
  sterna_kernel_rows(ROW ${CMAKE_SOURCE_DIR}/backends/kernels/kernels.def kernels/)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/kernels)
  file(MAKE_DIRECTORY ${folder})
  set(texts)
  foreach(id ${ROW_IDS})
    # Run from the source tree with relative folders, so that the text does not depend on where it lies.
    add_custom_command(OUTPUT ${folder}/${id}.txt
      COMMAND ${CMAKE_C_COMPILER} -E -P -undef -nostdinc -x c -I backends ${ROW_${id}_FLAGS} ${STREAM_PRELUDE} -o ${folder}/${id}.txt
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      DEPENDS ${sources} ${CMAKE_SOURCE_DIR}/${STREAM_PRELUDE} ${CMAKE_SOURCE_DIR}/backends/gpu/stream/prelude_stream.h
              ${CMAKE_SOURCE_DIR}/backends/catalogue/args.def
      COMMENT "Preprocessing kernel ${id} with ${STREAM_PRELUDE}" VERBATIM)
    list(APPEND texts ${folder}/${id}.txt)
  endforeach()
  string(REPLACE ";" "," ids "${ROW_IDS}")
  set(joiner ${CMAKE_SOURCE_DIR}/backends/gpu/stream/join_kernels.cmake)
  add_custom_command(OUTPUT ${STREAM_OUT}
    COMMAND ${CMAKE_COMMAND} -DDEVICE=${CMAKE_SOURCE_DIR}/${STREAM_DEVICE} -DFOLDER=${folder} -DIDS=${ids} -DOUT=${STREAM_OUT} -P ${joiner}
    DEPENDS ${texts} ${CMAKE_SOURCE_DIR}/${STREAM_DEVICE} ${joiner}
    COMMENT "Joining kernels behind ${STREAM_DEVICE}" VERBATIM)
endfunction()

# sterna_device_compiler(VARIABLE KEY key SOURCE name SUFFIX cu COMMAND program flag...): sets VARIABLE to whether this command
# turns the text of variable `name` into a file; asked once per key. COMMAND gets "-o OUT IN" behind it.
function(sterna_device_compiler variable)
  cmake_parse_arguments(TRY "" "KEY;SOURCE;SUFFIX" "COMMAND" ${ARGN})
  string(SHA256 asked "${TRY_KEY}${${TRY_SOURCE}}${TRY_COMMAND}")
  if(NOT "${STERNA_TRIED_${TRY_KEY}_ASKED}" STREQUAL "${asked}")
    set(in ${CMAKE_CURRENT_BINARY_DIR}/try_${TRY_KEY}.${TRY_SUFFIX})
    set(out ${CMAKE_CURRENT_BINARY_DIR}/try_${TRY_KEY}.out)
    file(WRITE ${in} "${${TRY_SOURCE}}")
    file(REMOVE ${out})
    execute_process(COMMAND ${TRY_COMMAND} -o ${out} ${in} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE said)
    set(works FALSE)
    if(result STREQUAL "0" AND EXISTS ${out})
      set(works TRUE)
    endif()
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/try_${TRY_KEY}.log "${TRY_COMMAND}\n${result}\n${said}")
    set(STERNA_TRIED_${TRY_KEY} ${works} CACHE INTERNAL "")
    set(STERNA_TRIED_${TRY_KEY}_ASKED ${asked} CACHE INTERNAL "")
  endif()
  set(${variable} ${STERNA_TRIED_${TRY_KEY}} PARENT_SCOPE)
endfunction()

# sterna_stream_shim(NAME WAVE items): the joined texts behind device_shim.h as a driver library that runs them on the
# processor, for tests: NAME.so in the build's plugins. Leaves nothing where there is no C++ compiler. After sterna_stream_source.
function(sterna_stream_shim name wave)
  find_program(STERNA_SHIM_CXX NAMES g++ clang++ c++)
  if(NOT STERNA_SHIM_CXX OR NOT STERNA_TESTS)
    return()
  endif()
  set(shim ${CMAKE_SOURCE_DIR}/backends/gpu/stream/tests/shim)
  set(joiner ${CMAKE_SOURCE_DIR}/backends/gpu/stream/join_kernels.cmake)
  sterna_kernel_rows(ROW ${CMAKE_SOURCE_DIR}/backends/kernels/kernels.def kernels/)
  string(REPLACE ";" "," ids "${ROW_IDS}")
  set(table "extern \"C\" const shim_kernel shim_kernels[] = {\n")
  set(texts)
  foreach(id ${ROW_IDS})
    string(APPEND table "    {\"${id}\", [](void **p) { shim_call(kernel_${id}::${id}, p); }, shim_count(kernel_${id}::${id})},\n")
    list(APPEND texts ${CMAKE_CURRENT_BINARY_DIR}/kernels/${id}.txt)
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}_table.inc CONTENT "${table}    {}};\n" @ONLY)
  set(text ${CMAKE_CURRENT_BINARY_DIR}/${name}_text.inc)
  set(main ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${main} CONTENT "#include \"${name}_text.inc\"\n#include \"${name}_table.inc\"\n" @ONLY)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  # -ffp-contract=off as for every target. Not with sanitizers: fibers confuse them.
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -DDEVICE=${shim}/device_shim.h -DFOLDER=${CMAKE_CURRENT_BINARY_DIR}/kernels -DIDS=${ids} -DOUT=${text} -P ${joiner}
    COMMAND ${STERNA_SHIM_CXX} -std=c++17 -O1 -fPIC -fvisibility=hidden -fno-exceptions -ffp-contract=off -fno-strict-aliasing -w
            -DSHIM_WAVE=${wave} -c ${main} -o ${object}
    DEPENDS ${texts} ${shim}/device_shim.h ${joiner} ${main}
    COMMENT "Compiling kernels of ${name} for the processor" VERBATIM)
  add_library(${name} MODULE ${shim}/shim_driver.c ${object})
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
endfunction()
