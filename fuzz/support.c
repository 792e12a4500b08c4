/* Help for targets: saying what is wrong, files in memory, taking values off the input. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void sterna_fuzz_wrong(const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", where);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    abort();
}

void sterna_fuzz_refusal(const char *where, sterna_status status, const sterna_fault *fault)
{
    if ((status == STERNA_FILE || status == STERNA_UNSUPPORTED) && fault->text[0]) return;
    sterna_fuzz_wrong(where, "%s: %s", sterna_status_name(status),
                      fault->text[0] ? fault->text : "(without a sentence)");
}

enum { RELEASES = 8 };
static void (*releases[RELEASES])(void);
static unsigned n_releases;

void sterna_fuzz_on_release(void (*release)(void))
{
    FUZZ_REQUIRE(n_releases < RELEASES, "no room for another release");
    releases[n_releases++] = release;
}

void sterna_fuzz_release(void)
{
    while (n_releases > 0) releases[--n_releases]();
}

const char *sterna_fuzz_file(const uint8_t *data, size_t size)
{
    static int descriptor = -1;
    static char path[64];
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz-input", MFD_CLOEXEC);
        FUZZ_REQUIRE(descriptor >= 0, "this system has no files in memory");
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
    FUZZ_REQUIRE(ftruncate(descriptor, 0) == 0, "cannot empty the file in memory");
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(descriptor, data + done, size - done, (off_t)done);
        FUZZ_REQUIRE(n > 0, "cannot fill the file in memory");
        done += (size_t)n;
    }
    return path;
}

void sterna_fuzz_scratch_path(const char *what, char *path, size_t size)
{
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, size, "%s/sterna-fuzz-%s-%ld", folder, what, (long)getpid());
}

const uint8_t *sterna_fuzz_take(sterna_fuzz_bytes *in, size_t most, size_t *bytes)
{
    const uint8_t *at = in->data;
    *bytes = most < in->left ? most : in->left;
    in->data += *bytes;
    in->left -= *bytes;
    return at;
}

uint8_t sterna_fuzz_take_u8(sterna_fuzz_bytes *in)
{
    size_t n;
    const uint8_t *at = sterna_fuzz_take(in, 1, &n);
    return n ? *at : 0;
}

uint32_t sterna_fuzz_take_u32(sterna_fuzz_bytes *in)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) value |= (uint32_t)sterna_fuzz_take_u8(in) << (8 * i);
    return value;
}
