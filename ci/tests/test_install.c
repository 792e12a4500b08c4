/* What `make install` puts there is enough for a stranger's program, and no more than the header promises is
 * visible. Owns: installing into a folder, building docs/examples/embed.c against it, the list of exported
 * symbols. */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char text[32768];

/* Runs a command with $P the place of installation; its exit code. The output stands in `text`. */
static int shell(sterna_test *t, const char *command)
{
    char line[2048];
    snprintf(line, sizeof line, "P='%s/usr'; { %s; } 2>&1", sterna_test_folder(t), command);
    FILE *pipe = popen(line, "r");
    if (!pipe) return -1;
    size_t n = fread(text, 1, sizeof text - 1, pipe);
    text[n] = '\0';
    int ended = pclose(pipe);
    sterna_test_note(t, "%s\n%s", command, text);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

static bool install(sterna_test *t)
{
    return shell(t, "cmake --install '" STERNA_BINARY_DIR "' --prefix \"$P\" >/dev/null") == 0;
}

static void files(sterna_test *t)
{
    CHECK(t, install(t));
    CHECK(
        t,
        shell(
            t,
            "cd \"$P\" && ls bin/sterna include/sterna.h include/sterna_backend.h share/man/man1/sterna.1 && "
            "find . -name sterna.pc -o -name 'libsterna.so*' | sort && \"$P\"/bin/sterna --version") == 0);
    CHECK(t, strstr(text, "libsterna.so.0") && strstr(text, "sterna.pc"));
}

/* Exported = declared with STERNA_API; nothing else, not even by accident of a forgotten `static`. */
static void symbols(sterna_test *t)
{
    CHECK(
        t,
        shell(
            t,
            "nm -D --defined-only '" STERNA_BINARY_DIR "/lib/libsterna.so' | sed 's/.* //; s/@.*//' | sort >"
            "\"${P%/usr}/exported\"; sed -n 's/^STERNA_API.*\\(sterna_[a-z_]*\\)(.*/\\1/p' "
            "'" STERNA_SOURCE_DIR
            "/engine/include/sterna.h' | sort >\"${P%/usr}/declared\"; cd \"${P%/usr}\"; test -s declared && "
            "diff declared exported") == 0);
}

static void a_strangers_program(sterna_test *t)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP(t, "a sanitized library needs a sanitized program");
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    SKIP(t, "a sanitized library needs a sanitized program");
#endif
#endif
    CHECK(t, install(t));
    CHECK(t, shell(t, "export PKG_CONFIG_PATH=$(dirname $(find \"$P\" -name sterna.pc)); cd \"$P\" && "
                      "cc -std=c11 -Wall -Wextra -Werror '" STERNA_SOURCE_DIR
                      "/docs/examples/embed.c' -o embed $(pkg-config --cflags --libs sterna) -Wl,-rpath,"
                      "$(pkg-config --variable=libdir sterna)") == 0);
    CHECK(t, shell(t, "\"$P/embed\" '" STERNA_SOURCE_DIR "/golden/models/golden.gguf' 'one day'") == 0);
    CHECK(t, !strncmp(text, "one day", 7) && strstr(text, "24 tokens, digest "));
    CHECK(t, shell(t, "\"$P/embed\" /nowhere.gguf x") == 1 && strstr(text, "/nowhere.gguf"));
}

const sterna_test_case sterna_test_cases[] = {
    {"files", files, 0},
    {"symbols", symbols, 0},
    {"a_strangers_program", a_strangers_program, 0},
    {0},
};
