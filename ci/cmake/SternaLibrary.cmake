# libsterna and what `make install` puts where. Owns: which rooms the library holds, its pkg-config file.

# sterna_library(): one shared library of all rooms declared so far (so: call it before the bench's). Only what a
# header marks STERNA_API is visible; everything else is compiled hidden.
function(sterna_library)
  get_property(rooms GLOBAL PROPERTY STERNA_ROOMS)
  file(WRITE ${CMAKE_BINARY_DIR}/libsterna.c "/* Everything in libsterna comes from the rooms' archives. */\n")
  add_library(libsterna SHARED ${CMAKE_BINARY_DIR}/libsterna.c)
  set_target_properties(libsterna PROPERTIES OUTPUT_NAME sterna VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
  foreach(room ${rooms})
    get_target_property(type ${room} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      # By file, since CMake before 3.24 has no word for a whole archive.
      target_link_libraries(libsterna PRIVATE -Wl,--whole-archive $<TARGET_FILE:${room}> -Wl,--no-whole-archive)
      add_dependencies(libsterna ${room})
    endif()
  endforeach()
  target_link_libraries(libsterna PRIVATE sterna_flags PkgConfig::SODIUM PkgConfig::CJSON PkgConfig::UTF8PROC
    ${CMAKE_DL_LIBS})

  # Relative, so that an installed tree may be moved.
  file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  file(WRITE ${CMAKE_BINARY_DIR}/sterna.pc
    "prefix=\${pcfiledir}/${up}\n"
    "Name: sterna\n"
    "Description: ${PROJECT_DESCRIPTION}\n"
    "Version: ${PROJECT_VERSION}\n"
    "libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}\n"
    "Cflags: -I\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}\n"
    "Libs: -L\${libdir} -lsterna\n")
  install(TARGETS libsterna LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS sterna RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES engine/include/sterna.h backends/sterna_backend.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(FILES ${CMAKE_BINARY_DIR}/sterna.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/sterna.1 COMMAND sterna --man > ${CMAKE_BINARY_DIR}/sterna.1
    DEPENDS sterna VERBATIM)
  add_custom_target(sterna_manpage ALL DEPENDS ${CMAKE_BINARY_DIR}/sterna.1)
  install(FILES ${CMAKE_BINARY_DIR}/sterna.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endfunction()
