# Writes build_info.h: what `sterna --version` says beside the version. Run at every build, so that the commit is the
# one that is built; the file changes only when the facts do. Arguments: OUT, SOURCE, COMPILER, FLAGS, TYPE.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=40 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
string(REPLACE "\"" "\\\"" FLAGS "${FLAGS}")
string(STRIP "${FLAGS}" FLAGS)
set(text "/* Facts about this build, written by ci/cmake/build_info.cmake. */
#define STERNA_BUILD_COMMIT \"${commit}\"
#define STERNA_BUILD_COMPILER \"${COMPILER}\"
#define STERNA_BUILD_FLAGS \"${FLAGS}\"
#define STERNA_BUILD_TYPE \"${TYPE}\"
")
set(before "")
if(EXISTS ${OUT})
  file(READ ${OUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
