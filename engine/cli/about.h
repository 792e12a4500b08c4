/* What this build is, for records of what it did. Owns: the facts that CMake knows (ci/cmake/build_info.cmake). */
#ifndef STERNA_ABOUT_H
#define STERNA_ABOUT_H

typedef struct sterna_build {
    const char *version, *commit, *compiler, *type, *flags; /* commit: "unknown" outside a checkout */
} sterna_build;

const sterna_build *sterna_build_get(void);

#endif
