/* A mock vendor library as a test calls it: loaded, with a stream and a module. Owns: loading by api.def, images made in
 * memory. Leaves to others: what is asked of the library (test_vendor_*.c). */
#ifndef STERNA_VENDOR_RIG_H
#define STERNA_VENDOR_RIG_H

#include "gpu/stream/stream_api.h"
#include "runner.h"
#include "vendor/sterna_mock_vendor.h"
#include "vendor_codes.h"
#include <string.h>

typedef struct vendor_rig {
    bool hip;
    void *library;
    stream_api api;
    sterna_mock_vendor_fn state;
    void *context, *stream, *module;
    uint64_t launches; /* when it was loaded: sanitizer builds never unload a library */
    uint8_t image[4096];
    size_t image_bytes;
} vendor_rig;

/* Both libraries: for (int hip = 0; hip < 2; hip++). Sets STERNA_GPU_FAKE to `settings`, loads the library, initialises it;
 * makes a context current, a non-blocking stream, and a module with the kernels add and gather. False, and the case
 * has failed, when that does not work. */
bool vendor_rig_open(sterna_test *t, vendor_rig *rig, int hip, const char *settings);
/* The library and its functions alone. */
bool vendor_rig_load(sterna_test *t, vendor_rig *rig, int hip, const char *settings);
/* Releases what open made, wants nothing to be left, unloads the library. */
void vendor_rig_close(sterna_test *t, vendor_rig *rig);

/* An image as the API takes it, with these kernels (ended by NULL), for compute capability `major`.0 or, HIP, the machine
 * of number `major`; returns its size. */
size_t vendor_rig_image(bool hip, const char *const *kernels, uint32_t major, uint8_t *out, size_t size);
enum { RIG_CAPABILITY = 8, RIG_GFX90A = 0x3f, RIG_GFX1030 = 0x36 };

/* A launch of add, x += y on n floats, on one group or more. */
int vendor_rig_add(vendor_rig *rig, void *function, uint64_t x, uint64_t y, uint64_t status, uint32_t n,
                   uint32_t groups);
/* Device memory with n words from the host, copied from pageable memory. 0 when it failed. */
uint64_t vendor_rig_words(vendor_rig *rig, const void *words, size_t n);
/* Asks the event until it is reached, at most `most` times; the last result. */
int vendor_rig_reached(vendor_rig *rig, void *event, uint32_t most);
/* The code with the library's sentence. */
const char *vendor_rig_sentence(vendor_rig *rig, int code);
/* What is left in the library; launches since this rig loaded it. */
sterna_mock_vendor_state vendor_rig_state(vendor_rig *rig);

/* For cases whose rig is called `rig`. */
#define BOTH for (int hip = 0; hip < 2; hip++)
/* Fails the case with the library's own sentence. */
#define WANT(code_wanted, call)                                                                              \
    do {                                                                                                     \
        int got_ = (call);                                                                                   \
        CHECK_MSG(t, got_ == CODE_##code_wanted, "%s: %d, %s", rig.hip ? "hip" : "cuda", got_,               \
                  vendor_rig_sentence(&rig, got_));                                                          \
    } while (0)
#define SAYS(code, part)                                                                                     \
    CHECK_MSG(t, strstr(vendor_rig_sentence(&rig, CODE_##code), part), "%s",                                 \
              vendor_rig_sentence(&rig, CODE_##code))

#endif
