/* Loading, and the smallest images that pass for ones. */
#include "vendor_rig.h"
#include "base/size.h"
#include "base/sys.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vendor_rig_load(sterna_test *t, vendor_rig *rig, int hip, const char *settings)
{
    sterna_fault fault = {0};
    *rig = (vendor_rig){.hip = hip != 0};
    if (settings)
        setenv("STERNA_GPU_FAKE", settings, 1);
    else
        unsetenv("STERNA_GPU_FAKE");
    const char *path = hip ? STERNA_BINARY_DIR "/mockgpu/vendor/hip/libamdhip64.so"
                           : STERNA_BINARY_DIR "/mockgpu/vendor/cuda/libcuda.so.1";
    if (!EXPECT(t, sterna_sys_dlopen(path, &rig->library, &fault) == STERNA_OK)) {
        sterna_test_note(t, "%s", fault.text);
        return false;
    }
    bool complete = true;
    const char *names;
#define STREAM_CALL(group, result, member, parameters, cuda, hip_name)                                       \
    names = hip ? hip_name : cuda;                                                                           \
    if (names) {                                                                                             \
        const char *last = strrchr(names, '|');                                                              \
        void *found = sterna_sys_dlsym(rig->library, last ? last + 1 : names);                               \
        memcpy(&rig->api.member, &found, sizeof found);                                                      \
        if (!EXPECT(t, found != NULL)) {                                                                     \
            sterna_test_note(t, "%s has no %s", path, names);                                                \
            complete = false;                                                                                \
        }                                                                                                    \
    }
#define STREAM_NUMBER(member, cuda, hip_number) rig->api.member = hip ? hip_number : cuda;
#include "gpu/stream/api.def"
    void *state = sterna_sys_dlsym(rig->library, STERNA_MOCK_VENDOR_NAME);
    memcpy(&rig->state, &state, sizeof state);
    if (!EXPECT(t, state != NULL)) return false;
    rig->launches = vendor_rig_state(rig).launches;
    return complete;
}

bool vendor_rig_open(sterna_test *t, vendor_rig *rig, int hip, const char *settings)
{
    static const char *const kernels[] = {"add", "gather", NULL};
    if (!vendor_rig_load(t, rig, hip, settings)) return false;
    const stream_api *api = &rig->api;
    bool well = EXPECT(t, api->init(0) == CODE_SUCCESS);
    if (well && !hip)
        well = EXPECT(t, api->context_retain(&rig->context, 0) == CODE_SUCCESS) &&
               EXPECT(t, api->context_set(rig->context) == CODE_SUCCESS);
    if (well && hip) well = EXPECT(t, api->device_set(0) == CODE_SUCCESS);
    int warp = 0;
    well = well && EXPECT(t, api->device_attribute(&warp, api->warp_size, 0) == CODE_SUCCESS) &&
           EXPECT(t, api->stream_create(&rig->stream, 1) == CODE_SUCCESS);
    uint32_t machine = !hip ? RIG_CAPABILITY : warp == 64 ? RIG_GFX90A : RIG_GFX1030;
    rig->image_bytes = vendor_rig_image(hip, kernels, machine, rig->image, sizeof rig->image);
    return well && EXPECT(t, api->module_load(&rig->module, rig->image) == CODE_SUCCESS);
}

void vendor_rig_close(sterna_test *t, vendor_rig *rig)
{
    const stream_api *api = &rig->api;
    if (rig->module) api->module_unload(rig->module);
    if (rig->stream) api->stream_destroy(rig->stream);
    sterna_mock_vendor_state left = vendor_rig_state(rig);
    EXPECT(t, left.allocations + left.pinned + left.streams + left.events + left.modules + left.graphs == 0);
    if (rig->context) EXPECT(t, api->context_release(0) == CODE_SUCCESS);
    sterna_sys_dlclose(rig->library);
}

/* Fields of ELF files by their offsets in the gABI's tables. */
static void put(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static void put_section(uint8_t *at, uint32_t type, uint64_t offset, uint64_t bytes, uint32_t link)
{
    put(at + 4, type, 4);
    put(at + 24, offset, 8);
    put(at + 32, bytes, 8);
    put(at + 40, link, 4);
}

/* Header, symbols, their names, three section headers. */
static size_t make_elf(const char *const *kernels, uint32_t machine, uint8_t *out, size_t size)
{
    enum { HEADER = 64, SYMBOL = 24, SECTION = 64 };
    static const uint8_t begin[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 64};
    size_t n = 1, strings = HEADER, used = 1;
    memset(out, 0, size);
    memcpy(out, begin, sizeof begin);
    while (kernels[n - 1]) n++;
    strings += n * SYMBOL;
    for (size_t i = 0; kernels[i]; i++) {
        uint8_t *symbol = out + HEADER + (i + 1) * SYMBOL;
        put(symbol, used, 4);
        put(symbol + 6, 1, 2);
        used += (size_t)snprintf((char *)out + strings + used, 80, "%s.kd", kernels[i]) + 1;
    }
    size_t sections = (strings + used + 7) & ~(size_t)7;
    put_section(out + sections + SECTION, 11, HEADER, n * SYMBOL, 2);
    put_section(out + sections + 2 * SECTION, 3, strings, used, 0);
    put(out + 18, 224, 2);
    put(out + 40, sections, 8);
    put(out + 48, machine | 0x500, 4); /* with feature bits, as compilers set them */
    put(out + 58, SECTION, 2);
    put(out + 60, 3, 2);
    return sections + 3 * SECTION;
}

size_t vendor_rig_image(bool hip, const char *const *kernels, uint32_t major, uint8_t *out, size_t size)
{
    if (hip) return make_elf(kernels, major, out, size);
    int n = snprintf((char *)out, size, "// made by a test\n.version 7.0\n.target sm_%u0\n", major);
    for (; *kernels; kernels++)
        n += snprintf((char *)out + n, size - (size_t)n, ".visible .entry %s(\n)\n{\n}\n", *kernels);
    return (size_t)n + 1;
}

int vendor_rig_add(vendor_rig *rig, void *function, uint64_t x, uint64_t y, uint64_t status, uint32_t n,
                   uint32_t groups)
{
    uint64_t pointers[] = {x, y, status};
    uint32_t words[] = {1, n, 0};
    void *parameters[] = {&pointers[0], &pointers[1], &pointers[2], &words[0], &words[1], &words[2]};
    return rig->api.launch(function, groups, 1, 1, 64, 1, 1, 0, rig->stream, parameters, NULL);
}

uint64_t vendor_rig_words(vendor_rig *rig, const void *words, size_t n)
{
    uint64_t address = 0;
    if (rig->api.memory_alloc(&address, n * 4) != CODE_SUCCESS) return 0;
    return rig->api.copy_to_device(address, words, n * 4, rig->stream) == CODE_SUCCESS ? address : 0;
}

int vendor_rig_reached(vendor_rig *rig, void *event, uint32_t most)
{
    int code = CODE_NOT_READY;
    while (code == CODE_NOT_READY && most-- > 0) code = rig->api.event_query(event);
    return code;
}

const char *vendor_rig_sentence(vendor_rig *rig, int code)
{
    const char *name = NULL;
    if (rig->hip) return rig->api.error_name(code);
    return rig->api.error_name_out(code, &name) == CODE_SUCCESS ? name : "no such code";
}

sterna_mock_vendor_state vendor_rig_state(vendor_rig *rig)
{
    sterna_mock_vendor_state state = {.size = sizeof state};
    rig->state(&state);
    state.launches -= rig->launches;
    return state;
}
