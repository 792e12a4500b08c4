/* What `make install` gives: libsterna with nothing but its interface, headers, pkg-config, CMake package,
 * pages. Owns: building a stranger's program against an installed tree. */
#include "runner.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_BYTES = 4096, OUTPUT_BYTES = 16384, NAMES_MAX = 200, NAME_BYTES = 64 };

/* Runs a shell command with {d} for the case's folder; true when it ends with 0. What it prints goes to
 * `output` (OUTPUT_BYTES), standard error to the case's notes when it fails. */
static bool run(sterna_test *t, const char *command, char *output)
{
    char line[COMMAND_BYTES];
    size_t used = (size_t)snprintf(line, sizeof line, "{ ");
    for (; *command && used + 300 < sizeof line; command++) {
        if (strncmp(command, "{d}", 3) != 0) {
            line[used++] = *command;
            continue;
        }
        used += (size_t)snprintf(line + used, sizeof line - used, "%s", sterna_test_folder(t));
        command += 2;
    }
    snprintf(line + used, sizeof line - used, "\n} 2>'%s/errors'", sterna_test_folder(t));
    FILE *pipe = popen(line, "r");
    if (!pipe) return false;
    size_t n = fread(output, 1, OUTPUT_BYTES - 1, pipe);
    output[n] = 0;
    int status = pclose(pipe);
    if (status == 0) return true;
    sterna_test_note(t, "$ %s\nends with %d\n%s", line, status, output);
    snprintf(line, sizeof line, "cat '%s/errors'", sterna_test_folder(t));
    if ((pipe = popen(line, "r"))) {
        output[fread(output, 1, OUTPUT_BYTES - 1, pipe)] = 0;
        pclose(pipe);
        sterna_test_note(t, "%s", output);
    }
    return false;
}

typedef struct names {
    char name[NAMES_MAX][NAME_BYTES];
    int n;
} names;

static bool holds(const names *set, const char *name)
{
    for (int i = 0; i < set->n; i++)
        if (!strcmp(set->name[i], name)) return true;
    return false;
}

/* The functions that a header declares with STERNA_API: the last word before the bracket. */
static void declared(const char *path, names *set)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        char *end = strchr(line, '(');
        if (strncmp(line, "STERNA_API ", 11) != 0 || !end || set->n == NAMES_MAX) continue;
        char *begin = end;
        while (begin > line && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')) begin--;
        snprintf(set->name[set->n++], NAME_BYTES, "%.*s", (int)(end - begin), begin);
    }
    if (file) fclose(file);
}

/* The shared library exports the functions of sterna.h, all of them and no more. */
static void exports(sterna_test *t)
{
    static names wanted, got;
    char output[OUTPUT_BYTES];
    declared(STERNA_SOURCE_DIR "/engine/include/sterna.h", &wanted);
    CHECK(t, wanted.n > 20);
    CHECK(t,
          run(t,
              "nm -D --defined-only '" STERNA_BINARY_DIR "/lib/libsterna.so' | awk '$2 != \"A\" {print $NF}'",
              output));
    for (char *at = strtok(output, "\n"); at && got.n < NAMES_MAX; at = strtok(NULL, "\n")) {
        size_t bare = strcspn(at, "@"); /* name@@version */
        if (!EXPECT(t, !strcmp(at + bare, "@@STERNA_0"))) sterna_test_note(t, "no version: %s", at);
        snprintf(got.name[got.n++], NAME_BYTES, "%.*s", (int)bare, at);
    }
    for (int i = 0; i < got.n; i++)
        if (!EXPECT(t, holds(&wanted, got.name[i])))
            sterna_test_note(t, "exported, not declared: %s", got.name[i]);
    for (int i = 0; i < wanted.n; i++)
        if (!EXPECT(t, holds(&got, wanted.name[i])))
            sterna_test_note(t, "declared, not exported: %s", wanted.name[i]);
}

static bool install(sterna_test *t)
{
    char output[OUTPUT_BYTES];
    return run(t, "DESTDIR='{d}' " STERNA_CMAKE " --install '" STERNA_BINARY_DIR "' --prefix /opt/sterna",
               output);
}

/* The library's name for the loader, and every file a package would hold; nothing outside of DESTDIR. */
static void files(sterna_test *t)
{
    char output[OUTPUT_BYTES];
    static const char *const wanted[] = {
        "/opt/sterna/bin/sterna\n",
        "/opt/sterna/libexec/sterna/sterna-probe\n",
        "/opt/sterna/include/sterna.h\n",
        "/opt/sterna/include/sterna_backend.h\n",
        "/libsterna.so\n",
        "/libsterna.so.0\n",
        "/libsterna.a\n",
        "/pkgconfig/sterna.pc\n",
        "/cmake/sterna/sternaConfig.cmake\n",
        "/man/man1/sterna.1\n",
        "/bash-completion/completions/sterna\n",
        "/zsh/site-functions/_sterna\n",
        "/fish/vendor_completions.d/sterna.fish\n",
    };
    CHECK(t, install(t));
    CHECK(t, run(t, "cd '{d}' && find . ! -type d", output));
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!EXPECT(t, strstr(output, wanted[i]) != NULL)) sterna_test_note(t, "missing: %s", wanted[i]);
    CHECK(t, run(t, "readelf -d '{d}'/opt/sterna/lib*/libsterna.so | grep SONAME", output) ||
                 run(t, "readelf -d '{d}'/opt/sterna/lib/*/libsterna.so | grep SONAME", output));
    EXPECT(t, strstr(output, "[libsterna.so.0]") != NULL);
    CHECK(t, run(t, "cd '{d}/opt/sterna/bin' && ./sterna --version", output));
    EXPECT(t, !strncmp(output, "sterna " STERNA_VERSION "\n", strlen("sterna " STERNA_VERSION "\n")));
}

/* The last word of a text: the digest. */
static const char *last_word(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1])) text[--n] = 0;
    char *at = strrchr(text, ' ');
    return at ? at + 1 : text;
}

/* Compiles docs/examples/embed.c with `flags`, runs it, and compares with what the program says. What pkg-config prints is
 * for a shell to read (a space in a path has a backslash), hence eval. */
static void embed(sterna_test *t, const char *flags)
{
    char command[COMMAND_BYTES], output[OUTPUT_BYTES], wanted[OUTPUT_BYTES];
    snprintf(command, sizeof command,
             "export PKG_CONFIG_PATH=\"$(dirname \"$(find '{d}' -name sterna.pc)\")\"; eval \"" STERNA_CC
             " -std=c11 -Wall -Wextra -Werror %s '" STERNA_SOURCE_DIR
             "/docs/examples/embed.c' -o '{d}/embed' "
             "$(pkg-config --cflags sterna) %s\"",
             STERNA_FSANITIZE, flags);
    CHECK(t, run(t, command, output));
    CHECK(t, run(t,
                 "LD_LIBRARY_PATH=\"$(dirname \"$(find '{d}' -name libsterna.a)\")\" '{d}/embed' "
                 "'" STERNA_SOURCE_DIR "/golden/models/golden.gguf' 'one day'",
                 output));
    EXPECT(t, !strncmp(output, "one day, a little", 17) && strstr(output, "24 tokens") != NULL);
    CHECK(t, run(t,
                 "'{d}'/opt/sterna/bin/sterna run -m '" STERNA_SOURCE_DIR
                 "/golden/models/golden.gguf' -p 'one day' "
                 "-n 24 -q --digest; cat '{d}/errors'",
                 wanted));
    const char *ours = last_word(output), *theirs = last_word(wanted);
    CHECK_MSG(t, strlen(ours) == 64 && !strcmp(ours, theirs), "the library: %s\nthe program: %s", ours,
              theirs);
    CHECK(
        t,
        run(t,
            "LD_LIBRARY_PATH=\"$(dirname \"$(find '{d}' -name libsterna.a)\")\" '{d}/embed' /nowhere.gguf x "
            "2>&1 || echo $?",
            output));
    EXPECT(t, strstr(output, "/nowhere.gguf: cannot open") != NULL && strstr(output, "\n1\n") != NULL);
}

static void embed_shared(sterna_test *t)
{
    CHECK(t, install(t));
    embed(t, "$(pkg-config --libs sterna)");
}

/* A program that cannot be its own child asks drivers through the program that is installed with the library. */
static void drivers_for_a_stranger(sterna_test *t)
{
    char output[OUTPUT_BYTES];
    CHECK(t, install(t));
    CHECK(t, run(t, "'{d}/opt/sterna/bin/sterna' devices | grep -e ^opencl -e ^vulkan", output));
    const char *device = strstr(output, "opencl:") ? "opencl" : strstr(output, "vulkan:") ? "vulkan" : NULL;
    char command[COMMAND_BYTES];
    if (!device) SKIP(t, "no device behind a driver here: %.200s", output);
    snprintf(command, sizeof command,
             "sed 's/\"cpu\"/\"%s\"/' '" STERNA_SOURCE_DIR "/docs/examples/embed.c' >'{d}/gpu.c'; "
             "export PKG_CONFIG_PATH=\"$(dirname \"$(find '{d}' -name sterna.pc)\")\"; eval \"" STERNA_CC
             " -std=c11 %s '{d}/gpu.c' -o '{d}/gpu' $(pkg-config --cflags --libs sterna)\"",
             device, STERNA_FSANITIZE);
    CHECK(t, run(t, command, output));
    CHECK(t, run(t,
                 "LD_LIBRARY_PATH=\"$(dirname \"$(find '{d}' -name libsterna.a)\")\" '{d}/gpu' "
                 "'" STERNA_SOURCE_DIR "/golden/models/golden.gguf' 'one day' 2>&1",
                 output));
    CHECK_MSG(t, strstr(output, "one day, a little"), "%s", output);
    CHECK(t, run(t,
                 "rm '{d}/opt/sterna/libexec/sterna/sterna-probe'; "
                 "LD_LIBRARY_PATH=\"$(dirname \"$(find '{d}' -name libsterna.a)\")\" '{d}/gpu' "
                 "'" STERNA_SOURCE_DIR "/golden/models/golden.gguf' 'one day' 2>&1 || true",
                 output));
    CHECK_MSG(t, strstr(output, "the program sterna-probe"), "%s", output);
}

static void embed_static(sterna_test *t)
{
    CHECK(t, install(t));
    embed(t, "$(pkg-config --static --libs sterna | sed 's/-lsterna/-l:libsterna.a/')");
}

/* find_package(sterna) in somebody else's CMakeLists.txt. */
static void cmake_package(sterna_test *t)
{
    char output[OUTPUT_BYTES];
    CHECK(t, install(t));
    CHECK(t, run(t,
                 "mkdir '{d}/theirs' && cd '{d}/theirs' && "
                 "printf '%s\\n' 'cmake_minimum_required(VERSION 3.22)' 'project(theirs C)' "
                 "'find_package(sterna 0.1 REQUIRED)' "
                 "'add_executable(embed \"" STERNA_SOURCE_DIR "/docs/examples/embed.c\")' "
                 "'target_link_libraries(embed PRIVATE sterna::sterna)' > CMakeLists.txt && " STERNA_CMAKE
                 " -S . -B b -DCMAKE_PREFIX_PATH='{d}/opt/sterna' -DCMAKE_C_COMPILER=" STERNA_CC
                 " -DCMAKE_C_FLAGS='" STERNA_FSANITIZE "' && " STERNA_CMAKE " --build b && "
                 "b/embed '" STERNA_SOURCE_DIR "/golden/models/golden.gguf' 'one day'",
                 output));
    EXPECT(t, strstr(output, ", a little") != NULL);
}

const sterna_test_case sterna_test_cases[] = {
    {"exports", exports, 0},
    {"files", files, 0},
    {"embed_shared", embed_shared, 60},
    {"drivers_for_a_stranger", drivers_for_a_stranger, 120},
    {"embed_static", embed_static, 60},
    {"cmake_package", cmake_package, 60},
    {0},
};
