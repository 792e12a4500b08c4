/* Runs, their logs, and what must hold after each. */
#include "fault_rig.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/size.h"
#include "convert/convert.h"
#include "vendor/sterna_mock_vendor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KERNELS = 64, MOST_TOKENS = 8 };

uint32_t fault_rounds(void)
{
    const char *text = sterna_env_get(STERNA_ENV_FAULT_ROUNDS);
    unsigned long n = text ? strtoul(text, NULL, 10) : 1;
    return n >= 1 && n <= 1000 ? (uint32_t)n : 1;
}

/* The hosts that need a library, with that of mockgpu/vendor. */
static const struct vendor {
    const char *host, *variable, *library;
    bool built;
} vendors[] = {
    {"cuda", "STERNA_CUDA_LIBRARY", STERNA_BINARY_DIR "/mockgpu/vendor/cuda/libcuda.so.1", GOLDEN_HAVE_CUDA},
    {"hip", "STERNA_HIP_LIBRARY", STERNA_BINARY_DIR "/mockgpu/vendor/hip/libamdhip64.so", GOLDEN_HAVE_HIP},
};

static const struct vendor *vendor_of(const char *host)
{
    for (uint32_t i = 0; i < STERNA_COUNT(vendors); i++)
        if (strcmp(vendors[i].host, host) == 0) return &vendors[i];
    return NULL;
}

bool fault_has(const char *host)
{
    const struct vendor *vendor = vendor_of(host);
    return !vendor || vendor->built;
}

void fault_on_host(const char *host, const char *settings)
{
    const struct vendor *vendor = vendor_of(host);
    if (!vendor) return;
    setenv(vendor->variable, vendor->library, 1);
    setenv(sterna_env_name(STERNA_ENV_GPU_FAKE), settings, 1);
}

static sterna_status generate(const fault_model *m, golden_run *one, fault_outcome *o)
{
    uint32_t ids[64], out[MOST_TOKENS], n_out;
    uint8_t root[32], value[32];
    size_t n = 0;
    sterna_digest *digest = NULL;
    sterna_fault *fault = &o->fault;
    sterna_status status =
        sterna_tokenize(one->model, "the", 3, STERNA_TOKENIZE_BOS, ids, STERNA_COUNT(ids), &n, fault);
    if (status == STERNA_OK) status = sterna_model_hash(one->model, 1, root, fault);
    if (status == STERNA_OK) status = sterna_digest_attach(one->session, root, 0, &digest, fault);
    if (status == STERNA_OK) status = golden_greedy(one, ids, (uint32_t)n, m->tokens, out, &n_out, fault);
    if (status == STERNA_OK) {
        sterna_kernel_use uses[MOST_KERNELS];
        sterna_device_info info = {.size = sizeof info};
        uint32_t kinds = sterna_session_kernels(one->session, uses, MOST_KERNELS);
        sterna_session_device(one->session, &info);
        o->foreign = !info.is_mock || kinds == 0 || kinds > MOST_KERNELS;
        for (uint32_t i = 0; i < kinds && i < MOST_KERNELS; i++)
            o->foreign |= strncmp(uses[i].name, "mock:", 5) != 0 || uses[i].launches == 0;
        sterna_digest_get(digest, value);
        sterna_hash_hex(value, o->hex);
    }
    sterna_session_close(one->session);
    one->session = NULL;
    sterna_digest_free(digest);
    return status;
}

fault_outcome fault_run(const fault_model *m, const char *device, bool verify)
{
    fault_outcome o = {0};
    golden_run one;
    sterna_session_params params = golden_params(device, STERNA_KV_F16);
    params.n_ctx = 16;
    params.verify_upload = verify;
    o.status = golden_open(m->path, &params, &one, &o.fault);
    if (o.status == STERNA_OK) o.status = generate(m, &one, &o);
    golden_close(&one);
    return o;
}

/* A figure of the log's last line; UINT32_MAX when it is not there. */
static uint32_t figure(const char *log, const char *name)
{
    sterna_mapping file = {0};
    char want[40];
    uint32_t value = UINT32_MAX;
    if (sterna_sys_read(log, 128u << 20, &file, NULL) != STERNA_OK) return value;
    snprintf(want, sizeof want, "\"%s\":", name);
    const char *close = strstr((const char *)file.data, "\"call\":\"close\"");
    const char *at = close ? strstr(close, want) : NULL;
    if (at) value = (uint32_t)strtoul(at + strlen(want), NULL, 10);
    sterna_sys_unmap(&file);
    return value;
}

/* Objects that a host forgot in its library. */
static uint32_t forgotten(const struct vendor *vendor)
{
    void *library, *symbol;
    sterna_mock_vendor_fn ask = NULL;
    sterna_mock_vendor_state state = {.size = sizeof state};
    if (sterna_sys_dlopen(vendor->library, &library, NULL) != STERNA_OK) return UINT32_MAX;
    symbol = sterna_sys_dlsym(library, STERNA_MOCK_VENDOR_NAME);
    memcpy(&ask, &symbol, sizeof ask);
    if (ask) ask(&state);
    sterna_sys_dlclose(library);
    return ask ? state.contexts + state.allocations + state.pinned + state.streams + state.events +
                     state.modules + state.graphs
               : UINT32_MAX;
}

bool fault_survives(sterna_test *t, const fault_model *m, const char *keys, bool verify, fault_outcome *found)
{
    char settings[1450], device[1500];
    const struct vendor *vendor = vendor_of(m->host);
    int64_t live = sterna_mem_live();
    snprintf(settings, sizeof settings, "warp=%u,seed=%u,log=%s,%s%s", m->warp, m->seed, m->log, m->also,
             keys);
    fault_on_host(m->host, settings);
    snprintf(device, sizeof device, "%s%s%s", m->host, vendor ? "" : ":", vendor ? "" : settings);
    *found = fault_run(m, device, verify);
    uint32_t leaked = figure(m->log, "leaked"), left = vendor ? forgotten(vendor) : 0;
    bool sound = EXPECT(t, sterna_mem_live() == live) && EXPECT(t, leaked == 0) && EXPECT(t, left == 0) &&
                 EXPECT(t, !found->foreign) &&
                 EXPECT(t, (found->status == STERNA_OK) == (found->fault.text[0] == 0)) &&
                 EXPECT(t, found->status != STERNA_INTERNAL);
    if (!sound)
        sterna_test_note(
            t, "%s: %s: %d blocks of the host and %u of the device leaked, %u objects; status %d, '%s'",
            m->host, keys, (int)(sterna_mem_live() - live), leaked, left, (int)found->status,
            found->fault.text);
    return sound;
}

bool fault_prepare(sterna_test *t, fault_model *m, const char *host, uint32_t round)
{
    static const struct {
        const char *shape, *type;
    } models[] = {
        {"bitnet-small", "tq2_0"}, {"llama-small", "q4_k"}, {"llama-small", "q8_0"}, {"llama-small", "bf16"}};
    static const uint32_t warps[] = {32, 8, 64, 4, 16, 1};
    sterna_fault fault = {0};
    *m = (fault_model){.host = host,
                       .shape = models[round % STERNA_COUNT(models)].shape,
                       .type = models[round % STERNA_COUNT(models)].type,
                       .seed = round,
                       .also = "",
                       .warp = warps[round % STERNA_COUNT(warps)],
                       .tokens = 2};
    snprintf(m->path, sizeof m->path, "%s/%u.gguf", sterna_test_folder(t), round);
    snprintf(m->log, sizeof m->log, "%s/log", sterna_test_folder(t));
    const sterna_synth_params params = {.shape = m->shape, .type = m->type, .seed = 7 + round, .layers = 1};
    if (!EXPECT(t, sterna_synth(&params, m->path, &fault) == STERNA_OK)) return false;
    /* A stream's commands come again as graphs once a list of launches does: that takes more tokens. */
    if (vendor_of(host)) m->tokens = 4;
    fault_outcome reference = fault_run(m, "cpu:scalar", false);
    snprintf(m->want, sizeof m->want, "%s", reference.hex);
    return EXPECT(t, reference.status == STERNA_OK);
}

bool fault_count(sterna_test *t, const fault_model *m, bool verify, fault_places *p)
{
    fault_outcome o;
    if (!fault_survives(t, m, "fail_alloc=0", verify, &o) || !EXPECT(t, o.status == STERNA_OK) ||
        !EXPECT(t, strcmp(o.hex, m->want) == 0)) {
        sterna_test_note(t, "%s: %s", m->host, o.fault.text);
        return false;
    }
    *p = (fault_places){figure(m->log, "allocations"), figure(m->log, "lookups"), figure(m->log, "copies"),
                        figure(m->log, "launches")};
    return true;
}

void fault_sweep(sterna_test *t, const fault_model *m, const char *key, fault_span span, uint32_t last,
                 uint32_t spared, sterna_status wanted, const char *part)
{
    uint32_t runs = 0, got_by = 0;
    CHECK_MSG(t, last >= 3 && last < 5000, "%s has %u places", key, last);
    for (uint32_t n = span.first; n <= last + 1; runs++) {
        fault_outcome o;
        char keys[60];
        snprintf(keys, sizeof keys, "%s=%u", key, n);
        if (!fault_survives(t, m, keys, false, &o)) return;
        got_by += n <= last && o.status == STERNA_OK;
        if (n == last + 1 || o.status == STERNA_OK)
            CHECK_MSG(t, o.status == STERNA_OK && strcmp(o.hex, m->want) == 0,
                      "%s: %s: status %d, '%s', digest %s", m->host, keys, (int)o.status, o.fault.text,
                      o.hex);
        else
            CHECK_MSG(t, o.status == wanted && strstr(o.fault.text, part), "%s: %s: status %d, '%s'", m->host,
                      keys, (int)o.status, o.fault.text);
        n = n <= last && n + span.stride > last ? last + 1 : n + span.stride;
    }
    printf("%s: %s %s: %s%s at %u of %u places, got by at %u\n", m->host, m->shape, m->type, m->also, key,
           runs - 1, last, got_by);
    CHECK_MSG(t, got_by <= spared, "%s: %s: got by at %u places", m->host, key, got_by);
}
