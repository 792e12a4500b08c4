/* The mock vendor libraries, called directly: each rule of the two APIs that a host can break, each fault that a device can
 * have. Every case runs with both libraries. */
#include "base/size.h"
#include "base/sys.h"
#include "vendor_rig.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 100 };

static void ramp(float *out, float step)
{
    for (uint32_t i = 0; i < N; i++) out[i] = step * (float)i;
}

/* x and y with ramps, a status word, an event, and the kernel. */
typedef struct sum {
    void *function, *event;
    uint64_t x, y, status;
} sum;

static bool make_sum(vendor_rig *rig, sum *s)
{
    float x[N], y[N];
    uint32_t zero = 0;
    *s = (sum){0};
    ramp(x, 1.0f);
    ramp(y, 0.25f);
    s->x = vendor_rig_words(rig, x, N);
    s->y = vendor_rig_words(rig, y, N);
    s->status = vendor_rig_words(rig, &zero, 1);
    return s->x && s->y && s->status && rig->api.event_create(&s->event, 2) == CODE_SUCCESS &&
           rig->api.module_function(&s->function, rig->module, "add") == CODE_SUCCESS;
}

static void end_sum(vendor_rig *rig, const sum *s)
{
    rig->api.memory_free(s->x);
    rig->api.memory_free(s->y);
    rig->api.memory_free(s->status);
    rig->api.event_destroy(s->event);
}

static void the_device(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        char name[64], properties[2048] = "";
        int count = 0, device = -1, value = 0;
        size_t bytes = 0;
        if (!vendor_rig_load(t, &rig, hip, "warp=16,memory=64m,max_groups=77")) return;
        WANT(SUCCESS, rig.api.init(0));
        WANT(INVALID_VALUE, rig.api.init(1));
        WANT(SUCCESS, rig.api.device_count(&count));
        CHECK(t, count == 1);
        WANT(SUCCESS, rig.api.device_get(&device, 0));
        WANT(INVALID_DEVICE, rig.api.device_get(&device, 1));
        WANT(SUCCESS, rig.api.device_name(name, sizeof name, device));
        CHECK(t, strcmp(name, "Sterna mock GPU") == 0);
        WANT(SUCCESS, rig.api.device_memory(&bytes, device));
        CHECK(t, bytes == 64u << 20);
        WANT(SUCCESS, rig.api.device_attribute(&value, rig.api.warp_size, device));
        CHECK(t, value == 16);
        WANT(SUCCESS, rig.api.device_attribute(&value, rig.api.max_grid_y, device));
        CHECK(t, value == 77);
        WANT(SUCCESS, rig.api.device_attribute(&value, rig.api.capability_major, device));
        CHECK(t, value == 9);
        WANT(INVALID_VALUE, rig.api.device_attribute(&value, 9999, device));
        if (hip) {
            WANT(SUCCESS, rig.api.device_properties(properties, device));
            CHECK(t, strncmp(properties + 396, "gfx1030:", 8) == 0);
            void *symbol = sterna_sys_dlsym(rig.library, "hipGetDevicePropertiesR0600");
            CHECK(t, symbol != NULL);
            memcpy(&rig.api.device_properties, &symbol, sizeof symbol);
            WANT(SUCCESS, rig.api.device_properties(properties, device));
            CHECK(t, properties[396] == 0 && strncmp(properties + 1160, "gfx1030:", 8) == 0);
        }
        CHECK(t, strstr(vendor_rig_sentence(&rig, CODE_NOT_FOUND),
                        hip ? "hipErrorNotFound" : "CUDA_ERROR_NOT_FOUND"));
        vendor_rig_close(t, &rig);
    }
}

/* A driver without a device, by the vendors' own variables. */
static void no_device(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        int count = -1;
        const char *variable = hip ? "HIP_VISIBLE_DEVICES" : "CUDA_VISIBLE_DEVICES";
        if (!vendor_rig_load(t, &rig, hip, NULL)) return;
        setenv(variable, "-1", 1);
        WANT(NO_DEVICE, rig.api.init(0));
        CHECK(t, rig.api.device_count(&count) != CODE_SUCCESS && count == -1);
        setenv(variable, "0,1", 1);
        WANT(SUCCESS, rig.api.init(0));
        WANT(SUCCESS, rig.api.device_count(&count));
        CHECK(t, count == 1);
        unsetenv(variable);
        vendor_rig_close(t, &rig);
    }
}

static void settings_are_checked(sterna_test *t)
{
    char commas[3000] = "";
    memset(commas, ',', sizeof commas - 1);
    BOTH
    {
        vendor_rig rig;
        if (!vendor_rig_load(t, &rig, hip, "warp=5")) return;
        WANT(INVALID_VALUE, rig.api.init(0));
        SAYS(INVALID_VALUE, "STERNA_GPU_FAKE: mock: warp = 5");
        vendor_rig_close(t, &rig);
        if (!vendor_rig_load(t, &rig, hip, commas)) return;
        WANT(INVALID_VALUE, rig.api.init(0));
        SAYS(INVALID_VALUE, "longer than");
        vendor_rig_close(t, &rig);
    }
}

static void a_sum(sterna_test *t)
{
    static const char *const settings[] = {NULL, "warp=4,seed=9", "warp=32,seed=3", "warp=64,seed=5"};
    for (uint32_t i = 0; i < STERNA_COUNT(settings); i++) BOTH
        {
            vendor_rig rig;
            sum s;
            float out[N];
            if (!vendor_rig_open(t, &rig, hip, settings[i])) return;
            CHECK(t, make_sum(&rig, &s));
            WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 2));
            WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
            WANT(SUCCESS, rig.api.copy_to_host(out, s.x, sizeof out, rig.stream)); /* pageable: waits */
            for (uint32_t k = 0; k < N; k++) CHECK(t, out[k] == 1.5f * (float)k);
            CHECK(t, vendor_rig_state(&rig).launches == 2);
            end_sum(&rig, &s);
            vendor_rig_close(t, &rig);
        }
}

static void addresses(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        uint64_t a = 0, b = 0;
        float x[N] = {0};
        if (!vendor_rig_open(t, &rig, hip, "memory=1m")) return;
        WANT(SUCCESS, rig.api.memory_alloc(&a, 400));
        WANT(SUCCESS, rig.api.memory_alloc(&b, 400));
        CHECK(t, a % 256 == 0 && b % 256 == 0 && b > a + 400);
        WANT(OUT_OF_MEMORY, rig.api.memory_alloc(&b, 1 << 20));
        SAYS(OUT_OF_MEMORY, "device memory are left");
        WANT(SUCCESS, rig.api.copy_to_device(a, x, 400, rig.stream));
        WANT(INVALID_VALUE, rig.api.copy_to_device(a + 4, x, 400, rig.stream));
        SAYS(INVALID_VALUE, "do not end in their allocation");
        WANT(INVALID_VALUE, rig.api.copy_to_device(a + 400, x, 4, rig.stream)); /* the gap */
        SAYS(INVALID_VALUE, "behind an allocation of 400 bytes");
        WANT(INVALID_VALUE,
             rig.api.copy_to_host(x, (uint64_t)(uintptr_t)x, 4, rig.stream)); /* a host address */
        WANT(INVALID_VALUE, rig.api.fill_words(a + 2, 0, 1, rig.stream));
        WANT(INVALID_VALUE, rig.api.copy_to_device(a, NULL, 4, rig.stream));
        WANT(INVALID_VALUE, rig.api.memory_free(a + 4));
        WANT(SUCCESS, rig.api.memory_free(a));
        WANT(INVALID_VALUE, rig.api.memory_free(a));
        SAYS(INVALID_VALUE, "were freed");
        WANT(INVALID_VALUE, rig.api.copy_to_device(a, x, 4, rig.stream));
        WANT(SUCCESS, rig.api.memory_free(b));
        /* Where the APIs differ. */
        int none = rig.api.memory_alloc(&a, 0);
        CHECK(t, hip ? none == CODE_SUCCESS && a == 0 : none == CODE_INVALID_VALUE);
        CHECK(t, rig.api.memory_free(0) == (hip ? CODE_SUCCESS : CODE_INVALID_VALUE));
        vendor_rig_close(t, &rig);
    }
}

/* Copies run as late as they may: pageable memory is read at the call, page-locked memory when the copy runs. */
static void late_copies(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        uint64_t a = 0;
        uint32_t pageable[4] = {1, 2, 3, 4}, *pinned = NULL;
        void *event = NULL;
        if (!vendor_rig_open(t, &rig, hip, NULL)) return;
        WANT(SUCCESS, rig.api.memory_alloc(&a, 48));
        WANT(SUCCESS, rig.api.host_alloc((void **)&pinned, 64, 0));
        WANT(SUCCESS, rig.api.event_create(&event, 2));
        memcpy(pinned, pageable, 16);
        WANT(SUCCESS, rig.api.copy_to_device(a, pageable, 16, rig.stream));
        WANT(SUCCESS, rig.api.copy_to_device(a + 16, pinned, 16, rig.stream));
        WANT(SUCCESS, rig.api.fill_words(a + 32, 0xabcd, 4, rig.stream));
        WANT(SUCCESS, rig.api.copy_to_host(pinned + 4, a + 16, 32, rig.stream));
        pageable[0] = pinned[0] = 99;
        CHECK(t, pinned[4] != 99); /* not done yet */
        WANT(SUCCESS, rig.api.event_record(event, rig.stream));
        WANT(SUCCESS, vendor_rig_reached(&rig, event, 100));
        CHECK(t, pinned[4] == 99 && pinned[5] == 2); /* the reuse of the buffer shows */
        CHECK(t, pinned[8] == 0xabcd && pinned[11] == 0xabcd);
        WANT(SUCCESS, rig.api.copy_to_host(pinned, a, 4, rig.stream));
        WANT(SUCCESS, rig.api.event_record(event, rig.stream));
        WANT(SUCCESS, vendor_rig_reached(&rig, event, 100));
        CHECK(t, pinned[0] == 1);
        rig.api.event_destroy(event);
        rig.api.memory_free(a);
        WANT(SUCCESS, rig.api.host_free(pinned));
        WANT(INVALID_VALUE, rig.api.host_free(pinned));
        vendor_rig_close(t, &rig);
    }
}

/* Long fills reach every word; freeing memory waits for what was asked before, of other memory, too; handles end with what
 * they belong to; counts go down again. */
static void what_is_asked_is_done(sterna_test *t)
{
    enum { FILLED = 3000 };
    BOTH
    {
        vendor_rig rig;
        uint64_t a = 0, b = 0;
        uint32_t *pinned = NULL, different = 0;
        void *graph = NULL, *other = NULL, *function = NULL;
        int value = 0;
        if (!vendor_rig_open(t, &rig, hip, NULL)) return;
        WANT(SUCCESS, rig.api.memory_alloc(&a, FILLED * 4));
        WANT(SUCCESS, rig.api.memory_alloc(&b, 400));
        CHECK(t, vendor_rig_state(&rig).bytes == FILLED * 4 + 400);
        WANT(SUCCESS, rig.api.host_alloc((void **)&pinned, FILLED * 4, 0));
        WANT(INVALID_VALUE, rig.api.host_free(pinned + 1));
        WANT(SUCCESS, rig.api.fill_words(a, 0xabcd1234u, FILLED, rig.stream));
        WANT(SUCCESS, rig.api.copy_to_host(pinned, a, FILLED * 4, rig.stream));
        WANT(SUCCESS, rig.api.memory_free(b));
        for (uint32_t i = 0; i < FILLED; i++) different += pinned[i] != 0xabcd1234u;
        CHECK_MSG(t, different == 0, "%u words differ", different);
        /* Between begin and end of a capture that is not strict, memory may be had. */
        WANT(SUCCESS, rig.api.stream_begin_capture(rig.stream, 2));
        WANT(SUCCESS, rig.api.memory_alloc(&b, 400));
        WANT(SUCCESS, rig.api.stream_end_capture(rig.stream, &graph));
        WANT(SUCCESS, rig.api.graph_destroy(graph));
        /* The default stream would have to wait for what is only being captured. */
        WANT(SUCCESS, rig.api.stream_create(&other, 0));
        WANT(SUCCESS, rig.api.stream_begin_capture(other, 1));
        WANT(STREAM_CAPTURE_IMPLICIT, rig.api.fill_words(a, 1, 1, NULL));
        WANT(STREAM_CAPTURE_INVALIDATED, rig.api.stream_end_capture(other, &graph));
        WANT(SUCCESS, rig.api.stream_destroy(other));
        WANT(SUCCESS, rig.api.memory_free(a));
        WANT(SUCCESS, rig.api.memory_free(b));
        WANT(SUCCESS, rig.api.host_free(pinned));
        CHECK(t, vendor_rig_state(&rig).bytes == 0 && vendor_rig_state(&rig).allocations == 0);
        sterna_mock_vendor_state part;
        uint64_t behind;
        memset(&part, 0xee, sizeof part);
        part.size = offsetof(sterna_mock_vendor_state, launches); /* of who was built with fewer members */
        rig.state(&part);
        memcpy(&behind, &part.launches, sizeof behind);
        CHECK(t, part.allocations == 0 && behind == 0xeeeeeeeeeeeeeeeeull);
        WANT(SUCCESS, rig.api.module_function(&function, rig.module, "add"));
        WANT(SUCCESS, rig.api.module_unload(rig.module));
        WANT(INVALID_HANDLE, rig.api.function_attribute(&value, STREAM_LOCAL_BYTES, function));
        rig.module = NULL;
        vendor_rig_close(t, &rig);
    }
}

static void page_locked_memory_freed_too_early(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        uint64_t a = 0;
        void *pinned = NULL, *event = NULL;
        if (!vendor_rig_open(t, &rig, hip, NULL)) return;
        WANT(SUCCESS, rig.api.memory_alloc(&a, 64));
        WANT(SUCCESS, rig.api.host_alloc(&pinned, 64, 0));
        WANT(SUCCESS, rig.api.event_create(&event, 2));
        memset(pinned, 0, 64);
        WANT(SUCCESS, rig.api.copy_to_device(a, pinned, 64, rig.stream));
        WANT(SUCCESS, rig.api.host_free(pinned));
        WANT(SUCCESS, rig.api.event_record(event, rig.stream));
        WANT(ILLEGAL_ADDRESS, vendor_rig_reached(&rig, event, 100));
        SAYS(ILLEGAL_ADDRESS, "was freed before the copy ran");
        WANT(ILLEGAL_ADDRESS, rig.api.memory_free(a)); /* and stays */
        rig.api.event_destroy(event);
        vendor_rig_close(t, &rig);
    }
}

/* Some queries must see that the work has not ended, and it must end. */
static void events(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        uint32_t not_ready = 0;
        if (!vendor_rig_open(t, &rig, hip, "seed=4,late=0")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(SUCCESS, rig.api.event_query(s.event)); /* never recorded */
        for (uint32_t i = 0; i < 20; i++) {
            int code;
            WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
            WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
            while ((code = rig.api.event_query(s.event)) == CODE_NOT_READY) not_ready++;
            WANT(SUCCESS, code);
        }
        CHECK_MSG(t, not_ready > 3, "%u", not_ready);
        end_sum(&rig, &s);
        WANT(INVALID_HANDLE, rig.api.event_query(s.event));
        WANT(INVALID_HANDLE, rig.api.event_destroy(s.event));
        WANT(INVALID_HANDLE, rig.api.event_record(s.event, rig.stream));
        vendor_rig_close(t, &rig);
    }
}

/* Between two streams that do not wait for each other any order is met; the default stream orders those that do. */
static void order_of_streams(sterna_test *t)
{
    BOTH
    {
        uint32_t seen[2][2] = {{0}};
        for (uint32_t seed = 0; seed < 24; seed++)
            for (uint32_t blocking = 0; blocking < 2; blocking++) {
                vendor_rig rig;
                char settings[40];
                uint64_t a = 0;
                uint32_t *out = NULL;
                void *other = NULL, *event = NULL;
                snprintf(settings, sizeof settings, "seed=%u", seed);
                if (!vendor_rig_open(t, &rig, hip, settings)) return;
                WANT(SUCCESS, rig.api.memory_alloc(&a, 4));
                WANT(SUCCESS, rig.api.host_alloc((void **)&out, 4, 0));
                WANT(SUCCESS, rig.api.stream_create(&other, blocking ? 0 : 1));
                WANT(SUCCESS, rig.api.event_create(&event, 2));
                WANT(SUCCESS, rig.api.fill_words(a, 1, 1, NULL));
                WANT(SUCCESS, rig.api.fill_words(a, 2, 1, other));
                WANT(SUCCESS, rig.api.copy_to_host(out, a, 4, NULL));
                WANT(SUCCESS, rig.api.event_record(event, NULL));
                WANT(SUCCESS, vendor_rig_reached(&rig, event, 100));
                CHECK(t, out[0] == 1 || out[0] == 2);
                seen[blocking][out[0] - 1]++;
                rig.api.stream_destroy(other);
                rig.api.event_destroy(event);
                rig.api.host_free(out);
                rig.api.memory_free(a);
                vendor_rig_close(t, &rig);
            }
        CHECK(t, seen[0][0] > 0 && seen[0][1] > 0);
        CHECK(t, seen[1][0] == 0 && seen[1][1] == 24);
    }
}

static void launches(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        uint64_t pointers[3];
        uint32_t words[3] = {1, N, 0};
        int value = 0;
        void *function = NULL,
             *parameters[] = {&pointers[0], &pointers[1], &pointers[2], words, words + 1, words + 2};
        if (!vendor_rig_open(t, &rig, hip, "max_groups=3")) return;
        CHECK(t, make_sum(&rig, &s));
        pointers[0] = s.x, pointers[1] = s.y, pointers[2] = s.status;
        WANT(INVALID_VALUE, rig.api.launch(s.function, 1, 1, 1, 32, 1, 1, 0, rig.stream, parameters, NULL));
        SAYS(INVALID_VALUE, "its groups have 64");
        WANT(INVALID_VALUE, rig.api.launch(s.function, 1, 1, 1, 64, 2, 1, 0, rig.stream, parameters, NULL));
        WANT(INVALID_VALUE, rig.api.launch(s.function, 0, 1, 1, 64, 1, 1, 0, rig.stream, parameters, NULL));
        WANT(INVALID_VALUE, rig.api.launch(s.function, 1, 4, 1, 64, 1, 1, 0, rig.stream, parameters, NULL));
        SAYS(INVALID_VALUE, "from 1 to 3");
        WANT(INVALID_VALUE, rig.api.launch(s.function, 1, 1, 2, 64, 1, 1, 0, rig.stream, parameters, NULL));
        WANT(INVALID_VALUE,
             rig.api.launch(s.function, 1, 1, 1, 64, 1, 1, 50000, rig.stream, parameters, NULL));
        WANT(INVALID_HANDLE, rig.api.launch(NULL, 1, 1, 1, 64, 1, 1, 0, rig.stream, parameters, NULL));
        WANT(INVALID_HANDLE, rig.api.launch(rig.module, 1, 1, 1, 64, 1, 1, 0, rig.stream, parameters, NULL));
        WANT(INVALID_HANDLE, rig.api.launch(s.function, 1, 1, 1, 64, 1, 1, 0, s.event, parameters, NULL));
        WANT(INVALID_VALUE, rig.api.launch(s.function, 1, 1, 1, 64, 1, 1, 0, rig.stream, NULL, NULL));
        parameters[4] = NULL;
        WANT(INVALID_VALUE, rig.api.launch(s.function, 1, 1, 1, 64, 1, 1, 0, rig.stream, parameters, NULL));
        SAYS(INVALID_VALUE, "parameter 4 of 6 is missing");
        WANT(SUCCESS, rig.api.function_attribute(&value, STREAM_LOCAL_BYTES, s.function));
        WANT(INVALID_VALUE, rig.api.function_attribute(&value, 77, s.function));
        WANT(NOT_FOUND, rig.api.module_function(&function, rig.module, "rope")); /* not in the image */
        SAYS(NOT_FOUND, "holds no kernel rope");
        WANT(INVALID_HANDLE, rig.api.module_function(&function, rig.stream, "add"));
        WANT(SUCCESS, rig.api.module_function(&function, rig.module, "add"));
        CHECK(t, function == s.function);
        CHECK(t, vendor_rig_state(&rig).launches == 0);
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);
    }
}

/* A kernel's pointers are looked at when it runs; what is found stays with the context. */
static void bad_pointers(sterna_test *t)
{
    enum { NONE, FREED, HOST, BEHIND, SHORT, KINDS };
    static const char *const says[KINDS] = {"is no device memory", "were freed", "is no device memory",
                                            "behind an allocation",
                                            "out-of-bounds read of argument y, index"};
    for (uint32_t kind = 0; kind < KINDS; kind++) BOTH
        {
            vendor_rig rig;
            sum s;
            uint64_t y = 0, other = 0;
            if (!vendor_rig_open(t, &rig, hip, NULL)) return;
            CHECK(t, make_sum(&rig, &s));
            if (kind == FREED) {
                WANT(SUCCESS, rig.api.memory_alloc(&y, 400));
                WANT(SUCCESS, rig.api.memory_free(y));
            }
            if (kind == HOST) y = (uint64_t)(uintptr_t)&y;
            if (kind == BEHIND) y = s.y + 400;
            if (kind == SHORT) y = s.y + 256;
            WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, y, s.status, N, 1));
            WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
            WANT(ILLEGAL_ADDRESS, vendor_rig_reached(&rig, s.event, 100));
            SAYS(ILLEGAL_ADDRESS, "mock:add");
            SAYS(ILLEGAL_ADDRESS, says[kind]);
            WANT(ILLEGAL_ADDRESS, rig.api.memory_alloc(&other, 4));
            WANT(ILLEGAL_ADDRESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
            WANT(ILLEGAL_ADDRESS, rig.api.event_query(s.event));
            end_sum(&rig, &s);
            vendor_rig_close(t, &rig);
        }
}

/* Nobody wrote what is read. */
static void uninitialised_memory(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        uint64_t y = 0;
        if (!vendor_rig_open(t, &rig, hip, NULL)) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(SUCCESS, rig.api.memory_alloc(&y, 400));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, y, s.status, N, 1));
        WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
        WANT(LAUNCH_FAILED, vendor_rig_reached(&rig, s.event, 100));
        SAYS(LAUNCH_FAILED, "read of uninitialised memory, argument y");
        rig.api.memory_free(y);
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);
    }
}

static void graphs(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        float out[N];
        void *graph = NULL, *exec = NULL;
        if (!vendor_rig_open(t, &rig, hip, "seed=2")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(STREAM_CAPTURE_UNSUPPORTED, rig.api.stream_begin_capture(NULL, 1));
        WANT(INVALID_VALUE, rig.api.stream_begin_capture(rig.stream, 3));
        WANT(ILLEGAL_STATE, rig.api.stream_end_capture(rig.stream, &graph));
        WANT(SUCCESS, rig.api.stream_begin_capture(rig.stream, 1));
        WANT(ILLEGAL_STATE, rig.api.stream_begin_capture(rig.stream, 1));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 2));
        WANT(SUCCESS, rig.api.stream_end_capture(rig.stream, &graph));
        WANT(SUCCESS, rig.api.copy_to_host(out, s.x, sizeof out, rig.stream));
        CHECK(t, out[4] == 4.0f); /* a capture does nothing */
        WANT(INVALID_VALUE, rig.api.graph_instantiate(&exec, rig.stream, 0));
        WANT(SUCCESS, rig.api.graph_instantiate(&exec, graph, 0));
        WANT(SUCCESS, rig.api.graph_destroy(graph));
        WANT(INVALID_VALUE, rig.api.graph_destroy(graph));
        for (uint32_t i = 0; i < 3; i++) WANT(SUCCESS, rig.api.graph_launch(exec, rig.stream));
        WANT(SUCCESS, rig.api.graph_exec_destroy(exec)); /* what is queued goes on */
        WANT(INVALID_HANDLE, rig.api.graph_launch(exec, rig.stream));
        WANT(SUCCESS, rig.api.copy_to_host(out, s.x, sizeof out, rig.stream));
        CHECK_MSG(t, out[4] == 10.0f, "%f", (double)out[4]);
        CHECK(t, vendor_rig_state(&rig).launches == 6);
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);
    }
}

/* Calls that may wait, or that need what is not there yet, end a capture. */
static void spoilt_captures(sterna_test *t)
{
    enum { ALLOC, QUERY, DOWNLOAD, PAGEABLE, RECORD, KINDS };
    for (uint32_t kind = 0; kind < KINDS; kind++) BOTH
        {
            vendor_rig rig;
            sum s;
            float out[N] = {0};
            void *graph = NULL;
            uint64_t other = 0;
            if (!vendor_rig_open(t, &rig, hip, NULL)) return;
            CHECK(t, make_sum(&rig, &s));
            WANT(SUCCESS, rig.api.stream_begin_capture(rig.stream, kind % 2));
            if (kind == ALLOC) WANT(STREAM_CAPTURE_UNSUPPORTED, rig.api.memory_alloc(&other, 4));
            if (kind == QUERY) WANT(STREAM_CAPTURE_UNSUPPORTED, rig.api.event_query(s.event));
            if (kind == DOWNLOAD)
                WANT(STREAM_CAPTURE_UNSUPPORTED, rig.api.copy_to_host(out, s.x, 4, rig.stream));
            if (kind == PAGEABLE)
                WANT(STREAM_CAPTURE_UNSUPPORTED, rig.api.copy_to_device(s.x, out, 4, rig.stream));
            if (kind == RECORD) WANT(STREAM_CAPTURE_UNSUPPORTED, rig.api.event_record(s.event, rig.stream));
            WANT(STREAM_CAPTURE_INVALIDATED, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
            WANT(STREAM_CAPTURE_INVALIDATED, rig.api.stream_end_capture(rig.stream, &graph));
            WANT(SUCCESS,
                 vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1)); /* the stream works again */
            WANT(SUCCESS, rig.api.copy_to_host(out, s.x, sizeof out, rig.stream));
            CHECK(t, out[4] == 5.0f);
            end_sum(&rig, &s);
            vendor_rig_close(t, &rig);
        }
}

/* In a stream, and in a graph that comes again. */
static void unloaded_too_early(sterna_test *t)
{
    for (uint32_t in_graph = 0; in_graph < 2; in_graph++) BOTH
        {
            vendor_rig rig;
            sum s;
            void *graph = NULL, *exec = NULL;
            if (!vendor_rig_open(t, &rig, hip, NULL)) return;
            CHECK(t, make_sum(&rig, &s));
            if (in_graph) WANT(SUCCESS, rig.api.stream_begin_capture(rig.stream, 1));
            WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
            if (in_graph) WANT(SUCCESS, rig.api.stream_end_capture(rig.stream, &graph));
            if (in_graph) WANT(SUCCESS, rig.api.graph_instantiate(&exec, graph, 0));
            WANT(SUCCESS, rig.api.module_unload(rig.module));
            rig.module = NULL;
            if (in_graph) WANT(SUCCESS, rig.api.graph_launch(exec, rig.stream));
            WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
            WANT(ILLEGAL_ADDRESS, vendor_rig_reached(&rig, s.event, 100));
            SAYS(ILLEGAL_ADDRESS, "mock:add: its module was unloaded before it ran");
            if (in_graph) {
                rig.api.graph_destroy(graph);
                rig.api.graph_exec_destroy(exec);
            }
            end_sum(&rig, &s);
            vendor_rig_close(t, &rig);
        }
}

/* Faults of the mock's settings, as the vendors' codes. */
static void faults(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        float out[N];
        uint64_t other = 0;
        if (!vendor_rig_open(t, &rig, hip, "fail_alloc=4,fail_launch=2")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(OUT_OF_MEMORY, rig.api.memory_alloc(&other, 4));
        SAYS(OUT_OF_MEMORY, "allocation 4 is refused by its profile");
        WANT(SUCCESS, rig.api.memory_alloc(&other, 4));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(LAUNCH_OUT_OF_RESOURCES, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        SAYS(LAUNCH_OUT_OF_RESOURCES, "launch 2 is refused by its profile");
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, rig.api.copy_to_host(out, s.x, sizeof out, rig.stream));
        CHECK(t, out[4] == 6.0f);
        rig.api.memory_free(other);
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);

        if (!vendor_rig_open(t, &rig, hip, "lose_launch=2")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
        WANT(LAUNCH_FAILED, vendor_rig_reached(&rig, s.event, 100));
        SAYS(LAUNCH_FAILED, "device lost in launch 2");
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);

        if (!vendor_rig_open(t, &rig, hip, "hang_launch=1,watchdog=300")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
        WANT(NOT_READY, vendor_rig_reached(&rig, s.event, 250));
        WANT(LAUNCH_TIMEOUT, vendor_rig_reached(&rig, s.event, 100));
        SAYS(LAUNCH_TIMEOUT, "watchdog's 300 ms");
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);
    }
}

/* A graph is refused as a whole when a launch of it is. */
static void refused_graph(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        float out[N];
        void *graph = NULL, *exec = NULL;
        if (!vendor_rig_open(t, &rig, hip, "fail_launch=2")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(SUCCESS, rig.api.stream_begin_capture(rig.stream, 1));
        for (uint32_t i = 0; i < 3; i++)
            WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, rig.api.stream_end_capture(rig.stream, &graph));
        WANT(SUCCESS, rig.api.graph_instantiate(&exec, graph, 0));
        WANT(LAUNCH_OUT_OF_RESOURCES, rig.api.graph_launch(exec, rig.stream));
        WANT(SUCCESS, rig.api.graph_launch(exec, rig.stream));
        WANT(SUCCESS, rig.api.copy_to_host(out, s.x, sizeof out, rig.stream));
        CHECK(t, out[4] == 7.0f);
        rig.api.graph_destroy(graph);
        rig.api.graph_exec_destroy(exec);
        end_sum(&rig, &s);
        vendor_rig_close(t, &rig);
    }
}

typedef struct elsewhere {
    vendor_rig *rig;
    int alloc, end, set, unload, destroy;
    void *graph;
} elsewhere;

static void *in_another_thread(void *argument)
{
    elsewhere *e = argument;
    uint64_t address = 0;
    e->alloc = e->rig->api.memory_alloc(&address, 4);
    if (address) e->rig->api.memory_free(address);
    if (!e->rig->hip) {
        e->unload = e->rig->api.module_unload(e->rig->module);
        e->destroy = e->rig->api.stream_destroy(e->rig->stream);
    }
    e->set = e->rig->hip ? CODE_SUCCESS : e->rig->api.context_set(e->rig->context);
    e->end = e->rig->api.stream_end_capture(e->rig->stream, &e->graph);
    return NULL;
}

/* A thread has no context until it is given one; a capture belongs to the thread that began it. */
static void threads(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        pthread_t thread;
        elsewhere e = {.rig = &rig};
        void *graph = NULL;
        if (!vendor_rig_open(t, &rig, hip, NULL)) return;
        WANT(SUCCESS, rig.api.stream_begin_capture(rig.stream, 1));
        CHECK(t,
              pthread_create(&thread, NULL, in_another_thread, &e) == 0 && pthread_join(thread, NULL) == 0);
        CHECK(t, e.alloc == (hip ? CODE_SUCCESS : CODE_INVALID_CONTEXT));
        CHECK(t, hip || (e.unload == CODE_INVALID_CONTEXT && e.destroy == CODE_INVALID_CONTEXT));
        CHECK(t, e.set == CODE_SUCCESS && e.end == CODE_STREAM_CAPTURE_WRONG_THREAD);
        WANT(SUCCESS, rig.api.stream_end_capture(rig.stream, &graph));
        WANT(SUCCESS, rig.api.graph_destroy(graph));
        vendor_rig_close(t, &rig);
    }
}

/* CUDA's context lives as long as it is retained; nothing of it works afterwards. */
static void contexts(sterna_test *t)
{
    vendor_rig rig;
    uint64_t a = 0;
    void *again = NULL, *stream = NULL;
    if (!vendor_rig_load(t, &rig, 0, NULL)) return;
    WANT(NOT_INITIALIZED, rig.api.context_retain(&rig.context, 0));
    WANT(SUCCESS, rig.api.init(0));
    WANT(INVALID_CONTEXT, rig.api.memory_alloc(&a, 4));
    WANT(SUCCESS, rig.api.context_retain(&rig.context, 0));
    WANT(SUCCESS, rig.api.context_retain(&again, 0));
    CHECK(t, again == rig.context);
    WANT(INVALID_CONTEXT, rig.api.memory_alloc(&a, 4)); /* retained is not current */
    WANT(SUCCESS, rig.api.context_set(rig.context));
    WANT(SUCCESS, rig.api.memory_alloc(&a, 4));
    WANT(SUCCESS, rig.api.stream_create(&stream, 1));
    WANT(SUCCESS, rig.api.context_release(0));
    CHECK(t, vendor_rig_state(&rig).allocations == 1 && vendor_rig_state(&rig).streams == 1);
    WANT(SUCCESS, rig.api.context_release(0)); /* with what was left in it */
    WANT(INVALID_CONTEXT, rig.api.context_release(0));
    WANT(INVALID_CONTEXT, rig.api.memory_free(a));
    WANT(INVALID_CONTEXT, rig.api.context_set(rig.context));
    WANT(INVALID_HANDLE, rig.api.stream_destroy(stream));
    rig.context = NULL;
    vendor_rig_close(t, &rig);
}

/* After a lost device a new context works: settings count from there. */
static void a_new_beginning(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        sum s;
        void *event = NULL;
        if (!vendor_rig_open(t, &rig, hip, "lose_launch=1")) return;
        CHECK(t, make_sum(&rig, &s));
        WANT(SUCCESS, vendor_rig_add(&rig, s.function, s.x, s.y, s.status, N, 1));
        WANT(SUCCESS, rig.api.event_record(s.event, rig.stream));
        WANT(LAUNCH_FAILED, vendor_rig_reached(&rig, s.event, 100));
        end_sum(&rig, &s);
        rig.api.module_unload(rig.module);
        rig.api.stream_destroy(rig.stream);
        if (!hip) WANT(SUCCESS, rig.api.context_release(0));
        WANT(SUCCESS, hip ? rig.api.device_set(0) : rig.api.context_retain(&rig.context, 0));
        if (!hip) WANT(SUCCESS, rig.api.context_set(rig.context));
        WANT(SUCCESS, rig.api.event_create(&event, 2));
        WANT(SUCCESS, rig.api.event_destroy(event));
        rig.module = rig.stream = NULL;
        vendor_rig_close(t, &rig);
    }
}

/* A child of a process that initialised the API has none, and gets none; the parent's goes on. */
static void forks(sterna_test *t)
{
    BOTH
    {
        vendor_rig rig;
        uint64_t a = 0;
        int ended = -1, device;
        if (!vendor_rig_open(t, &rig, hip, NULL)) return;
        pid_t child = fork();
        if (child == 0)
            _exit(rig.api.init(0) == CODE_NOT_INITIALIZED &&
                          rig.api.memory_alloc(&a, 4) == CODE_NOT_INITIALIZED &&
                          rig.api.device_get(&device, 0) == CODE_NOT_INITIALIZED
                      ? 0
                      : 1);
        CHECK(t, child > 0 && waitpid(child, &ended, 0) == child && ended == 0);
        WANT(SUCCESS, rig.api.memory_alloc(&a, 4));
        WANT(SUCCESS, rig.api.memory_free(a));
        vendor_rig_close(t, &rig);
    }
}

/* Nothing but the API leaves the libraries: a program that has the mock in it, too, keeps its own. */
static void exports(sterna_test *t)
{
    static const char *const hidden[] = {"sterna_mock_driver", "sterna_alloc", "sterna_vendor_init",
                                         "call_init"};
    BOTH
    {
        vendor_rig rig;
        if (!vendor_rig_load(t, &rig, hip, NULL)) return;
        for (uint32_t i = 0; i < STERNA_COUNT(hidden); i++)
            CHECK_MSG(t, sterna_sys_dlsym(rig.library, hidden[i]) == NULL, "%s is visible", hidden[i]);
        CHECK(t, strstr(rig.state(NULL), hip ? "libamdhip64" : "libcuda"));
        vendor_rig_close(t, &rig);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"the_device", the_device, 0},
    {"no_device", no_device, 0},
    {"settings_are_checked", settings_are_checked, 0},
    {"a_sum", a_sum, 0},
    {"addresses", addresses, 0},
    {"late_copies", late_copies, 0},
    {"what_is_asked_is_done", what_is_asked_is_done, 0},
    {"page_locked_memory_freed_too_early", page_locked_memory_freed_too_early, 0},
    {"events", events, 0},
    {"order_of_streams", order_of_streams, 0},
    {"launches", launches, 0},
    {"bad_pointers", bad_pointers, 0},
    {"uninitialised_memory", uninitialised_memory, 0},
    {"graphs", graphs, 0},
    {"spoilt_captures", spoilt_captures, 0},
    {"unloaded_too_early", unloaded_too_early, 0},
    {"faults", faults, 0},
    {"refused_graph", refused_graph, 0},
    {"threads", threads, 0},
    {"contexts", contexts, 0},
    {"a_new_beginning", a_new_beginning, 0},
    {"forks", forks, 0},
    {"exports", exports, 0},
    {0},
};
