/* A driver library for tests: the functions of CUDA's API that the stream driver calls, over kernels compiled for the
 * processor (device_shim.h). Everything is done at the call, in order; an address is a pointer. What drivers do late, wrongly
 * or not at all is the mock libraries' business (mockgpu/vendor). */
#define _GNU_SOURCE /* ucontext */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#pragma GCC visibility push(default)
#define UNUSED __attribute__((unused))

typedef struct shim_kernel {
    const char *name;
    void (*run)(void **parameters);
    unsigned parameters;
} shim_kernel;
extern const shim_kernel shim_kernels[];

struct shim_place {
    unsigned local, group_x, group_y, groups_x, groups_y, group_size;
} shim_here;

/* Fibers: one per work item. An item that cannot go on says why and lets the next one run. */
enum { MOST_ITEMS = 256, STACK = 64 * 1024 };
enum item_state { RUNS, AT_BARRIER, AT_SUM, ENDED };
static struct item {
    ucontext_t context;
    enum item_state state;
    int value;
} items[MOST_ITEMS];
static char stacks[MOST_ITEMS][STACK];
static ucontext_t scheduler;
static const shim_kernel *kernel_run;
static void **parameters_run;

static int stop(enum item_state state, int value)
{
    struct item *item = &items[shim_here.local];
    item->state = state;
    item->value = value;
    swapcontext(&item->context, &scheduler);
    return item->value;
}

void shim_barrier(void)
{
    stop(AT_BARRIER, 0);
}

static unsigned wave_items;

int shim_wave_add(int value, unsigned wave)
{
    wave_items = wave;
    return stop(AT_SUM, value);
}

static void item_main(void)
{
    kernel_run->run(parameters_run);
    items[shim_here.local].state = ENDED;
}

/* Items first..first + count - 1 go on when all of them are at the same place. */
static int release(unsigned first, unsigned count, enum item_state state)
{
    int sum = 0;
    for (unsigned i = first; i < first + count; i++) {
        if (items[i].state != state) return 0;
        sum = (int)((unsigned)sum + (unsigned)items[i].value);
    }
    for (unsigned i = first; i < first + count; i++) {
        items[i].state = RUNS;
        items[i].value = sum;
    }
    return 1;
}

/* Items run in turn, backwards in every other group. 0: a barrier that not all items reach. */
static int run_group(unsigned size, int backwards)
{
    unsigned left = size;
    for (unsigned i = 0; i < size; i++) {
        getcontext(&items[i].context);
        items[i].context.uc_stack.ss_sp = stacks[i];
        items[i].context.uc_stack.ss_size = STACK;
        items[i].context.uc_link = &scheduler;
        items[i].state = RUNS;
        makecontext(&items[i].context, item_main, 0);
    }
    while (left) {
        int moved = 0;
        for (unsigned n = 0; n < size; n++) {
            unsigned i = backwards ? size - 1 - n : n;
            if (items[i].state != RUNS) continue;
            shim_here.local = i;
            swapcontext(&scheduler, &items[i].context);
            left -= items[i].state == ENDED;
            moved = 1;
        }
        moved |= release(0, size, AT_BARRIER);
        for (unsigned at = 0; wave_items && at < size; at += wave_items)
            moved |= release(at, at + wave_items < size ? wave_items : size - at, AT_SUM);
        if (!moved) return 0;
    }
    return 1;
}

/* Shared memory of all kernels: the linker names the section's ends. */
extern char __start_shim_shared[], __stop_shim_shared[];

/* The API. */

int cuInit(UNUSED unsigned flags)
{
    return 0;
}
int cuDriverGetVersion(int *version)
{
    return *version = 12000, 0;
}
int cuGetErrorName(int error, const char **name)
{
    *name = error == 719 ? "CUDA_ERROR_LAUNCH_FAILED" : "CUDA_ERROR_OF_THE_SHIM";
    return 0;
}
int cuDeviceGetCount(int *count)
{
    return *count = 1, 0;
}
int cuDeviceGet(int *device, int ordinal)
{
    return *device = ordinal, 0;
}
int cuDeviceGetName(char *name, int bytes, UNUSED int device)
{
    snprintf(name, (size_t)bytes, "processor");
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, UNUSED int device)
{
    const char *grid = getenv("SHIM_GRID"); /* the largest */
    switch (attribute) {
    case 75:
        return *value = 8, 0; /* compute capability */
    case 76:
    case 18:
        return *value = 0, 0;
    case 10:
        return *value = 32, 0;
    case 5:
    case 6:
        return *value = grid ? atoi(grid) : 65535, 0;
    default:
        return *value = MOST_ITEMS, 0;
    }
}
int cuDeviceTotalMem_v2(size_t *bytes, UNUSED int device)
{
    return *bytes = (size_t)1 << 30, 0;
}
int cuDevicePrimaryCtxRetain(void **context, UNUSED int device)
{
    return *context = &shim_here, 0;
}
int cuDevicePrimaryCtxRelease_v2(UNUSED int device)
{
    return 0;
}
int cuCtxSetCurrent(UNUSED void *context)
{
    return 0;
}
int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    *address = (uintptr_t)memory;
    return memory ? 0 : 2;
}
int cuMemFree_v2(uint64_t address)
{
    return free((void *)(uintptr_t)address), 0;
}
int cuMemHostAlloc(void **memory, size_t bytes, UNUSED unsigned flags)
{
    return (*memory = malloc(bytes)) ? 0 : 2;
}
int cuMemFreeHost(void *memory)
{
    return free(memory), 0;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, UNUSED void *stream)
{
    return memcpy((void *)(uintptr_t)to, from, bytes), 0;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, UNUSED void *stream)
{
    return memcpy(to, (const void *)(uintptr_t)from, bytes), 0;
}
int cuMemsetD32Async(uint64_t to, unsigned value, size_t words, UNUSED void *stream)
{
    for (size_t i = 0; i < words; i++) ((unsigned *)(uintptr_t)to)[i] = value;
    return 0;
}
int cuStreamCreate(void **stream, UNUSED unsigned flags)
{
    return *stream = &shim_here, 0;
}
int cuStreamDestroy_v2(UNUSED void *stream)
{
    return 0;
}
int cuEventCreate(void **event, UNUSED unsigned flags)
{
    return *event = &shim_here, 0;
}
int cuEventDestroy_v2(UNUSED void *event)
{
    return 0;
}
int cuEventRecord(UNUSED void *event, UNUSED void *stream)
{
    return 0;
}
static int broken;

int cuEventQuery(UNUSED void *event)
{
    return broken ? 999 : 0;
}
int cuModuleLoadData(void **module, UNUSED const void *image)
{
    return *module = &shim_here, 0;
}
int cuModuleUnload(UNUSED void *module)
{
    return 0;
}
int cuModuleGetFunction(void **function, UNUSED void *module, const char *name)
{
    for (const shim_kernel *k = shim_kernels; k->name; k++)
        if (strcmp(k->name, name) == 0) return *function = (void *)(uintptr_t)k, 0;
    return 500;
}
int cuFuncGetAttribute(int *value, UNUSED int attribute, UNUSED void *function)
{
    return *value = 0;
}

/* Captures begin well and fail at their end: the host has to do without graphs. What is stored there is no graph, as with
 * HIP's runtime; who destroys it is lost. */
static int captures;
static char no_graph;

int cuStreamBeginCapture_v2(UNUSED void *stream, UNUSED int mode)
{
    captures = 1;
    return 0;
}
int cuStreamEndCapture(UNUSED void *stream, void **graph)
{
    captures = 0;
    *graph = &no_graph;
    return 901;
}
int cuGraphInstantiateWithFlags(void **exec, UNUSED void *graph, UNUSED unsigned long long flags)
{
    *exec = NULL;
    return 801;
}
int cuGraphLaunch(UNUSED void *exec, UNUSED void *stream)
{
    return 801;
}
int cuGraphExecDestroy(UNUSED void *exec)
{
    return 0;
}
int cuGraphDestroy(void *graph)
{
    broken |= graph == &no_graph;
    return 0;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, UNUSED unsigned grid_z, unsigned block_x,
                   UNUSED unsigned block_y, UNUSED unsigned block_z, UNUSED unsigned shared_bytes,
                   UNUSED void *stream, void **parameters, UNUSED void **extra)
{
    kernel_run = function;
    parameters_run = parameters;
    if (block_x > MOST_ITEMS) return 1;
    if (captures) return 0;
    for (unsigned y = 0; y < grid_y; y++)
        for (unsigned x = 0; x < grid_x; x++) {
            shim_here = (struct shim_place){0, x, y, grid_x, grid_y, block_x};
            wave_items = 0;
            memset(__start_shim_shared, 0xa5, (size_t)(__stop_shim_shared - __start_shim_shared));
            if (!run_group(block_x, (x + y) % 2 != 0)) return 719;
        }
    return 0;
}

/* By this the host knows that it does not speak to a real driver. */
const char sterna_mock_vendor[] = "shim";
