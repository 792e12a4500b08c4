/* The arithmetic probe: every built-in device is exact; a device that flushes, fuses or lies is found out. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "registry.h"
#include "runner.h"
#include <string.h>

typedef struct probe_visit {
    sterna_test *t;
    uint32_t probed;
} probe_visit;

static bool probe_device(void *context, const sterna_backend_state *backend, const sterna_device_info *info)
{
    probe_visit *visit = context;
    sterna_open_device device = {0};
    sterna_probe probe = {0};
    sterna_fault fault = {0};
    char spec[80];
    if (!info->usable) return true;
    strcpy(spec, backend->name);
    if (info->variant[0]) strcat(strcat(spec, ":"), info->variant);
    sterna_test_note(visit->t, "probing %s", spec);
    EXPECT(visit->t, sterna_device_open(spec, 2, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK);
    EXPECT(visit->t, sterna_device_probe(&device, &probe, &fault) == STERNA_OK);
    if (!EXPECT(visit->t, probe.exact && probe.different == 0 && probe.compared > 20000))
        sterna_test_note(visit->t, "%s: %u of %u differ: %s %s", spec, probe.different, probe.compared,
                         probe.why, fault.text);
    sterna_device_close(&device);
    visit->probed++;
    return true;
}

static void every_device_is_exact(sterna_test *t)
{
    probe_visit visit = {t, 0};
    sterna_registry_list(probe_device, &visit);
    CHECK(t, visit.probed >= 1);
}

/* A device that computes as the CPU does but for one defect. */
static const sterna_backend_api *honest;
static enum { FLIPS, FLUSHES, IGNORES_FLAGS } defect;
static uint32_t reads;

static sterna_status defective_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                    uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = honest->buffer_read(device, buffer, offset, dst, bytes, fault);
    if (defect == FLIPS && ++reads == 9 && bytes > 8) ((uint8_t *)dst)[5] ^= 0x10;
    for (uint64_t i = 0; defect == FLUSHES && i + 4 <= bytes; i += 4) {
        uint32_t word;
        memcpy(&word, (uint8_t *)dst + i, 4);
        if ((word & 0x7f800000u) == 0) word &= 0x80000000u;
        memcpy((uint8_t *)dst + i, &word, 4);
    }
    return status;
}

static sterna_status defective_wait(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                                    sterna_result *result, sterna_fault *fault)
{
    sterna_status status = honest->wait(device, fence, milliseconds, result, fault);
    if (defect == IGNORES_FLAGS && status == STERNA_OK) result->flags ^= STERNA_FLAG_INF;
    return status;
}

static void defects_are_found(sterna_test *t)
{
    for (int d = FLIPS; d <= IGNORES_FLAGS; d++) {
        sterna_open_device device = {0};
        sterna_probe probe = {0};
        CHECK(t, sterna_device_open("cpu", 1, STERNA_PROFILE_EXACT, &device, NULL) == STERNA_OK);
        honest = device.api;
        sterna_backend_api api = *honest;
        api.buffer_read = defective_read;
        api.wait = defective_wait;
        device.api = &api;
        defect = d;
        reads = 0;
        CHECK(t, sterna_device_probe(&device, &probe, NULL) == STERNA_OK);
        CHECK_MSG(t, !probe.exact && probe.different > 0 && probe.why[0], "defect %d was not found", d);
        if (d == FLIPS) CHECK(t, probe.different == 1);
        if (d == FLUSHES) CHECK(t, strncmp(probe.why, "add, x[", 7) == 0);
        sterna_device_close(&device);
    }
}

static void survives_refused_memory(sterna_test *t)
{
    sterna_open_device device = {0};
    CHECK(t, sterna_device_open("cpu", 1, STERNA_PROFILE_EXACT, &device, NULL) == STERNA_OK);
    const int64_t live = sterna_mem_live();
    sterna_status status = STERNA_MEMORY;
    for (uint64_t n = 1; status == STERNA_MEMORY; n++) {
        sterna_probe probe = {0};
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        status = sterna_device_probe(&device, &probe, NULL);
        uint64_t calls = sterna_fault_count(STERNA_FAULT_ALLOC);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK(t, sterna_mem_live() == live);
        CHECK(t, status == (n > calls ? STERNA_OK : STERNA_MEMORY));
    }
    sterna_device_close(&device);
}

const sterna_test_case sterna_test_cases[] = {{"every_device_is_exact", every_device_is_exact, 0},
                                              {"defects_are_found", defects_are_found, 0},
                                              {"survives_refused_memory", survives_refused_memory, 60},
                                              {0}};
