/* The bench over GPU APIs, all laws of all operations and formats: PoCL and lavapipe where they are installed, CUDA and HIP
 * on the mock vendor libraries that ctest puts in front. The mock itself stands in test_bench_devices. */
#include "bench_device.h"
#include "harness/process.h"
#include "registry.h"

/* Seconds for what takes a driver half a minute when it compiles all kernels for the first time, and minutes beside other
 * work. */
enum { PATIENCE = 240 };

/* Is there such a device? Asked in a process of its own: drivers of OpenCL do not survive a fork, and the bench forks. */
typedef struct presence {
    sterna_pulse pulse;
    const char *name;
    sterna_status status;
    sterna_fault fault;
} presence;

static void ask(void *context)
{
    presence *p = context;
    sterna_open_device device = {0};
    p->status = sterna_device_open(p->name, 1, STERNA_PROFILE_EXACT, &device, &p->fault);
    sterna_device_close(&device);
}

static void bench_where_present(sterna_test *t, const char *name, uint32_t cases)
{
    presence *p = sterna_process_map(sizeof *p);
    CHECK(t, p != NULL);
    p->name = name;
    sterna_verdict v = sterna_process_run(ask, p, &p->pulse, PATIENCE, false);
    presence answer = {.status = p->status, .fault = p->fault};
    sterna_process_unmap(p, sizeof *p);
    CHECK_MSG(t, v.code == STERNA_VERDICT_PASS, "opening %s: %s", name, v.text);
    if (answer.status == STERNA_UNSUPPORTED || answer.status == STERNA_DEVICE)
        SKIP(t, "%s", answer.fault.text);
    bench(t, name, STERNA_PROFILE_EXACT, cases, PATIENCE);
}

#define GPU_CASE(name, cases)                                                                                \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        bench_where_present(t, #name, cases);                                                                \
    }
GPU_CASE(opencl, 10)
GPU_CASE(vulkan, 10)
GPU_CASE(cuda, 4)
GPU_CASE(hip, 4)

const sterna_test_case sterna_test_cases[] = {{"opencl", opencl, 2 * PATIENCE},
                                              {"vulkan", vulkan, 2 * PATIENCE},
                                              {"cuda", cuda, 120},
                                              {"hip", hip, 120},
                                              {0}};
