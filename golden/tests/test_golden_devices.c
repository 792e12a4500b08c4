/* The pinned bits on every device that is usable here, whatever API it hangs on: one model of each family of formats.
 * What a backend does beyond that (settings, small devices, all models) its own tests ask. CUDA and HIP run on the mock
 * vendor libraries where ctest puts them in front. */
#include "pinned.h"

enum { MOST = 32 };

typedef struct device_names {
    char name[MOST][STERNA_DEVICE_NAME];
    uint32_t n;
} device_names;

static bool take(void *context, const sterna_backend_state *backend, const sterna_device_info *info)
{
    device_names *names = context;
    if (!info || !info->usable || info->kind == STERNA_KIND_CPU || names->n == MOST) return true;
    sterna_device_name(backend->name, info, names->name[names->n++]);
    return true;
}

/* Rows of cases.def: ternary with an F16 cache, BF16, Q8_0, Q4_K. */
static void each_device_gives_the_pinned_bits(sterna_test *t)
{
    static const uint32_t rows[] = {0, 4, 5, 6};
    static device_names names;
    sterna_registry_list(take, &names);
    if (names.n == 0) SKIP(t, "no device but the CPU is usable here");
    for (uint32_t d = 0; d < names.n; d++) {
        printf("%s\n", names.name[d]);
        for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) golden_pinned(t, names.name[d], rows[i], 1);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"each_device_gives_the_pinned_bits", each_device_gives_the_pinned_bits, 480}, {0}};
