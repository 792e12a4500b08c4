# Device kernels in the build: rows of a table of kernels, binary files as C arrays, and which GPU backends are built.

# sterna_kernel_rows(PREFIX DEF ROOT): reads a table of kernels (backends/kernels/kernels.def). Sets PREFIX_IDS, and for each id
# PREFIX_<id>_FILE (of the source, below the include folder), _OP, _GROUP, _NEEDS (ANY when the table has no such column),
# and _FLAGS, what its text is preprocessed with. ROOT stands before file names ("kernels/").
function(sterna_kernel_rows prefix def root)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${def})
  file(STRINGS ${def} rows REGEX "^KERNEL\\(")
  set(ids)
  foreach(row ${rows})
    if(NOT row MATCHES "^KERNEL\\(([a-z0-9_]+), ([a-z0-9_]+), ([a-z0-9_]+), ([a-z0-9_]+), ([0-9]+), ([0-9]+)")
      message(FATAL_ERROR "${def}: cannot read this row: ${row}")
    endif()
    set(id ${CMAKE_MATCH_1})
    set(file ${root}${CMAKE_MATCH_2}.kc)
    set(op ${CMAKE_MATCH_3})
    set(format ${CMAKE_MATCH_4})
    set(group ${CMAKE_MATCH_5})
    set(flags -DKERNEL_ID=${id} -DGROUP_SIZE=${group} -DTILE_ROWS=${CMAKE_MATCH_6} -DKERNEL_FILE="${file}" -DOP_${op})
    if(NOT format STREQUAL "none")
      list(APPEND flags -DUNPACK_FILE="kernels/unpack_${format}.kc")
    endif()
    set(needs ANY)
    if(row MATCHES ", (INT_DOT|SUBGROUPS|BOTH)\\)$")
      set(needs ${CMAKE_MATCH_1})
    endif()
    if(needs MATCHES "INT_DOT|BOTH")
      list(APPEND flags -DWITH_INT_DOT=1)
    endif()
    if(needs MATCHES "SUBGROUPS|BOTH")
      list(APPEND flags -DWITH_SUBGROUPS=1)
    endif()
    list(APPEND ids ${id})
    set(${prefix}_${id}_FILE ${file} PARENT_SCOPE)
    set(${prefix}_${id}_OP ${op} PARENT_SCOPE)
    set(${prefix}_${id}_GROUP ${group} PARENT_SCOPE)
    set(${prefix}_${id}_NEEDS ${needs} PARENT_SCOPE)
    set(${prefix}_${id}_FLAGS "${flags}" PARENT_SCOPE)
  endforeach()
  set(${prefix}_IDS ${ids} PARENT_SCOPE)
endfunction()

# sterna_embed(FILE out.c SYMBOL): a rule that makes out.c of FILE: `const unsigned char SYMBOL[]`, `const size_t SYMBOL_bytes`
# and `const unsigned char SYMBOL_sha256[32]`.
function(sterna_embed file out symbol)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DOUT=${out} -DSYMBOL=${symbol} -P ${CMAKE_SOURCE_DIR}/ci/cmake/embed.cmake
    DEPENDS ${file} ${CMAKE_SOURCE_DIR}/ci/cmake/embed.cmake
    COMMENT "Embedding ${symbol}" VERBATIM)
endfunction()

# GPU backends: AUTO builds one where its tools are found, ON insists, OFF leaves it out.
set(STERNA_GPU_BACKENDS cuda hip vulkan opencl)
foreach(backend ${STERNA_GPU_BACKENDS})
  string(TOUPPER ${backend} BACKEND)
  set(STERNA_${BACKEND} AUTO CACHE STRING "The ${backend} backend: AUTO, ON or OFF")
  set_property(CACHE STERNA_${BACKEND} PROPERTY STRINGS AUTO ON OFF)
endforeach()

# sterna_gpu_backends(): enters the folder of each backend that is not turned off. A folder says one of the two below.
macro(sterna_gpu_backends)
  foreach(backend ${STERNA_GPU_BACKENDS})
    string(TOUPPER ${backend} BACKEND)
    if(NOT STERNA_${BACKEND} MATCHES "^(AUTO|ON|OFF)$")
      message(FATAL_ERROR "STERNA_${BACKEND} is ${STERNA_${BACKEND}}; want AUTO, ON or OFF")
    elseif(STERNA_${BACKEND} STREQUAL "OFF")
      sterna_backend_off(${backend} "turned off when this was built (-DSTERNA_${BACKEND}=OFF)")
    elseif(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${backend}/CMakeLists.txt)
      add_subdirectory(${backend})
    endif()
  endforeach()
endmacro()

# sterna_backend_on(NAME): sterna_NAME is one of the built-in backends.
function(sterna_backend_on name)
  string(TOUPPER ${name} NAME)
  target_compile_definitions(sterna_backends PRIVATE STERNA_HAVE_${NAME}=1)
  target_link_libraries(sterna_backends PUBLIC sterna_${name})
  message(STATUS "Backend ${name}: built")
endfunction()

# sterna_backend_off(NAME why): it is not built; `sterna doctor` tells why. An error when it was asked for.
function(sterna_backend_off name why)
  string(TOUPPER ${name} NAME)
  if(STERNA_${NAME} STREQUAL "ON")
    message(FATAL_ERROR "STERNA_${NAME}=ON, but ${why}")
  endif()
  target_compile_definitions(sterna_backends PRIVATE "STERNA_WHY_${NAME}=\"${why}\"")
  message(STATUS "Backend ${name}: not built: ${why}")
endfunction()

# sterna_vendor_libraries(TEST): under ctest the test's CUDA and HIP hosts load the mock vendor libraries (mockgpu/vendor).
function(sterna_vendor_libraries name)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT_MODIFICATION
    LD_LIBRARY_PATH=path_list_prepend:${CMAKE_BINARY_DIR}/mockgpu/vendor/hip
    LD_LIBRARY_PATH=path_list_prepend:${CMAKE_BINARY_DIR}/mockgpu/vendor/cuda)
  add_dependencies(${name} vendor_cuda vendor_hip)
endfunction()
