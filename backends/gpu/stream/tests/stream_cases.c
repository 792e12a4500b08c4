/* The stream driver on a mock library: listing, opening, graphs, order, what runs. */
#include "stream_rig.h"

void stream_is_listed(sterna_test *t)
{
    const sterna_backend_api *api = stream_api_table();
    sterna_device_info info = {.size = sizeof info};
    NEEDS_MOCK(t);
    setenv(stream_tested.variable, stream_library(), 1);
    CHECK(t, api->device_count() == 1);
    CHECK(t, api->device_info(1, &info) == STERNA_USAGE);
    CHECK(t, api->device_info(0, &info) == STERNA_OK);
    CHECK_MSG(t, info.usable && info.is_mock && info.kind == STERNA_KIND_EMULATED, "%s", info.why);
    CHECK(t, strcmp(info.variant, "0") == 0 && info.memory_bytes > 0 && info.buffer_alignment == 256);
    CHECK_MSG(t, strstr(info.description, stream_tested.arch) && strstr(info.description, "mock"), "%s",
              info.description);
    CHECK_MSG(t, strstr(info.driver, ", mock"), "%s", info.driver);
}

static sterna_status try_open(const char *variant, sterna_device_info *info, sterna_fault *fault)
{
    const sterna_backend_api *api = stream_api_table();
    sterna_open_params params = {.size = sizeof params, .profile = STERNA_PROFILE_EXACT, .variant = variant};
    sterna_device *device = NULL;
    *fault = (sterna_fault){0};
    *info = (sterna_device_info){.size = sizeof *info};
    sterna_status status = api->open(op_case_host(), &params, &device, fault);
    if (status != STERNA_OK) return status;
    status = api->info(device, info);
    api->close(device);
    return status;
}

void stream_opens_by_number_and_name(sterna_test *t)
{
    static const char *const names[] = {
        "", "0", "mock", "STERNA MOCK", "graphs=0", ",sync=1", "0,graphs=1,sync=0", "0, watchdog = 5k,"};
    sterna_device_info info;
    sterna_fault fault;
    NEEDS_MOCK(t);
    setenv(stream_tested.variable, stream_library(), 1);
    for (uint32_t i = 0; i < STERNA_COUNT(names); i++) {
        CHECK_MSG(t, try_open(names[i], &info, &fault) == STERNA_OK, "%s: %s", names[i], fault.text);
        CHECK(t, info.is_mock && strcmp(info.variant, "0") == 0 && info.subgroup > 1);
    }
    CHECK(t, stream_nothing_left(t));
}

void stream_refuses_what_it_does_not_know(sterna_test *t)
{
    static const struct {
        const char *variant, *text;
        sterna_status status;
    } rows[] = {
        {"1", "there is no device 1, there are 1", STERNA_UNSUPPORTED},
        {"geforce", "none of 1 devices has 'geforce' in its name", STERNA_UNSUPPORTED},
        {"graphs=2", "graphs = '2' is not a number from 0 to 1 (1: launches that come again", STERNA_USAGE},
        {"graphs=", "graphs = '' is not a number", STERNA_USAGE},
        {"sync=on", "sync = 'on' is not a number", STERNA_USAGE},
        {"watchdog=0", "watchdog = '0' is not a number from 1 to 3600000", STERNA_USAGE},
        {"watchdog=99999999999999999999", "is not a number", STERNA_USAGE},
        {"graph=1", "unknown key 'graph'; there are library, graphs, sync, features, watchdog", STERNA_USAGE},
        {"0,1", "'1' is not key=value", STERNA_USAGE},
        {"library=", "library = '' is not a text of 1 to 255 bytes (the driver library's file)", STERNA_USAGE},
    };
    sterna_device_info info;
    sterna_fault fault;
    NEEDS_MOCK(t);
    setenv(stream_tested.variable, stream_library(), 1);
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        CHECK_MSG(t, try_open(rows[i].variant, &info, &fault) == rows[i].status, "%s: %s", rows[i].variant,
                  fault.text);
        CHECK_MSG(t, strstr(fault.text, rows[i].text), "%s: %s", rows[i].variant, fault.text);
    }
}

void stream_absent_library(sterna_test *t)
{
    const sterna_backend_api *api = stream_api_table();
    sterna_device_info info = {.size = sizeof info};
    sterna_fault fault;
    CHECK(t, try_open("library=/nowhere/libdriver.so", &info, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "/nowhere/libdriver.so: cannot load"), "%s", fault.text);
    setenv(stream_tested.variable, "/nowhere/libother.so", 1);
    CHECK(t, api->device_count() == 1);
    info = (sterna_device_info){.size = sizeof info};
    CHECK(t, api->device_info(0, &info) == STERNA_OK && !info.usable && !info.is_mock);
    CHECK_MSG(t, strstr(info.why, "/nowhere/libother.so: cannot load"), "%s", info.why);
    CHECK(t, api->device_info(1, &info) == STERNA_USAGE);
}

void stream_library_that_is_no_driver(sterna_test *t)
{
    sterna_device_info info;
    sterna_fault fault;
    CHECK(t, try_open("library=libm.so.6", &info, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "libm.so.6 has no symbol ") && strstr(fault.text, "Init:"), "%s",
              fault.text);
}

void stream_shapes(sterna_test *t,
                   bool (*shapes)(sterna_test *t, const sterna_backend_api *api, sterna_device *device),
                   const char *settings)
{
    /* Rows that need both features or none; only ternary products have some that need one and not the other. */
    static const char *const variants[] = {"", ",features=0", ",features=1", ",features=2"};
    NEEDS_MOCK(t);
    for (uint32_t i = 0; i < (shapes == op_shapes_matmul_ternary ? 4 : 2); i++) {
        sterna_device *device = stream_open(t, settings, variants[i]);
        CHECK(t, device != NULL);
        CHECK_MSG(t, shapes(t, stream_api_table(), device), "with %s", variants[i]);
        stream_api_table()->close(device);
        CHECK(t, stream_nothing_left(t));
    }
}

/* Under every set of features the rows that it makes the best ones: together all of kernels.def. */
void stream_every_row_runs(sterna_test *t)
{
    NEEDS_MOCK(t);
    for (uint32_t features = 0; features <= (STERNA_GPU_INT_DOT | STERNA_GPU_SUBGROUPS); features++) {
        char keys[24];
        snprintf(keys, sizeof keys, ",features=%u", features);
        sterna_device *device = stream_open(t, "", keys);
        CHECK(t, device != NULL);
        CHECK_MSG(t, op_shapes_tiny(t, stream_api_table(), device, features), "with%s", keys);
        stream_api_table()->close(device);
    }
}

void stream_small_grids(sterna_test *t)
{
    static const char *const settings[] = {"max_groups=1", "max_groups=3,seed=5"};
    NEEDS_MOCK(t);
    for (uint32_t i = 0; i < STERNA_COUNT(settings); i++) {
        sterna_device *device = stream_open(t, settings[i], "");
        CHECK(t, device != NULL);
        CHECK_MSG(t, op_shapes_strided(t, stream_api_table(), device), "with %s", settings[i]);
        stream_api_table()->close(device);
    }
}

/* Runs of one plan, each with the reference's bits; counts how many lists were submitted as graphs. */
static bool run_often(sterna_test *t, const char *keys, uint32_t runs, uint64_t *graphs)
{
    static float want[MOST], got[MOST];
    char variant[400];
    tiny_plan p;
    snprintf(variant, sizeof variant, "library=%s%s", stream_library(), keys);
    bool well = EXPECT(t, tiny_make(&p, stream_api_table(), op_case_host(), variant) == STERNA_OK);
    for (uint32_t i = 0; i < runs && well; i++) {
        memset(got, 0, sizeof got); /* no result of an earlier run may pass for this one's */
        well = EXPECT(t, p.api->buffer_write(p.device, p.y, 0, got, sizeof got, &p.fault) == STERNA_OK) &&
               EXPECT(t, tiny_run(&p, TINY_ROWS, got, NULL) == STERNA_OK) &&
               EXPECT(t, tiny_reference(TINY_ROWS, want)) && EXPECT(t, memcmp(want, got, sizeof got) == 0);
    }
    if (!well) sterna_test_note(t, "%s: %s", variant, p.fault.text);
    if (well) *graphs = stream_of(p.device)->graph_launches;
    tiny_close(&p);
    return well;
}

/* A plan's status words lie in STATUS_RING places in turn, so there are as many lists: the first time they are launched one
 * by one, afterwards as graphs. */
void stream_graphs_are_used(sterna_test *t)
{
    uint64_t graphs = 99;
    NEEDS_MOCK(t);
    CHECK(t, run_often(t, ",graphs=1", 3 * STATUS_RING, &graphs));
    CHECK_MSG(t, graphs == 2 * STATUS_RING, "%u graphs", (unsigned)graphs);
    CHECK(t, run_often(t, "", 3 * STATUS_RING, &graphs));
    CHECK_MSG(t, graphs == (stream_tested.graphs ? 2 * STATUS_RING : 0), "%u graphs", (unsigned)graphs);
    CHECK(t, run_often(t, ",graphs=0", 3 * STATUS_RING, &graphs));
    CHECK_MSG(t, graphs == 0, "%u graphs", (unsigned)graphs);
    CHECK(t, run_often(t, ",sync=1", 3 * STATUS_RING, &graphs));
    CHECK_MSG(t, graphs == 0, "%u graphs", (unsigned)graphs);
    CHECK(t, stream_nothing_left(t));
}

/* A list of four launches is worth a graph, a shorter one is not. */
void stream_short_lists(sterna_test *t)
{
    static const uint32_t rows = 1;
    NEEDS_MOCK(t);
    for (uint32_t count = 3; count <= 4; count++) {
        tiny_plan p;
        sterna_fence fence;
        CHECK(t, stream_make(t, &p, "", ""));
        for (uint32_t i = 0; i < 3 * STATUS_RING; i++) {
            CHECK(t, p.api->submit(p.device, p.plan, 0, count, &rows, &fence, &p.fault) == STERNA_OK);
            CHECK(t, p.api->wait(p.device, fence, 0, NULL, &p.fault) == STERNA_OK);
        }
        uint64_t graphs = stream_of(p.device)->graph_launches;
        CHECK_MSG(t, graphs == (count == 3 ? 0 : 2 * STATUS_RING), "%u: %u graphs", count, (unsigned)graphs);
        tiny_close(&p);
    }
}

static uint32_t refused;

static int refuse_capture(void *stream, int mode)
{
    (void)stream, (void)mode;
    refused++;
    return 801; /* not supported, in both APIs */
}

/* A driver that does not capture is asked once; what it computes is right. */
void stream_graphs_refused(sterna_test *t)
{
    static float want[MOST], got[MOST];
    static stream_api api;
    tiny_plan p;
    NEEDS_MOCK(t);
    CHECK(t, stream_make(t, &p, "", "") && tiny_reference(TINY_ROWS, want));
    stream_device *d = p.device->gpu;
    api = *d->api;
    api.stream_begin_capture = refuse_capture;
    d->api = &api;
    for (uint32_t i = 0; i < 3 * STATUS_RING; i++) {
        CHECK(t, tiny_run(&p, TINY_ROWS, got, NULL) == STERNA_OK);
        CHECK(t, memcmp(want, got, sizeof got) == 0);
    }
    CHECK_MSG(t, refused == 1 && d->graph_launches == 0, "asked %u times", refused);
    tiny_close(&p);
    CHECK(t, stream_nothing_left(t));
}

/* A library without the functions of graphs, as old ones are: a copy of the mock in which one has another name. */
void stream_without_graphs(sterna_test *t)
{
    static float want[MOST], got[MOST];
    const char *name = strcmp(stream_tested.name, "cuda") == 0 ? "cuGraphLaunch" : "hipGraphLaunch";
    char path[600], variant[700];
    sterna_mapping file = {0};
    sterna_writer *writer;
    tiny_plan p;
    uint32_t found = 0;
    NEEDS_MOCK(t);
    CHECK(t, sterna_sys_read(stream_library(), 1 << 28, &file, NULL) == STERNA_OK);
    uint8_t *bytes = sterna_alloc((size_t)file.size, 1);
    CHECK(t, bytes != NULL);
    memcpy(bytes, file.data, (size_t)file.size);
    for (uint64_t i = 0, n = strlen(name) + 1; i + n <= file.size; i++)
        if (memcmp(bytes + i, name, n) == 0) bytes[i + n - 2] = '_', found++;
    snprintf(path, sizeof path, "%s/old.so", sterna_test_folder(t));
    CHECK(t, found > 0 && sterna_writer_open(path, &writer, NULL) == STERNA_OK &&
                 sterna_writer_write(writer, bytes, (size_t)file.size, NULL) == STERNA_OK &&
                 sterna_writer_commit(writer, NULL) == STERNA_OK);
    sterna_sys_unmap(&file);
    sterna_free(bytes);
    snprintf(variant, sizeof variant, "library=%s,graphs=1", path);
    CHECK_MSG(t, tiny_make(&p, stream_api_table(), op_case_host(), variant) == STERNA_OK, "%s", p.fault.text);
    CHECK(t, !stream_of(p.device)->graphs && tiny_reference(TINY_ROWS, want));
    for (uint32_t i = 0; i < 3 * STATUS_RING; i++) {
        CHECK(t, tiny_run(&p, TINY_ROWS, got, NULL) == STERNA_OK);
        CHECK(t, memcmp(want, got, sizeof got) == 0);
    }
    tiny_close(&p);
}

/* Lists of which one is the beginning of another, and which part in the middle: what was held back is launched. */
void stream_lists_that_begin_alike(sterna_test *t)
{
    static const uint32_t counts[] = {5, 4, 5, 4, 5, 3, 4, 5};
    static float want[MOST], got[MOST];
    sterna_result result = {.size = sizeof result};
    sterna_fence fence;
    tiny_plan p;
    NEEDS_MOCK(t);
    CHECK(t, stream_make(t, &p, "", ""));
    for (uint32_t i = 0; i < 80; i++) {
        uint32_t rows = i % 3 == 2 ? 2 : TINY_ROWS, count = counts[i % STERNA_COUNT(counts)];
        CHECK(t, p.api->submit(p.device, p.plan, 0, count, &rows, &fence, &p.fault) == STERNA_OK);
        CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_OK);
        if (count < 4) continue; /* y is as it was */
        CHECK(t, p.api->buffer_read(p.device, p.y, 0, got, rows * TINY_WIDTH * 4, &p.fault) == STERNA_OK);
        CHECK(t, tiny_reference(rows, want));
        /* Without the last node, which adds to y, it is something else. */
        bool equal = memcmp(want, got, rows * TINY_WIDTH * 4) == 0;
        CHECK_MSG(t, equal == (count == TINY_NODES), "run %u, %u rows, %u nodes", i, rows, count);
    }
    CHECK(t, stream_of(p.device)->graph_launches > 0);
    tiny_close(&p);
}

/* More lists than are remembered: graphs are given up and made again. */
void stream_many_lists(sterna_test *t)
{
    static float want[MOST], got[MOST];
    tiny_plan p;
    NEEDS_MOCK(t);
    CHECK(t, stream_make(t, &p, "", ""));
    for (uint32_t turn = 0; turn < 6; turn++)
        for (uint32_t rows = 1; rows <= TINY_ROWS; rows++)
            for (uint32_t again = 0; again < 2 * STATUS_RING; again++) {
                CHECK(t, tiny_run(&p, rows, got, NULL) == STERNA_OK && tiny_reference(rows, want));
                CHECK_MSG(t, memcmp(want, got, rows * TINY_WIDTH * 4) == 0, "%u rows, turn %u", rows, turn);
            }
    CHECK(t, stream_of(p.device)->graph_launches > 0);
    tiny_close(&p);
    CHECK(t, stream_nothing_left(t));
}

/* More marks than there are events, waited for backwards; inputs change while earlier work is queued. */
void stream_submissions_in_flight(sterna_test *t)
{
    enum { COUNT = 150 };
    static sterna_fence fences[COUNT];
    tiny_plan p;
    NEEDS_MOCK(t);
    CHECK(t, stream_make(t, &p, "seed=4", ""));
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t id = i % 3 == 1 ? TINY_VOCAB : 2; /* the first is out of range */
        CHECK(t, p.api->buffer_write(p.device, p.ids, 0, &id, 4, &p.fault) == STERNA_OK);
        CHECK(t, tiny_submit(&p, 1, &fences[i]) == STERNA_OK);
    }
    for (uint32_t i = COUNT; i-- > 0;) {
        sterna_result result = {.size = sizeof result};
        CHECK(t, p.api->wait(p.device, fences[i], 0, &result, &p.fault) == STERNA_OK);
        CHECK_MSG(t, (result.flags != 0) == (i % 3 == 1), "submission %u has flags %u", i, result.flags);
    }
    tiny_close(&p);
}

/* Copies beyond one chunk and beyond the ring of chunks, at odd places. */
void stream_large_copies(sterna_test *t)
{
    enum { BYTES = 11 * 1000 * 1000 + 3 };
    const sterna_backend_api *api = stream_api_table();
    sterna_fault fault = {0};
    sterna_buffer *buffer;
    NEEDS_MOCK(t);
    sterna_device *device = stream_open(t, "", "");
    uint8_t *data = sterna_alloc(BYTES, 1), *back = sterna_alloc(BYTES, 1);
    CHECK(t, device && data && back);
    for (uint32_t i = 0; i < BYTES; i++)
        data[i] = (uint8_t)(sterna_philox4x32(7, 0, i / 16, 0, 0, 0).word[i / 4 % 4] >> (i % 4 * 8));
    CHECK(t, api->buffer_create(device, BYTES + 5, &buffer, &fault) == STERNA_OK);
    CHECK(t, api->buffer_write(device, buffer, 5, data, BYTES, &fault) == STERNA_OK);
    CHECK(t, api->buffer_write(device, buffer, 1005, data, 70, &fault) == STERNA_OK);
    memcpy(data + 1000, data, 70);
    CHECK(t, api->buffer_read(device, buffer, 5, back, BYTES, &fault) == STERNA_OK);
    CHECK(t, memcmp(data, back, BYTES) == 0);
    api->close(device);
    sterna_free(data);
    sterna_free(back);
}

/* What a mock driver computed is not to pass for a real device's. */
void stream_kernels_are_marked(sterna_test *t)
{
    static float got[MOST];
    sterna_kernel_use uses[64];
    sterna_device_info info = {.size = sizeof info};
    tiny_plan p;
    NEEDS_MOCK(t);
    CHECK(t, stream_make(t, &p, "", ""));
    CHECK(t, tiny_run(&p, 1, got, NULL) == STERNA_OK);
    CHECK(t, p.api->info(p.device, &info) == STERNA_OK && info.is_mock);
    uint32_t n = p.api->kernels_used(p.device, uses, STERNA_COUNT(uses));
    CHECK(t, n == TINY_NODES);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t none[32] = {0};
        char prefix[40];
        snprintf(prefix, sizeof prefix, "mock:%s:", stream_tested.name);
        CHECK_MSG(t, strncmp(uses[i].name, prefix, strlen(prefix)) == 0, "%s", uses[i].name);
        CHECK(t, uses[i].has_hash && memcmp(uses[i].code_hash, none, 32) != 0 && uses[i].launches == 1);
    }
    tiny_close(&p);
}
