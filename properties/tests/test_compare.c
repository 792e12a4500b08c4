/* Lock-step comparison: devices that agree are found equal; a planted defect is named by operation and layer, without the
 * echo of what follows from it; its inputs are a file that fails again on that device alone; bounds hold in the fast
 * profile; every form of the summary is well formed. */
#include "base/mem.h"
#include "compare/report.h"
#include "harness/repro.h"
#include "registry.h"
#include "runner.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PLANTED STERNA_BINARY_DIR "/tests/planted_backend.so:scalar"
#define GOLDEN  "golden/models/golden.gguf"

static const uint32_t prompt[] = {1, 5, 9, 2, 7, 4, 3};

typedef struct scene {
    sterna_lockstep_params params;
    sterna_lockstep_report report;
    sterna_compare_summary summary;
    sterna_fault fault;
    sterna_status status;
} scene;

static uint64_t most_captured;  /* of the next comparisons; 0: what is usual */
static uint32_t positions = 64; /* that there is room for */
static uint64_t captured;       /* bytes of the second device's first divergence, before it was made small */

static scene *compare(sterna_test *t, const char *model, const char *const *devices, uint32_t n,
                      sterna_profile profile, const char *repro)
{
    static scene s;
    memset(&s, 0, sizeof s);
    s.params = (sterna_lockstep_params){.devices = devices,
                                        .n_devices = n,
                                        .prompt = prompt,
                                        .n_prompt = 7,
                                        .n_predict = 6,
                                        .ignore_end = true,
                                        .capture = repro != NULL,
                                        .capture_bytes = most_captured,
                                        .session = {.size = sizeof s.params.session,
                                                    .n_ctx = positions,
                                                    .n_batch = 3,
                                                    .threads = 2,
                                                    .page_size = 4,
                                                    .profile = profile},
                                        .sampling = {.size = sizeof s.params.sampling, .top_p = 1}};
    s.summary = (sterna_compare_summary){.params = &s.params, .run = &s.report, .model = model};
    s.status = sterna_model_open(sterna_test_repo(t, model), &s.params.model, &s.fault);
    if (s.status == STERNA_OK) s.status = sterna_lockstep_run(&s.params, &s.report, &s.fault);
    captured = 0;
    for (uint32_t i = 0; i < STERNA_MAX_ARGS && s.status == STERNA_OK; i++)
        captured += s.report.devices[1].capture.call.bytes[i];
    if (s.status == STERNA_OK && repro) s.status = sterna_compare_save(&s.summary, repro, &s.fault);
    sterna_model_close(s.params.model);
    return &s;
}

static void equal(sterna_test *t, const char *model, const char *const *devices, uint32_t n)
{
    scene *s = compare(t, model, devices, n, STERNA_PROFILE_EXACT, NULL);
    bool right = s->status == STERNA_OK && sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_OK &&
                 s->report.n_tokens == 6 && s->report.operations > 100;
    for (uint32_t d = 1; d < n && right; d++)
        right = s->report.devices[d].diverging == 0 && s->report.devices[d].values > 1000 &&
                s->report.devices[d].operations == s->report.operations && s->report.devices[d].n_kernels > 5;
    sterna_status status = s->status;
    sterna_lockstep_free(&s->report);
    if (status == STERNA_UNSUPPORTED) SKIP(t, "%s", s->fault.text);
    CHECK_MSG(t, right, "%s: %s", model, s->fault.text);
}

static void golden_is_equal(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu", "mock"};
    equal(t, GOLDEN, devices, 3);
}

static void stories_are_equal(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu"};
    equal(t, "golden/models/stories260K-q8_0.gguf", devices, 2);
}

/* Every API of a GPU that has a usable device here, at once: CUDA and HIP are the mock vendor libraries under ctest. */
typedef struct names {
    char text[8][STERNA_DEVICE_NAME];
    const char *devices[9];
    uint32_t n;
} names;

static bool take(void *context, const sterna_backend_state *backend, const sterna_device_info *info)
{
    names *all = context;
    if (!info || !info->usable || info->kind == STERNA_KIND_CPU || all->n == 9) return true;
    sterna_device_name(backend->name, info, all->text[all->n - 1]);
    all->devices[all->n] = all->text[all->n - 1];
    all->n++;
    return true;
}

static void gpus_are_equal(sterna_test *t)
{
    static names all = {.devices = {"cpu:scalar"}, .n = 1};
    sterna_registry_list(take, &all);
    if (all.n == 1) SKIP(t, "no device but the CPU is usable here");
    for (uint32_t d = 1; d < all.n; d++) printf("%s\n", all.devices[d]);
    equal(t, "golden/models/stories260K-q8_0.gguf", all.devices, all.n);
}

/* Re-seeding: what differs is what was planted, in every submission, and nothing else. */
static void planted_defect_is_named(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", PLANTED ",op=rmsnorm,layer=1,flip=22", "cpu"};
    scene *s = compare(t, GOLDEN, devices, 3, STERNA_PROFILE_EXACT, NULL);
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    /* Layer 1 has four norms (two of them sub-norms); 7 prompt tokens in threes and 5 further steps are 8 submissions. */
    const sterna_lockstep_device *device = &s->report.devices[1];
    const sterna_divergence *first = &device->kept[0];
    uint64_t others = s->report.devices[2].diverging;
    EXPECT(t, first->op == STERNA_OP_rmsnorm && first->layer == 1 && first->step == 0 && first->row == 0);
    EXPECT(t, strcmp(first->output, "y") == 0 && first->different == 1 && first->worst_ulp == 1u << 22);
    EXPECT(t,
           device->diverging == 4 * 8 && device->tally[STERNA_OP_rmsnorm].diverging == 4 * 8 && others == 0);
    EXPECT(t, device->n_kept == STERNA_LOCKSTEP_KEPT && device->tally[STERNA_OP_add].diverging == 0);
    EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_FAILED);
    sterna_lockstep_free(&s->report);
}

/* Where nothing of a row is left out, the saved inputs give what the first device gave. */
static bool same_inputs(const sterna_call *call, const sterna_divergence *x)
{
    static const sterna_op whole[] = {STERNA_OP_embed, STERNA_OP_rope, STERNA_OP_attention,
                                      STERNA_OP_add,   STERNA_OP_glu,  STERNA_OP_gather};
    sterna_outcome outcome;
    float first = 0;
    bool asked = false;
    for (uint32_t i = 0; i < sizeof whole / sizeof *whole; i++) asked |= whole[i] == call->op;
    if (!asked) return true;
    if (!sterna_reference_run(call, &outcome, NULL)) return false;
    for (uint32_t i = 0; i < call->info->n_params; i++)
        if (outcome.data[i]) memcpy(&first, outcome.data[i], sizeof first);
    sterna_outcome_free(&outcome);
    return (double)first == x->want;
}

/* Half a file, or one with a digit too many, is refused. */
static bool damage_is_refused(sterna_test *t, const char *path)
{
    static char text[1 << 16];
    static sterna_repro repro;
    char copy[1300];
    sterna_mapping file = {0};
    sterna_writer *writer;
    bool refused = true;
    if (sterna_sys_read(path, sizeof text - 2, &file, NULL) != STERNA_OK) return false;
    snprintf(copy, sizeof copy, "%s.damaged", path);
    memcpy(text, file.data, (size_t)file.size);
    text[file.size] = 0;
    sterna_sys_unmap(&file);
    char *end = strstr(text, "\ncase\n");
    size_t size = end ? (size_t)(end - text) : 0;
    for (size_t cut = size / 8; cut < size; cut += size / 8) {
        if (text[cut - 1] == '\n') cut++;
        if (sterna_writer_open(copy, &writer, NULL) != STERNA_OK) return false;
        sterna_writer_write(writer, text, cut, NULL);
        sterna_writer_commit(writer, NULL);
        sterna_fault fault = {0};
        sterna_status status = sterna_repro_read(copy, &repro, &fault);
        if (status == STERNA_OK) sterna_repro_free(&repro);
        refused &= EXPECT(t, status == STERNA_FILE && fault.text[0]);
    }
    return refused;
}

/* The saved case: fails on the device, passes on the first one, and is small. */
static void repro_of(sterna_test *t, const char *model, const char *op)
{
    static sterna_repro repro;
    static char story[STERNA_STORY_BYTES];
    char planted[STERNA_OPENED_BYTES];
    sterna_fault fault = {0};
    snprintf(planted, sizeof planted, "%s,op=%s,flip=3", PLANTED, op);
    const char *const devices[] = {"cpu:scalar", planted};
    scene *s = compare(t, model, devices, 2, STERNA_PROFILE_EXACT, sterna_test_folder(t));
    const sterna_compare_repro *saved = &s->summary.repro[1];
    bool named = s->status == STERNA_OK && s->report.devices[1].n_kept &&
                 strcmp(sterna_op_get(s->report.devices[1].kept[0].op)->name, op) == 0;
    EXPECT(t, captured > 0 && (!most_captured || captured <= most_captured));
    if (EXPECT(t, named && saved->path[0])) {
        EXPECT(t, saved->device.code == STERNA_VERDICT_WRONG_BITS &&
                      saved->reference.code == STERNA_VERDICT_PASS);
        EXPECT(t, saved->bytes > 0 && saved->bytes < 4096);
        if (EXPECT(t, sterna_repro_read(saved->path, &repro, &fault) == STERNA_OK)) {
            sterna_verdict bad = sterna_repro_run(&repro, NULL, 10, story, sizeof story),
                           good = sterna_repro_run(&repro, "cpu:scalar", 10, story, sizeof story);
            EXPECT(t, strcmp(repro.device, planted) == 0 && strncmp(story, op, strlen(op)) == 0);
            EXPECT(t, bad.code == STERNA_VERDICT_WRONG_BITS && good.code == STERNA_VERDICT_PASS);
            EXPECT(t, same_inputs(&repro.recorded.call, &s->report.devices[1].kept[0]));
            sterna_repro_free(&repro);
        }
        EXPECT(t, damage_is_refused(t, saved->path));
    }
    sterna_test_note(t, "%s: %s %s, %llu of %llu bytes, %s", op, s->fault.text, saved->path,
                     (unsigned long long)saved->bytes, (unsigned long long)captured, fault.text);
    sterna_lockstep_free(&s->report);
}

static void every_operation_is_saved(sterna_test *t)
{
    static const char *const ternary[] = {
        "embed",     "rmsnorm",   "quant_token", "matmul_float", "matmul_ternary", "rope",
        "kv_append", "attention", "add",         "glu",          "gather"};
    for (uint32_t i = 0; i < sizeof ternary / sizeof *ternary; i++) repro_of(t, GOLDEN, ternary[i]);
    repro_of(t, "golden/models/stories260K-q8_0.gguf", "quant_block");
    repro_of(t, "golden/models/stories260K-q8_0.gguf", "matmul_block");
    repro_of(t, "golden/models/stories260K-ff256-q4_K.gguf", "matmul_block");
}

/* Where not all of a call may be held, the part around the difference is. */
static void large_calls_are_cut(sterna_test *t)
{
    static const char *const ops[] = {"embed",     "matmul_float", "matmul_ternary",
                                      "attention", "kv_append",    "rope"};
    most_captured = 16384; /* less than one matrix, more than one row of anything */
    for (uint32_t i = 0; i < sizeof ops / sizeof *ops; i++) repro_of(t, GOLDEN, ops[i]);
    most_captured = 0;
}

/* A defect that needs what came before is no failing case, and that is said. */
static void what_does_not_come_again_is_told(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", PLANTED ",op=glu,after=3"};
    char path[1200];
    static sterna_out out;
    snprintf(path, sizeof path, "%s/mine.repro", sterna_test_folder(t));
    scene *s = compare(t, GOLDEN, devices, 2, STERNA_PROFILE_EXACT, path);
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    EXPECT(t, s->report.devices[1].diverging && strcmp(s->summary.repro[1].path, path) == 0);
    EXPECT(t, s->summary.repro[1].device.code == STERNA_VERDICT_PASS && sterna_sys_exists(path));
    sterna_out_init(&out, NULL, NULL);
    sterna_compare_text(&s->summary, &out);
    out.buffer[out.used] = 0;
    EXPECT(t, strstr(out.buffer, "alone does not fail"));
    sterna_lockstep_free(&s->report);
}

static void a_flag_of_its_own_is_a_difference(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", PLANTED ",op=attention,layer=2,flags=1"};
    scene *s = compare(t, GOLDEN, devices, 2, STERNA_PROFILE_EXACT, NULL);
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    const sterna_divergence *first = &s->report.devices[1].kept[0];
    EXPECT(t,
           s->report.devices[1].diverging == 8 && strcmp(first->output, "flags") == 0 && first->layer == 2);
    EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_FAILED);
    sterna_lockstep_free(&s->report);
}

/* Nobody goes on with the first device's bad values; that another one has none is a difference. */
static void bad_values_end_it(sterna_test *t)
{
    static const char *const devices[] = {PLANTED ",op=attention,layer=2,flags=1", "cpu"};
    scene *s = compare(t, GOLDEN, devices, 2, STERNA_PROFILE_EXACT, NULL);
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    EXPECT(t, s->report.ended.status == STERNA_NUMERIC && s->report.n_tokens == 0 && s->report.steps == 1);
    EXPECT(t, s->report.devices[1].diverging == 1 && !strcmp(s->report.devices[1].kept[0].output, "flags"));
    EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_FAILED);
    sterna_lockstep_free(&s->report);
}

/* A context that is full ends it, too, with the tokens that fit. */
static void a_full_context_ends_it(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu"};
    positions = 9;
    scene *s = compare(t, GOLDEN, devices, 2, STERNA_PROFILE_EXACT, NULL);
    positions = 64;
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    EXPECT(t, s->report.n_tokens == 3 && sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_OK);
    sterna_lockstep_free(&s->report);
}

static double ratio_of(sterna_test *t, sterna_op op, uint32_t flip, uint64_t *beyond, uint64_t *others)
{
    char planted[STERNA_OPENED_BYTES];
    snprintf(planted, sizeof planted, "%s,op=%s,flip=%u", PLANTED, sterna_op_get(op)->name, flip);
    const char *const devices[] = {"cpu:scalar", planted};
    scene *s = compare(t, GOLDEN, devices, 2, STERNA_PROFILE_FAST, NULL);
    double ratio = -1;
    *beyond = *others = 0;
    if (EXPECT(t, s->status == STERNA_OK)) {
        const sterna_lockstep_device *device = &s->report.devices[1];
        ratio = device->tally[op].worst_ratio;
        *beyond = device->tally[op].diverging;
        *others = s->report.devices[0].diverging + device->diverging - *beyond;
        EXPECT(t,
               device->tally[op].values == s->report.devices[0].tally[op].values && device->values > 10000);
        EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == (*beyond ? STERNA_FAILED : STERNA_OK));
    }
    sterna_lockstep_free(&s->report);
    return ratio;
}

/* The lowest bit stays within the bound of a sum; a bit of the exponent leaves it. Nothing else is blamed. */
static void fast_profile_has_bounds(sterna_test *t)
{
    static const sterna_op ops[] = {STERNA_OP_matmul_float, STERNA_OP_matmul_ternary, STERNA_OP_attention};
    for (uint32_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        uint64_t beyond, others;
        const char *name = sterna_op_get(ops[i])->name;
        double small = ratio_of(t, ops[i], 0, &beyond, &others);
        CHECK_MSG(t, small > 0 && small <= 1 && beyond == 0 && others == 0, "%s: %g, %llu beyond", name,
                  small, (unsigned long long)beyond);
        double large = ratio_of(t, ops[i], 23, &beyond, &others);
        CHECK_MSG(t, large > 1 && beyond > 0 && others == 0, "%s: %g, %llu beyond", name, large,
                  (unsigned long long)beyond);
    }
    /* Integers have no bound to stay within. */
    uint64_t beyond, others;
    double ratio = ratio_of(t, STERNA_OP_quant_token, 0, &beyond, &others);
    EXPECT(t, isinf(ratio) && beyond > 0 && others == 0);
}

static void a_lost_device_is_left_out(sterna_test *t)
{
    static const char *const losing[] = {"cpu:scalar", "mock:lose_launch=40", "cpu"};
    scene *s = compare(t, GOLDEN, losing, 3, STERNA_PROFILE_EXACT, NULL);
    if (s->status == STERNA_UNSUPPORTED) SKIP(t, "%s", s->fault.text);
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    EXPECT(t, s->report.devices[1].failure.status == STERNA_DEVICE &&
                  strstr(s->report.devices[1].failure.text, "mock:lose_launch=40"));
    EXPECT(t, s->report.devices[2].operations == s->report.operations && s->report.n_tokens == 6);
    EXPECT(t, s->report.devices[1].operations > 0 && s->report.devices[1].operations < s->report.operations);
    EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_DEVICE);
    sterna_lockstep_free(&s->report);
}

/* One bit of one output flips without a word: it is found, as the only difference. */
static void a_flipped_bit_is_named(sterna_test *t)
{
    static const char *const flipping[] = {"cpu:scalar", "mock:flip_bit=40"};
    scene *s = compare(t, GOLDEN, flipping, 2, STERNA_PROFILE_EXACT, sterna_test_folder(t));
    if (s->status == STERNA_UNSUPPORTED) SKIP(t, "%s", s->fault.text);
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    EXPECT(t, s->report.devices[1].diverging == 1 && s->report.devices[1].kept[0].different == 1);
    EXPECT(t, s->summary.repro[1].path[0] && s->summary.repro[1].device.code == STERNA_VERDICT_PASS);
    EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_FAILED);
    sterna_lockstep_free(&s->report);
}

/* Differences come before failures: a device that is lost does not hide that another one computes something else. */
static void differences_come_first(sterna_test *t)
{
    static sterna_lockstep_device devices[3];
    sterna_lockstep_report report = {.devices = devices, .n_devices = 3};
    sterna_fault fault = {0};
    devices[1].values = devices[2].values = 100;
    devices[1].failure.status = STERNA_DEVICE;
    snprintf(devices[1].failure.text, sizeof devices[1].failure.text, "mock: lost");
    report.ended.status = STERNA_NUMERIC;
    snprintf(report.ended.text, sizeof report.ended.text, "cpu: bad values");
    devices[2].diverging = 1;
    CHECK(t, sterna_lockstep_verdict(&report, &fault) == STERNA_FAILED);
    devices[2].diverging = 0;
    CHECK(t, sterna_lockstep_verdict(&report, &fault) == STERNA_DEVICE && !strcmp(fault.text, "mock: lost"));
    devices[1].failure.status = STERNA_OK;
    fault = (sterna_fault){0};
    CHECK(t, sterna_lockstep_verdict(&report, &fault) == STERNA_NUMERIC &&
                 !strcmp(fault.text, "cpu: bad values"));
    report.ended.status = STERNA_OK;
    CHECK(t, sterna_lockstep_verdict(&report, &fault) == STERNA_OK);
}

static void refusals(sterna_test *t)
{
    static const char *const one[] = {"cpu:scalar"}, *const unknown[] = {"cpu:scalar", "cpu:nonsense"};
    scene *s = compare(t, GOLDEN, one, 1, STERNA_PROFILE_EXACT, NULL);
    EXPECT(t, s->status == STERNA_USAGE);
    sterna_lockstep_free(&s->report);
    s = compare(t, GOLDEN, unknown, 2, STERNA_PROFILE_EXACT, NULL);
    EXPECT(t, s->status == STERNA_UNSUPPORTED && strstr(s->fault.text, "nonsense"));
    sterna_lockstep_free(&s->report);
    s->report = (sterna_lockstep_report){0};
    EXPECT(t, sterna_lockstep_verdict(&s->report, &s->fault) == STERNA_NOTHING);
}

/* ---- Forms ---- */

typedef struct text {
    char *data;
    size_t size;
} text;

static sterna_status collect(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    text *into = context;
    char *more = sterna_realloc(into->data, into->size + bytes + 1, 1);
    if (!more) return sterna_fail(fault, STERNA_MEMORY, "no memory");
    memcpy(more + into->size, data, bytes);
    into->data = more;
    into->size += bytes;
    more[into->size] = 0;
    return STERNA_OK;
}

/* Every element is closed in order, and nothing but known elements and entities stands there. */
static bool well_formed(sterna_test *t, const char *html)
{
    static const char *const empty[] = {"!doctype", "meta"};
    char open[64][16];
    uint32_t depth = 0;
    for (const char *at = html; (at = strpbrk(at, "<&")); at++) {
        char name[16];
        bool closes = at[1] == '/', alone = false;
        if (*at == '&') {
            const char *end = strchr(at, ';');
            if (!EXPECT(t, end && end - at <= 8)) return false;
            continue;
        }
        size_t n = strcspn(at + 1 + closes, " >\n");
        if (!EXPECT(t, n > 0 && n < sizeof name)) return false;
        memcpy(name, at + 1 + closes, n);
        name[n] = 0;
        for (uint32_t i = 0; i < 2; i++) alone |= strcmp(name, empty[i]) == 0;
        if (alone) continue;
        if (!closes && depth < 64) snprintf(open[depth++], sizeof *open, "%s", name);
        if (closes && !EXPECT(t, depth && strcmp(open[--depth], name) == 0)) {
            sterna_test_note(t, "</%s> closes <%s>", name, open[depth]);
            return false;
        }
    }
    return EXPECT(t, depth == 0);
}

static void forms_are_well_formed(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", PLANTED ",op=add,flip=3", "cpu"};
    static const char *const hostile[] = {"cpu:scalar", "<script>alert('x|y')</script>&\"", "cpu"};
    static sterna_out out;
    scene *s = compare(t, GOLDEN, devices, 3, STERNA_PROFILE_EXACT, sterna_test_folder(t));
    CHECK_MSG(t, s->status == STERNA_OK, "%s", s->fault.text);
    s->params.devices = hostile;
    s->summary.model = "<b>model\n</b>";
    /* A difference in a later row of a prompt, and a device that failed without one. */
    s->report.devices[1].kept[0].position = 70;
    s->report.devices[1].kept[0].row = 7;
    s->report.devices[2].failure.status = STERNA_DEVICE;
    snprintf(s->report.devices[2].failure.text, sizeof s->report.devices[2].failure.text, "cpu: lost & gone");
    snprintf(s->report.devices[1].spec, sizeof s->report.devices[1].spec, "%s", hostile[1]);
    text html = {0}, md = {0}, json = {0};
    sterna_out_init(&out, collect, &html);
    sterna_compare_html(&s->summary, &out);
    sterna_out_flush(&out, NULL);
    sterna_out_init(&out, collect, &md);
    sterna_compare_markdown(&s->summary, &out);
    sterna_out_flush(&out, NULL);
    sterna_out_init(&out, collect, &json);
    EXPECT(t, sterna_compare_json(&s->summary, &out, &s->fault) == STERNA_OK);
    sterna_out_flush(&out, NULL);
    EXPECT(t, html.data && !strstr(html.data, "<script") && !strstr(html.data, "<b>") &&
                  well_formed(t, html.data));
    EXPECT(t, html.data && strstr(html.data, "&lt;script&gt;") && strstr(html.data, "80 of 80 differ") &&
                  strstr(html.data, "prefers-color-scheme:dark") && !strstr(html.data, "http"));
    EXPECT(t, html.data && strstr(html.data, "position 77: ") &&
                  strstr(html.data, "then it failed: cpu: lost &amp; gone"));
    const char *good = html.data ? strstr(html.data, "class=\"verdict\"") : NULL;
    good = good ? strstr(good, "<li class=\"good\"") : NULL;
    EXPECT(t, html.data && !good); /* one differs, one failed, and the reference is not judged */
    EXPECT(t, md.data && strstr(md.data, "position 77: "));
    EXPECT(t, md.data && !strstr(md.data, "'x|y'") && strstr(md.data, "x\\|y") &&
                  strstr(md.data, "| attention |"));
    cJSON *root = cJSON_Parse(json.data ? json.data : "");
    cJSON *list = cJSON_GetObjectItem(root, "devices"), *second = cJSON_GetArrayItem(list, 1);
    cJSON *kernels = cJSON_GetObjectItem(second, "kernels");
    cJSON *kept = cJSON_GetArrayItem(cJSON_GetObjectItem(second, "divergences"), 0);
    const char *failure = cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 2), "failure"));
    EXPECT(t, cJSON_GetNumberValue(cJSON_GetObjectItem(kept, "position")) == 77 &&
                  cJSON_GetNumberValue(cJSON_GetObjectItem(kept, "row")) == 7);
    EXPECT(t, failure && !strcmp(failure, "cpu: lost & gone") && !cJSON_GetObjectItem(second, "failure"));
    for (int d = 0; d < 3; d++)
        EXPECT(t, cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, d), "is_reference")) == (d == 0));
    EXPECT(t, cJSON_GetArraySize(list) == 3 && cJSON_GetArraySize(kernels) > 5);
    EXPECT(t, cJSON_GetNumberValue(cJSON_GetObjectItem(second, "diverging")) > 0 &&
                  cJSON_GetObjectItem(cJSON_GetObjectItem(second, "repro"), "file"));
    cJSON_Delete(root);
    sterna_free(html.data);
    sterna_free(md.data);
    sterna_free(json.data);
    sterna_lockstep_free(&s->report);
}

const sterna_test_case sterna_test_cases[] = {
    {"golden_is_equal", golden_is_equal, 60},
    {"stories_are_equal", stories_are_equal, 60},
    {"gpus_are_equal", gpus_are_equal, 300},
    {"planted_defect_is_named", planted_defect_is_named, 60},
    {"every_operation_is_saved", every_operation_is_saved, 60},
    {"large_calls_are_cut", large_calls_are_cut, 60},
    {"what_does_not_come_again_is_told", what_does_not_come_again_is_told, 60},
    {"a_flag_of_its_own_is_a_difference", a_flag_of_its_own_is_a_difference, 60},
    {"bad_values_end_it", bad_values_end_it, 60},
    {"a_full_context_ends_it", a_full_context_ends_it, 60},
    {"fast_profile_has_bounds", fast_profile_has_bounds, 60},
    {"a_lost_device_is_left_out", a_lost_device_is_left_out, 60},
    {"a_flipped_bit_is_named", a_flipped_bit_is_named, 60},
    {"differences_come_first", differences_come_first, 0},
    {"refusals", refusals, 60},
    {"forms_are_well_formed", forms_are_well_formed, 60},
    {0}};
