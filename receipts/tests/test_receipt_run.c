/* Receipts of real runs: they hold, replay finds their bits again, and no way of fooling a verifier that is known from
 * older receipt systems works. Owns: the whole way from session to verdict. Leaves to others: the text form
 * (test_receipt_text.c), changed bytes (test_receipt_tamper.c). */
#include "base/size.h"
#include "base/sys.h"
#include "receipt_rig.h"
#include "session/session.h"
#include <stdio.h>

static sterna_receipt recorded;
static sterna_verify_report report;
static sterna_fault fault;

/* Records a run, or fails the case. */
static bool record(sterna_test *t, const char *device, uint32_t n)
{
    fault = (sterna_fault){0};
    bool right = EXPECT(t, rig_record(t, RIG_MODEL, device, n, 0.8f, &recorded, &fault) == STERNA_OK);
    if (!right) sterna_test_note(t, "%s", fault.text);
    return right;
}

/* Signs what is recorded now, with the right key: the verdict must name this gate and field. */
static bool refused(sterna_test *t, const sterna_verify_params *params, uint32_t gate, const char *field)
{
    static const sterna_verify_params none;
    sterna_status status = rig_verify(&recorded, params ? params : &none, &report);
    bool right = EXPECT(t, status == STERNA_INVALID) && EXPECT(t, report.finding.gate == gate) &&
                 EXPECT(t, strcmp(report.finding.defect.field, field) == 0) &&
                 EXPECT(t, report.finding.defect.expected[0] && report.finding.defect.found[0]);
    if (!right)
        sterna_test_note(t, "wanted gate %u, %s; got %s, gate %u: %s", gate, field,
                         sterna_status_name(status), report.finding.gate, report.fault.text);
    sterna_verify_free(&report);
    return right;
}

static bool accepted(sterna_test *t, const sterna_verify_params *params)
{
    static const sterna_verify_params none;
    sterna_status status = rig_verify(&recorded, params ? params : &none, &report);
    bool right = EXPECT(t, status == STERNA_OK) && EXPECT(t, report.gates_passed == STERNA_GATES);
    if (!right) sterna_test_note(t, "%s: %s", sterna_status_name(status), report.fault.text);
    sterna_verify_free(&report);
    return right;
}

/* Every usable level of this processor: gates, model, program with the kernels' code, replay on another level. */
static void holds_on_every_level(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu:avx2", "cpu:avx512bw", "cpu:avx512vnni", "auto"};
    uint32_t ran = 0;
    uint8_t end[STERNA_HASH_BYTES] = {0};
    for (size_t i = 0; i < STERNA_COUNT(devices); i++) {
        fault = (sterna_fault){0};
        sterna_status status = rig_record(t, RIG_MODEL, devices[i], 12, 0.8f, &recorded, &fault);
        if (status == STERNA_UNSUPPORTED) continue; /* this processor lacks the level */
        CHECK_MSG(t, status == STERNA_OK, "%s: %s", devices[i], fault.text);
        sterna_verify_params params = {.model = sterna_test_repo(t, RIG_MODEL),
                                       .program = "/proc/self/exe",
                                       .replay = true,
                                       .device = i % 2 ? "cpu:scalar" : "cpu",
                                       .policy = {.strict = true}};
        CHECK(t, accepted(t, &params));
        CHECK(t, recorded.device.verified_values == 512 && recorded.device.different_values == 0);
        if (ran++ > 0) CHECK(t, memcmp(end, recorded.chain.end, sizeof end) == 0);
        memcpy(end, recorded.chain.end, sizeof end);
        sterna_receipt_free(&recorded);
    }
    CHECK(t, ran >= 2);
}

/* Greedy, one token, a prompt longer than the batch, a ternary BitNet model. */
static void other_runs_hold(sterna_test *t)
{
    sterna_verify_params params = {.model = sterna_test_repo(t, RIG_MODEL), .replay = true};
    CHECK(t, rig_record(t, RIG_MODEL, "cpu", 1, 0, &recorded, &fault) == STERNA_OK);
    CHECK(t, recorded.speed.decode_steps == 0 && accepted(t, &params));
    sterna_receipt_free(&recorded);
    params.model = sterna_test_repo(t, "golden/models/golden.gguf");
    CHECK(t, rig_record(t, "golden/models/golden.gguf", "cpu", 20, 0, &recorded, &fault) == STERNA_OK);
    CHECK(t, accepted(t, &params));
    /* The model of another receipt is another model. */
    params.model = sterna_test_repo(t, RIG_MODEL);
    CHECK(t, refused(t, &params, 0, "model.merkle"));
    sterna_receipt_free(&recorded);
}

/* 1.15 (1): kernel ids that say nothing of what ran. Ours come from the dispatch: they follow device and work. */
static void kernels_follow_the_work(sterna_test *t)
{
    CHECK(t, record(t, "cpu:scalar", 4));
    uint64_t launches = 0;
    for (uint32_t i = 0; i < recorded.n_kernels; i++) {
        CHECK(t, strstr(recorded.kernels[i].name, "/scalar") && recorded.kernels[i].has_code);
        launches += recorded.kernels[i].launches;
    }
    sterna_receipt_free(&recorded);
    CHECK(t, record(t, "cpu:scalar", 9));
    uint64_t more = 0;
    for (uint32_t i = 0; i < recorded.n_kernels; i++) more += recorded.kernels[i].launches;
    CHECK(t, more > launches);
    /* A float model's kernels on quantised weights: the ids of 1.15 (1) were those of no kernel that ran. */
    for (uint32_t i = 0; i < recorded.n_kernels; i++)
        if (strncmp(recorded.kernels[i].name, "matmul_block", 12) == 0)
            snprintf(recorded.kernels[i].name, sizeof recorded.kernels[i].name, "matmul_float.F16/scalar");
    CHECK(t, refused(t, NULL, 5, "kernels"));
    snprintf(recorded.kernels[0].name, sizeof recorded.kernels[0].name, "i2s_gemv");
    CHECK(t, refused(t, NULL, 3, "kernels[0].name"));
    sterna_receipt_free(&recorded);
    /* A mock says so, whatever it computes, and its receipt does not pass. */
    CHECK(t, record(t, "mock", 3));
    CHECK(t, strcmp(recorded.head.compute_path, "mock") == 0 && recorded.device.is_mock);
    CHECK(t, refused(t, NULL, 2, "compute_path"));
    snprintf(recorded.head.compute_path, sizeof recorded.head.compute_path, "real");
    CHECK(t, refused(t, NULL, 2, "device.is_mock"));
    recorded.device.is_mock = false;
    CHECK(t, refused(t, NULL, 2, "device.selected"));
    snprintf(recorded.device.selected, sizeof recorded.device.selected, "cpu:avx2");
    CHECK(t, refused(t, NULL, 2, "kernels"));
    sterna_receipt_free(&recorded);
}

static sterna_status stop_at_third(void *context, uint32_t token)
{
    uint32_t *n = context;
    (void)token;
    return ++*n == 3 ? STERNA_FAILED : STERNA_OK;
}

/* 1.15 (2): a receipt of a run that failed. What was recorded does not match what was reported, so there is none. */
static void a_failed_run_has_none(sterna_test *t)
{
    static const uint32_t prompt[] = {1, 403};
    sterna_model *model = NULL;
    sterna_session *session = NULL;
    sterna_record *r = NULL;
    uint32_t drawn = 0;
    sterna_session_params params = {.size = sizeof params, .n_ctx = 32};
    sterna_generate_params generate = {.size = sizeof generate,
                                       .prompt = prompt,
                                       .n_prompt = 2,
                                       .n_predict = 8,
                                       .sampling = {.size = sizeof(sterna_sampling), .top_p = 1}};
    sterna_generate_result result;
    CHECK(t, sterna_model_open(sterna_test_repo(t, RIG_MODEL), &model, NULL) == STERNA_OK);
    CHECK(t, sterna_session_open(model, &params, &session, NULL) == STERNA_OK);
    CHECK(t, sterna_record_begin(session, &generate, "run", &rig_build, false, &r, NULL) == STERNA_OK);
    /* Nothing has run yet. */
    result = (sterna_generate_result){.n_tokens = 0};
    CHECK(t, sterna_record_end(r, &result, &recorded, NULL) == STERNA_FAILED);
    CHECK(t, sterna_generate(session, &generate, stop_at_third, &drawn, &result, NULL) == STERNA_FAILED);
    /* Tokens requested are not tokens computed. */
    result.n_tokens = generate.n_predict;
    CHECK(t, sterna_record_end(r, &result, &recorded, &fault) == STERNA_FAILED &&
                 strstr(fault.text, "3 tokens seen"));
    /* A second generation on top is no single one. */
    CHECK(t, sterna_generate(session, &generate, NULL, NULL, &result, NULL) == STERNA_OK);
    CHECK(t, sterna_record_end(r, &result, &recorded, NULL) == STERNA_FAILED);
    sterna_record *late = NULL;
    CHECK(t, sterna_record_begin(session, &generate, "run", &rig_build, false, &late, NULL) == STERNA_USAGE &&
                 !late);
    sterna_session_close(session);
    sterna_record_free(r);
    sterna_model_close(model);
}

/* 1.15 (3): a speed of zero, or one that cannot be. */
static void speeds_must_be_possible(sterna_test *t)
{
    CHECK(t, record(t, "cpu", 12));
    sterna_receipt_speed right = recorded.speed;
    recorded.speed.tokens_per_second = 0;
    CHECK(t, refused(t, NULL, 8, "speed.tokens_per_second"));
    recorded.speed = right;
    recorded.speed.decode_steps = 400;
    CHECK(t, refused(t, NULL, 4, "kernels")); /* more steps than embeddings */
    recorded.speed = right;
    recorded.speed.decode_steps--;
    CHECK(t, refused(t, NULL, 8, "speed.decode_steps"));
    recorded.speed = right;
    recorded.speed.decode_seconds = 0;
    CHECK(t, refused(t, NULL, 8, "speed.decode_seconds"));
    recorded.speed = right;
    recorded.speed.bytes_moved++;
    CHECK(t, refused(t, NULL, 8, "speed.bytes_moved"));
    /* Consistent with itself, and faster than memory: a thousand times the bandwidth. */
    recorded.speed = right;
    recorded.speed.decode_seconds = (double)right.bytes_moved / (right.bandwidth * 1000);
    recorded.speed.tokens_per_second = (double)right.decode_steps / recorded.speed.decode_seconds;
    CHECK(t, refused(t, NULL, 8, "speed.decode_seconds"));
    recorded.speed = right;
    recorded.speed.prompt_seconds = 1e-12;
    CHECK(t, refused(t, NULL, 8, "speed.prompt_seconds"));
    recorded.speed = right;
    recorded.speed.bandwidth = 0;
    CHECK(t, refused(t, NULL, 8, "speed.bandwidth"));
    recorded.speed = right;
    CHECK(t, accepted(t, NULL));
    sterna_receipt_free(&recorded);
}

/* 1.15 (4): a receipt written by hand because there was no model. It may be consistent and even signed by the right key:
 * its bits are nobody's, and replay says so. */
static void replay_finds_invented_bits(sterna_test *t)
{
    sterna_verify_params params = {.model = sterna_test_repo(t, RIG_MODEL), .replay = true};
    CHECK(t, record(t, "cpu", 12));
    CHECK(t, accepted(t, &params));
    uint8_t kept = recorded.steps[7][31];
    recorded.steps[7][31] ^= 1;
    CHECK(t, accepted(t, NULL)); /* no gate can know */
    CHECK(t, refused(t, &params, 0, "steps[7]"));
    recorded.steps[7][31] = kept;
    uint32_t token = recorded.tokens[5];
    recorded.tokens[5] = (token + 1) % 512;
    CHECK(t, refused(t, &params, 0, "steps[5]"));
    recorded.tokens[5] = 99999;
    CHECK(t, refused(t, &params, 0, "tokens[5]"));
    recorded.tokens[5] = token;
    recorded.sampling.seed++;
    sterna_status status = rig_verify(&recorded, &params, &report);
    CHECK(t, status == STERNA_INVALID && strncmp(report.finding.defect.field, "tokens[", 7) == 0);
    sterna_verify_free(&report);
    recorded.sampling.seed--;
    snprintf(recorded.session.kv_type, sizeof recorded.session.kv_type, "f32");
    /* The first row attends to a cache of rounded values only through later ones. */
    CHECK(t, rig_verify(&recorded, &params, &report) == STERNA_INVALID);
    sterna_verify_free(&report);
    snprintf(recorded.session.kv_type, sizeof recorded.session.kv_type, "f16");
    /* What was drawn from logits that nobody computed has no digest to show. */
    recorded.prompt[0] = 2;
    CHECK(t, refused(t, &params, 7, "chain.start"));
    recorded.prompt[0] = 1;
    snprintf(recorded.device.profile, sizeof recorded.device.profile, "fast");
    CHECK(t, rig_verify(&recorded, &params, &report) == STERNA_NOTHING);
    sterna_verify_free(&report);
    sterna_receipt_free(&recorded);
}

/* A device that computed wrong bits and does not know it: a bit of one launch's output flipped. Its receipt is as good as any
 * for every gate; replay finds the step. (The mock breaks; what it says of itself is taken from an honest device.) */
static void replay_finds_a_flipped_bit(sterna_test *t)
{
    sterna_verify_params params = {.model = sterna_test_repo(t, RIG_MODEL), .replay = true};
    uint32_t wrong = 0, absorbed = 0;
    CHECK(t, record(t, "cpu", 6));
    const sterna_receipt honest = recorded;
    for (uint32_t launch = 60; launch < 600; launch += 45) {
        char device[40];
        snprintf(device, sizeof device, "mock:flip_bit=%u", launch);
        fault = (sterna_fault){0};
        sterna_status ended = rig_record(t, RIG_MODEL, device, 6, 0.8f, &recorded, &fault);
        if (ended == STERNA_NUMERIC) continue; /* made infinite: the next operation said so */
        CHECK_MSG(t, ended == STERNA_OK, "%s: %s", device, fault.text);
        sterna_receipt broken = recorded;
        recorded = honest;
        recorded.tokens = broken.tokens;
        recorded.steps = broken.steps;
        recorded.chain = broken.chain;
        bool same = memcmp(broken.steps, honest.steps, honest.n_steps * sizeof *honest.steps) == 0;
        bool passes = accepted(t, NULL); /* no gate can know */
        sterna_status status = rig_verify(&recorded, &params, &report);
        bool found = EXPECT(t, status == (same ? STERNA_OK : STERNA_INVALID)) &&
                     EXPECT(t, same || strncmp(report.finding.defect.field, "steps[", 6) == 0);
        if (!found)
            sterna_test_note(t, "%s: %s, %s", device, sterna_status_name(status),
                             report.finding.defect.field);
        sterna_verify_free(&report);
        sterna_receipt_free(&broken);
        *(same ? &absorbed : &wrong) += 1;
        CHECK(t, passes && found);
    }
    CHECK_MSG(t, wrong >= 2, "%u runs with wrong bits, %u in which rounding took the bit away", wrong,
              absorbed);
    recorded = honest;
    CHECK(t, accepted(t, &params));
    sterna_receipt_free(&recorded);
}

/* 1.15 (5): without a signature that was checked and without replay, nothing is proven. */
static void unproven_is_not_valid(sterna_test *t)
{
    sterna_public_key key, other;
    sterna_secret_key secret, other_secret;
    sterna_verify_params params = {0};
    char *text;
    size_t bytes;
    CHECK(t, record(t, "cpu", 4));
    CHECK(t, sterna_key_make(&key, &secret, NULL) == STERNA_OK);
    CHECK(t, sterna_key_make(&other, &other_secret, NULL) == STERNA_OK);
    CHECK(t, rig_envelope(&recorded, NULL, &text, &bytes) == STERNA_OK);
    CHECK(t, sterna_verify_text(text, bytes, &params, &report) == STERNA_NOTHING && !report.is_signed);
    sterna_verify_free(&report);
    params.key = &key;
    CHECK(t, sterna_verify_text(text, bytes, &params, &report) == STERNA_INVALID && report.finding.gate == 0);
    sterna_verify_free(&report);
    sterna_free(text);
    CHECK(t, rig_envelope(&recorded, &other_secret, &text, &bytes) == STERNA_OK);
    CHECK(t, sterna_verify_text(text, bytes, &params, &report) == STERNA_INVALID);
    CHECK(t, strstr(report.fault.text, "another key"));
    sterna_verify_free(&report);
    params.key = NULL;
    CHECK(t, sterna_verify_text(text, bytes, &params, &report) == STERNA_NOTHING && report.is_signed);
    sterna_verify_free(&report);
    params.key = &other;
    CHECK(t, sterna_verify_text(text, bytes, &params, &report) == STERNA_OK);
    sterna_verify_free(&report);
    sterna_free(text);
    sterna_receipt_free(&recorded);
}

/* 1.15 (6): another device's name over CPU kernels; a fallback; a device that was not there. */
static void devices_own_their_kernels(sterna_test *t)
{
    CHECK(t, record(t, "cpu:scalar", 4));
    sterna_receipt_device right = recorded.device;
    snprintf(recorded.device.selected, sizeof recorded.device.selected, "opencl:0");
    CHECK(t, refused(t, NULL, 4, "kernels"));
    recorded.device = right;
    char name[64];
    memcpy(name, recorded.kernels[0].name, sizeof name);
    snprintf(strchr(recorded.kernels[0].name, '/'), 8, "/avx2");
    CHECK(t, refused(t, NULL, 4, "kernels")); /* a level above the selected one */
    memcpy(recorded.kernels[0].name, name, sizeof name);
    snprintf(recorded.device.requested, sizeof recorded.device.requested, "cuda:0");
    CHECK(t, refused(t, NULL, 5, "device.selected")); /* asked for one thing, used another */
    recorded.device = right;
    snprintf(recorded.device.detected, sizeof recorded.device.detected, "cpu:avx2");
    CHECK(t, refused(t, NULL, 5, "device.selected"));
    recorded.device = right;
    snprintf(recorded.device.selected, sizeof recorded.device.selected, "cpu:quick");
    CHECK(t, refused(t, NULL, 4, "device.selected"));
    recorded.device = right;
    CHECK(t, accepted(t, NULL));
    sterna_receipt_free(&recorded);
}

/* A GPU's kernels are called api:id, begin with their operation, and belong to the selected API. */
static void kernels_of_gpus_have_names_of_their_own(sterna_test *t)
{
    char name[64];
    CHECK(t, record(t, "cpu:scalar", 4));
    for (uint32_t i = 0; i < recorded.n_kernels;
         i++) { /* "matmul_ternary.TQ2_0/scalar" -> "vulkan:matmul_ternary_TQ2_0" */
        snprintf(name, sizeof name, "vulkan:%.50s", recorded.kernels[i].name);
        *strchr(name, '/') = 0;
        if (strchr(name, '.')) *strchr(name, '.') = '_';
        memcpy(recorded.kernels[i].name, name, sizeof name);
    }
    snprintf(recorded.device.requested, sizeof recorded.device.requested, "vulkan");
    snprintf(recorded.device.detected, sizeof recorded.device.detected, "cpu:scalar,vulkan:0");
    snprintf(recorded.device.selected, sizeof recorded.device.selected, "vulkan:0");
    CHECK(t, accepted(t, NULL));
    static const struct {
        const char *requested, *selected;
        bool right;
    } names[] = {
        {"vulkan:0", "vulkan:llvm", true},
        {"vulkan:vm", "vulkan:llvm", true},
        {"vulkan:0,each=1", "vulkan:llvm,each=1", true},
        {"vulkan:each=1,staging=1", "vulkan:llvm,each=1,staging=1", true},
        {"vulkan:0,each=1", "vulkan:llvm", false},
        {"vulkan:0", "vulkan:llvm,each=1", false},
        {"vulkan:each=1", "vulkan:llvm", false},
        {"vulkan:other", "vulkan:llvm", false}, /* which is another that was there */
        {"vulkan:other,each=1", "vulkan:llvm,each=1", false},
        {"opencl:0", "vulkan:llvm", false},
        {"vulkanx:0", "vulkan:llvm", false},
        {"vulk", "vulkan:llvm", true}, /* as ever: the beginning of it */
    };
    snprintf(recorded.device.detected, sizeof recorded.device.detected,
             "cpu:scalar,vulkan:other,vulkan:llvm");
    for (size_t i = 0; i < STERNA_COUNT(names); i++) {
        snprintf(recorded.device.requested, sizeof recorded.device.requested, "%s", names[i].requested);
        snprintf(recorded.device.selected, sizeof recorded.device.selected, "%s", names[i].selected);
        if (!EXPECT(t, names[i].right ? accepted(t, NULL) : refused(t, NULL, 5, "device.selected")))
            sterna_test_note(t, "%s, %s", names[i].requested, names[i].selected);
    }
    snprintf(recorded.device.requested, sizeof recorded.device.requested, "vulkan");
    memcpy(name, recorded.kernels[0].name, sizeof name);
    snprintf(recorded.kernels[0].name, sizeof recorded.kernels[0].name, "opencl:%.50s",
             name + strlen("vulkan:"));
    CHECK(t, refused(t, NULL, 4, "kernels"));
    snprintf(recorded.kernels[0].name, sizeof recorded.kernels[0].name, "vulkan:x%.50s",
             name + strlen("vulkan:"));
    CHECK(t, refused(t, NULL, 3, "kernels[0].name"));
    snprintf(recorded.kernels[0].name, sizeof recorded.kernels[0].name, ":%.50s", name + strlen("vulkan:"));
    CHECK(t, refused(t, NULL, 3, "kernels[0].name"));
    snprintf(recorded.kernels[0].name, sizeof recorded.kernels[0].name, "vulkan:");
    CHECK(t, refused(t, NULL, 3, "kernels[0].name"));
    memcpy(recorded.kernels[0].name, name, sizeof name);
    for (uint32_t i = 0; i < recorded.n_kernels; i++) /* counts are looked for under these names, too */
        if (strstr(recorded.kernels[i].name, ":attention")) recorded.kernels[i].launches = 1;
    CHECK(t, refused(t, NULL, 4, "kernels"));
    sterna_receipt_free(&recorded);
}

/* 1.15 (7): ids without counts. Ours are counted, and the counts are those of the work. */
static void launches_are_counted(sterna_test *t)
{
    CHECK(t, record(t, "cpu", 8));
    uint32_t embed = 0, attention = 0;
    for (uint32_t i = 0; i < recorded.n_kernels; i++) {
        if (strncmp(recorded.kernels[i].name, "embed", 5) == 0) embed = i;
        if (strncmp(recorded.kernels[i].name, "attention", 9) == 0) attention = i;
    }
    uint64_t kept = recorded.kernels[embed].launches;
    recorded.kernels[embed].launches = 2;
    CHECK(t, refused(t, NULL, 4, "kernels"));
    char field[32];
    recorded.kernels[embed].launches = 0;
    snprintf(field, sizeof field, "kernels[%u].launches", embed);
    CHECK(t, refused(t, NULL, 3, field));
    recorded.kernels[embed].launches = kept;
    recorded.kernels[attention].launches--;
    CHECK(t, refused(t, NULL, 4, "kernels"));
    recorded.kernels[attention].launches++;
    memcpy(recorded.kernels[1].name, recorded.kernels[0].name, sizeof recorded.kernels[1].name);
    CHECK(t, refused(t, NULL, 3, "kernels[1].name")); /* one kernel twice */
    recorded.n_kernels = 0;
    CHECK(t, refused(t, NULL, 3, "kernels"));
    sterna_receipt_free(&recorded);
}

static void tests_and_corrections(sterna_test *t)
{
    sterna_verify_params allow = {.policy = {.allow_corrections = true}};
    CHECK(t, record(t, "cpu", 4));
    recorded.tests = (sterna_receipt_tests){.total = 3, .passed = 2, .failed = 1};
    CHECK(t, refused(t, NULL, 7, "tests.failed"));
    recorded.tests = (sterna_receipt_tests){.total = 4, .passed = 2, .skipped = 1};
    CHECK(t, refused(t, NULL, 7, "tests.total"));
    recorded.tests = (sterna_receipt_tests){.total = 3, .passed = 2, .skipped = 1};
    CHECK(t, accepted(t, NULL));
    recorded.device.different_values = 1;
    CHECK(t, refused(t, NULL, 7, "device.different_values"));
    recorded.device.different_values = 0;
    recorded.n_steps--;
    CHECK(t, refused(t, NULL, 7, "steps"));
    recorded.n_steps++;
    recorded.chain.end[0] ^= 1;
    CHECK(t, refused(t, NULL, 7, "chain.end"));
    recorded.chain.end[0] ^= 1;
    recorded.corrections = sterna_alloc(1, sizeof *recorded.corrections);
    CHECK(t, recorded.corrections);
    recorded.n_corrections = 1;
    snprintf(recorded.corrections[0].tensor, sizeof recorded.corrections[0].tensor, "blk.0.attn_norm.weight");
    CHECK(t, refused(t, NULL, 6, "corrections"));
    CHECK(t, accepted(t, &allow));
    sterna_receipt_free(&recorded);
}

static void expect_policy(sterna_test *t, const char *field)
{
    sterna_verify_params strict = {.policy = {.strict = true}};
    sterna_status status = rig_verify(&recorded, &strict, &report);
    if (!EXPECT(t, status == STERNA_POLICY) || !EXPECT(t, strcmp(report.finding.defect.field, field) == 0))
        sterna_test_note(t, "%s: %s", sterna_status_name(status), report.fault.text);
    sterna_verify_free(&report);
}

static void strict_mode_is_a_policy(sterna_test *t)
{
    sterna_verify_params strict = {.policy = {.strict = true}};
    CHECK(t, record(t, "mock", 3));
    expect_policy(t, "compute_path");
    sterna_receipt_free(&recorded);
    CHECK(t, record(t, "cpu:scalar", 3));
    CHECK(t, accepted(t, &strict));
    recorded.device.verified_values = 0;
    expect_policy(t, "device.verified_values");
    CHECK(t, accepted(t, NULL));
    recorded.device.verified_values = 512;
    recorded.kernels[2].has_code = false;
    memset(recorded.kernels[2].code_sha256, 0, sizeof recorded.kernels[2].code_sha256);
    expect_policy(t, "kernels");
    CHECK(t, accepted(t, NULL));
    snprintf(recorded.device.requested, sizeof recorded.device.requested, "vulkan");
    expect_policy(t, "device.selected");
    sterna_receipt_free(&recorded);
}

/* The program's hash, and the kernels' within it. */
static void another_program_is_refused(sterna_test *t)
{
    sterna_verify_params params = {.program = "/proc/self/exe"};
    CHECK(t, record(t, "cpu", 4));
    CHECK(t, accepted(t, &params));
    for (uint32_t i = 0; i < STERNA_HASH_BYTES; i++)
        for (uint32_t bit = 0; bit < 8; bit++) {
            recorded.build.program_sha256[i] ^= (uint8_t)(1u << bit);
            CHECK(t, refused(t, &params, 0, "build.program_sha256"));
            recorded.build.program_sha256[i] ^= (uint8_t)(1u << bit);
        }
    recorded.kernels[0].code_sha256[9] ^= 4;
    CHECK(t, refused(t, &params, 0, recorded.kernels[0].name));
    sterna_receipt_free(&recorded);
}

const sterna_test_case sterna_test_cases[] = {
    {"holds_on_every_level", holds_on_every_level, 0},
    {"other_runs_hold", other_runs_hold, 0},
    {"kernels_follow_the_work", kernels_follow_the_work, 0},
    {"a_failed_run_has_none", a_failed_run_has_none, 0},
    {"speeds_must_be_possible", speeds_must_be_possible, 0},
    {"replay_finds_invented_bits", replay_finds_invented_bits, 0},
    {"replay_finds_a_flipped_bit", replay_finds_a_flipped_bit, 0},
    {"unproven_is_not_valid", unproven_is_not_valid, 0},
    {"kernels_of_gpus_have_names_of_their_own", kernels_of_gpus_have_names_of_their_own, 0},
    {"devices_own_their_kernels", devices_own_their_kernels, 0},
    {"launches_are_counted", launches_are_counted, 0},
    {"tests_and_corrections", tests_and_corrections, 0},
    {"strict_mode_is_a_policy", strict_mode_is_a_policy, 0},
    {"another_program_is_refused", another_program_is_refused, 60},
    {0},
};
