# libsterna and what `make install` puts where. Owns: which rooms the library holds, its pkg-config file and CMake
# package. Leaves to others: the program and its pages (engine/cli/CMakeLists.txt).
include(CMakePackageConfigHelpers)

# sterna_library(): libsterna.so and libsterna.a of all rooms declared so far (so: call it before the bench's). Only what
# a header marks STERNA_API leaves the shared one; everything else is compiled hidden.
function(sterna_library)
  get_property(rooms GLOBAL PROPERTY STERNA_ROOMS)
  set(objects "")
  foreach(room ${rooms})
    list(APPEND objects $<TARGET_OBJECTS:${room}>)
  endforeach()
  add_library(libsterna SHARED ${objects})
  add_library(libsterna_static STATIC ${objects})
  set_target_properties(libsterna libsterna_static PROPERTIES OUTPUT_NAME sterna LINKER_LANGUAGE C
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
  set_target_properties(libsterna PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    EXPORT_NAME sterna)
  target_link_libraries(libsterna PRIVATE PkgConfig::SODIUM PkgConfig::CJSON PkgConfig::UTF8PROC Threads::Threads m
    ${CMAKE_DL_LIBS})
  # The map versions the symbols, and keeps in what the linker makes by itself: the marks
  # around the CPU levels' sections (backends/cpu/cpu_code.c).
  target_link_options(libsterna PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/ci/cmake/libsterna.map)
  set_target_properties(libsterna PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/ci/cmake/libsterna.map)
  if(STERNA_SANITIZE)
    target_link_options(libsterna PRIVATE -fsanitize=${STERNA_SANITIZE})
  else()
    target_link_options(libsterna PRIVATE -Wl,-z,defs) # nothing may be missing
  endif()
  target_include_directories(libsterna INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

  install(TARGETS libsterna EXPORT sterna LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS libsterna_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(FILES engine/include/sterna.h backends/sterna_backend.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

  # Relative, so that an installed tree may be moved.
  file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "/$" "" up "${up}")
  file(WRITE ${CMAKE_BINARY_DIR}/sterna.pc
    "prefix=\${pcfiledir}/${up}\n"
    "libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}\n"
    "Name: sterna\n"
    "Description: ${PROJECT_DESCRIPTION}\n"
    "Version: ${PROJECT_VERSION}\n"
    "Cflags: -I\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}\n"
    "Libs: -L\${libdir} -lsterna\n"
    "Requires.private: libsodium libcjson libutf8proc\n"
    "Libs.private: -lm -lpthread -ldl\n")
  install(FILES ${CMAKE_BINARY_DIR}/sterna.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

  # find_package(sterna) gives sterna::sterna, the shared library.
  set(package ${CMAKE_INSTALL_LIBDIR}/cmake/sterna)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/sternaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(EXPORT sterna NAMESPACE sterna:: FILE sternaConfig.cmake DESTINATION ${package})
  install(FILES ${CMAKE_BINARY_DIR}/sternaConfigVersion.cmake DESTINATION ${package})
endfunction()
